"""`Allowances`: a bucket a source that fills steadily, never overdrawn by whoever takes from it."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from attune.adapters.dynamodb_allowances import DynamoAllowances
from attune.domain.collection.rate_limits import Grant
from attune.domain.definitions.sources import RateLimit
from attune.ports import ConflictError
from attune.ports.limits import Allowances
from tests.adapters.cloud import Cloud
from tests.adapters.stores import allowances_of
from tests.builders import NOW

LIMIT = RateLimit(per_second=10)


@pytest.fixture
def allowances(backend: Cloud | None) -> Allowances:
    return allowances_of(backend)


def taken(allowances: Allowances, now: int, wanted: int = 1, limit: RateLimit = LIMIT) -> int:
    return allowances.claim("shop", limit, wanted, now).requests


def test_a_full_bucket_holds_a_seconds_worth_or_the_burst(allowances: Allowances) -> None:
    assert [taken(allowances, NOW) for _ in range(12)] == [1] * 10 + [0] * 2
    burst = RateLimit(per_second=10, burst=3)
    assert [allowances.claim("other", burst, 2, NOW).requests for _ in range(3)] == [2, 1, 0]


def test_who_wants_more_than_there_is_gets_what_there_is(allowances: Allowances) -> None:
    assert [taken(allowances, NOW, 4), taken(allowances, NOW, 4), taken(allowances, NOW, 4)] == [4, 4, 2]


def test_what_was_taken_flows_in_again_request_by_request(allowances: Allowances) -> None:
    taken(allowances, NOW, 10)
    assert allowances.claim("shop", LIMIT, 1, NOW) == Grant(requests=0, wait=100)
    assert allowances.claim("shop", LIMIT, 1, NOW + 60) == Grant(requests=0, wait=40)
    assert [taken(allowances, NOW + 100), taken(allowances, NOW + 100)] == [1, 0]
    assert taken(allowances, NOW + 650, 10) == 5
    assert taken(allowances, NOW + 60_000, 10) == 10


def test_a_full_bucket_grows_no_fuller(allowances: Allowances) -> None:
    taken(allowances, NOW)
    assert [taken(allowances, NOW + 3_600_000, 7) for _ in range(3)] == [7, 3, 0]


def test_each_source_has_a_bucket_of_its_own(allowances: Allowances) -> None:
    taken(allowances, NOW, 10)
    assert allowances.claim("other", LIMIT, 10, NOW).requests == 10


def test_another_limit_is_another_bucket_and_full(allowances: Allowances) -> None:
    slow, fast = RateLimit(per_second=1, burst=3_600), RateLimit(per_second=100)
    assert allowances.claim("shop", slow, 3_600, NOW).requests == 3_600
    assert allowances.claim("shop", slow, 1, NOW).requests == 0
    # what empties an hour's worth must not block for an hour whoever is given more
    assert allowances.claim("shop", fast, 100, NOW).requests == 100
    assert allowances.claim("shop", slow, 1, NOW).requests == 0


def test_a_clock_that_lags_behind_is_refused_rather_than_overdraws(allowances: Allowances) -> None:
    taken(allowances, NOW, 10)
    assert taken(allowances, NOW - 5_000) == 0


def test_a_limit_that_divides_no_second_is_not_exceeded(allowances: Allowances) -> None:
    limit = RateLimit(per_second=3)
    granted = sum(taken(allowances, NOW + ms, 1, limit) for ms in range(0, 10_000, 20))
    assert 3 + 29 <= granted <= 3 + 30


def test_containers_share_what_there_is(moto_cloud: Cloud) -> None:
    table = moto_cloud.table("limits")
    containers = [DynamoAllowances(moto_cloud.client("dynamodb"), table) for _ in range(3)]
    granted = [taken(containers[n % 3], NOW + 10 * n) for n in range(200)]
    # 2 s: what the bucket held, and what flowed in
    assert sum(granted) in (29, 30)


def test_a_bucket_is_forgotten_when_it_has_long_been_full(moto_cloud: Cloud) -> None:
    client, table = moto_cloud.client("dynamodb"), moto_cloud.table("limits")
    DynamoAllowances(client, table).claim("shop", LIMIT, 1, NOW)
    [item] = client.scan(TableName=table)["Items"]
    assert int(item["expires_at"]["N"]) == NOW // 1_000 + 1 + 86_400


def test_a_claim_asks_four_times_at_the_most(moto_cloud: Cloud) -> None:
    client = moto_cloud.client("dynamodb")
    with Stubber(client) as stub:
        for n in range(4):
            # others empty the bucket and fill it, again and again
            full_at = {"full_at": {"N": str((NOW + 1_000 * (n % 2) - 500) * 1_000)}}
            stub.add_client_error("update_item", "ConditionalCheckFailedException", modeled_fields={"Item": full_at})
        with pytest.raises(ConflictError):
            DynamoAllowances(client, "limits").claim("shop", LIMIT, 1, NOW)
        stub.assert_no_pending_responses()
