"""Writes on AWS whose answer was lost, so that the SDK sent them again by itself: nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.memory import MemoryProfiles
from attune.domain.campaigns.deliveries import State
from attune.domain.events import encode_record
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile
from attune.ports import ConflictError
from attune.use_cases.processing.process_events import StreamRecord
from tests.adapters.cloud import Cloud
from tests.builders import NOW, SECOND, consent_event, delivery, event, identifiers, identify, key_of, record
from tests.faults.world import World

WRITES = ("put_item", "transact_write_items", "update_item", "delete_item")


class Stuttering:
    """A client that sends every write twice; the caller gets the second answer."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.repeated: list[str] = []

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._client, name)
        if name not in WRITES:
            return call

        def twice(**arguments: Any) -> Any:
            self.repeated.append(name)
            call(**arguments)
            return call(**arguments)

        return twice


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


def story() -> list[Any]:
    """Somebody on two devices, who logs in and withdraws: puts, claims, a merge, consent records."""
    one, two = identifiers(anonymous_id="one"), identifiers(anonymous_id="two")
    both = identifiers(anonymous_id="two", user_id="u")
    happened = [event(message_id=f"one-{n}", time=NOW + n, identifiers=one) for n in range(4)]
    happened += [event(message_id=f"two-{n}", time=NOW + n, identifiers=two) for n in range(3)]
    happened.append(identify(message_id="login-1", identifiers=identifiers(anonymous_id="one", user_id="u")))
    happened.append(identify(message_id="login-2", identifiers=both, time=NOW + SECOND))
    happened.append(consent_event({"email": False}, message_id="no", identifiers=one, time=NOW + SECOND))
    return [*happened, event(message_id="last", time=NOW + SECOND, identifiers=two)]


def lived(profiles: Any) -> Profile:
    """Delivered one by one, then all of it again."""
    world = World()
    world.profiles = profiles
    process = world._process_events()
    sent = [record(one, received_at=NOW + SECOND) for one in story()]
    batch = [StreamRecord(one.key, str(n), encode_record(one), NOW) for n, one in enumerate(sent, 1)]
    for delivered in [*([one] for one in batch), batch]:
        assert process(delivered) == []
    owner = profiles.identities([key_of("user_id", "u")], consistent=True)[key_of("user_id", "u")].profile_id
    item = profiles.items([owner], consistent=True)[owner]
    return decode_profile(item.state)


def test_every_write_of_a_profile_that_is_sent_twice_counts_once(cloud: Cloud) -> None:
    client = Stuttering(cloud.client("dynamodb"))
    tables = {role: cloud.table(role) for role in ("profiles", "identities", "ledger")}
    stored = lived(DynamoProfiles(client, **tables))  # type: ignore[arg-type] # stands in for the client
    assert stored == lived(MemoryProfiles())
    assert stored.events == len(story()) - 1
    assert set(client.repeated) == {"put_item", "transact_write_items"}
    entries = cloud.client("dynamodb").scan(TableName=tables["ledger"])["Items"]
    once = MemoryProfiles()
    lived(once)
    kept = sum(len(once.ledger(item.profile_id)) for item in once.all_items())
    assert len(entries) == kept


def test_a_claim_and_an_attempt_that_are_sent_twice_stand_once(cloud: Cloud) -> None:
    client = Stuttering(cloud.client("dynamodb"))
    store = DynamoDeliveries(client, cloud.table("deliveries"))  # type: ignore[arg-type] # stands in for the client
    claimed = delivery()
    assert store.claim(claimed) == claimed
    begun = delivery(attempts=1, holder="worker-1")
    store.settle(begun, read_state=State.CLAIMED, read_attempts=0)
    assert store.get(begun.profile_id, begun.delivery_id) == begun
    with pytest.raises(ConflictError):
        store.settle(delivery(attempts=1, holder="worker-2"), read_state=State.CLAIMED, read_attempts=0)
    assert client.repeated == ["put_item", "update_item", "update_item"]
