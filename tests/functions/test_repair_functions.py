"""replay_batches and repair_effects as the repair machine calls them, AWS in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.profiles.profile import Membership, Timer
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.runtime.telemetry import FunctionFailedError
from attune.use_cases.management.show_times import iso
from tests.adapters.cloud import REGION, Cloud
from tests.builders import definition_list, profile_id
from tests.failed_batches import document, key, kinesis_record
from tests.functions.gateway import load
from tests.functions.management import CONTEXT
from tests.use_cases.campaign_story import Story

MINUTE = 60_000
#: later than moto's objects are
RUN = {"run": "20250615T150640Z", "started_at": "2100-01-01T00:00:00.250Z"}
TABLES = ("profiles", "identities", "deliveries", "definitions")


class Deployed:
    """The stores of both functions."""

    def __init__(self, set_variable: Any) -> None:
        self.cloud = cloud = Cloud()
        self.bucket, self.stream = cloud.bucket(), cloud.name("events")
        cloud.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        queues = (cloud.client("sqs").create_queue(QueueName=cloud.name(name)) for name in ("notices", "deliveries"))
        self.notices, self.queue = (str(queue["QueueUrl"]) for queue in queues)
        self.tables = {role: cloud.table(role) for role in TABLES}
        variables = {f"{role.upper()}_TABLE": name for role, name in self.tables.items()} | {
            "FAILURES_BUCKET": self.bucket,
            "NOTICES_QUEUE_URL": self.notices,
            "STREAM_NAME": self.stream,
            "STREAM_SHARDS": "1",
            "CAMPAIGNS_FUNCTION": "run-campaigns",
            "DELIVERY_QUEUE_URL": self.queue,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        for name, text in variables.items():
            set_variable(name, text)

    def leave(self, name: str, body: bytes) -> None:
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=name, Body=body)
        notice = json.dumps({"detail": {"object": {"key": name}}})
        self.cloud.client("sqs").send_message(QueueUrl=self.notices, MessageBody=notice)

    def waiting(self, queue: str) -> int:
        found = self.cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def records(self) -> list[tuple[str, bytes]]:
        kinesis = self.cloud.client("kinesis")
        shard = kinesis.list_shards(StreamName=self.stream)["Shards"][0]["ShardId"]
        place = kinesis.get_shard_iterator(StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        found = kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
        return [(one["PartitionKey"], one["Data"]) for one in found]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with mock_aws():
        yield Deployed(monkeypatch.setenv)


def call(function: str, event: dict[str, Any], *, minutes_left: int = 14) -> Any:
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: minutes_left * MINUTE)
    answer = load(function).handler(RUN | event, context)
    return json.loads(json.dumps(answer))  # as the machine hands it on


def replay(so_far: Any, **named: Any) -> Any:
    return call("replay_batches", {"dry_run": False, "so_far": so_far}, **named)


def test_a_batch_of_the_bucket_comes_back_onto_the_stream(deployed: Deployed) -> None:
    deployed.leave(key("one"), document([kinesis_record("k", b"data", number) for number in range(3)]))
    deployed.leave(key("two"), b"no document")
    answer = replay({})
    assert (answer["done"], answer["process_events"]) == (True, {"batches": 1, "records": 3})
    assert (answer["left"], answer["named"]) == (1, [{"object": key("two"), "code": "unreadable_object"}])
    assert deployed.records() == [("k", b"data")] * 3
    receipt = deployed.cloud.objects(deployed.bucket)[f"replayed/{key('one')}"]
    assert json.loads(receipt) == {"run": RUN["run"], "consumer": "process_events", "records": 3}
    assert deployed.waiting(deployed.notices) == 1


def test_a_step_with_little_time_is_called_again_with_its_answer_until_done(deployed: Deployed) -> None:
    for name in ("one", "two", "three"):
        deployed.leave(key(name), document([kinesis_record(name, b"data")]))
    answer, calls = replay({}, minutes_left=1), 1
    while not answer["done"]:
        answer = replay(answer, minutes_left=1)
        calls += 1
    assert (calls, answer["process_events"]["batches"], len(deployed.records())) == (3, 3, 3)


def test_a_dry_run_changes_nothing(deployed: Deployed) -> None:
    deployed.leave(key("one"), document([kinesis_record("k", b"data")]))
    answer = call("replay_batches", {"dry_run": True, "so_far": {}})
    assert answer["process_events"] == {"batches": 1, "records": 1}
    assert (deployed.records(), list(deployed.cloud.objects(deployed.bucket))) == ([], [key("one")])
    assert deployed.waiting(deployed.notices) == 1


@pytest.mark.parametrize("function", ["replay_batches", "repair_effects"])
@pytest.mark.parametrize("event", [{"so_far": []}, {"so_far": {"done": "x"}}, {"dry_run": 3}, {"started_at": "soon"}])
def test_what_no_machine_of_ours_hands_over_fails_by_name(
    deployed: Deployed, function: str, event: dict[str, Any]
) -> None:
    assert deployed.tables
    with pytest.raises(FunctionFailedError, match=r"^RunInputError$"):
        call(function, event)


def left_cart(at: int) -> bytes:
    """A shopper of whose cart campaigns were told at that instant."""
    [slot] = (story := Story()).shopper().timers
    timers = {slot: {"cart-1": Timer(did=at - 15 * MINUTE)}}
    told = {"abandoned_cart\x1fcart-1": Membership(entered_at=at, announced=True)}
    return encode_profile(story.shopper(memberships=told, timers=timers))


def test_a_lost_entry_is_claimed_and_enqueued_once(deployed: Deployed) -> None:
    dynamodb, at = deployed.cloud.client("dynamodb"), round(time.time() * 1_000) - MINUTE
    definitions = DynamoDefinitions(dynamodb, deployed.tables["definitions"], clock=lambda: at - MINUTE)
    for definition in definition_list():
        definitions.put(definition, read_version=None)
    store = DynamoProfiles(dynamodb, profiles=deployed.tables["profiles"], identities=deployed.tables["identities"])
    store.commit(Commit(items=((None, ProfileItem(profile_id=profile_id(), version=1, state=left_cart(at))),)))

    def repair(**event: Any) -> Any:
        given = {"since": 60 * MINUTE, "started_at": iso(at + MINUTE), "dry_run": False, "so_far": {}}
        return call("repair_effects", given | event)

    assert repair(dry_run=True)["claimed"] == 1
    assert deployed.waiting(deployed.queue) == 0
    answer = repair()
    assert (answer["done"], answer["position"], answer["profiles"], answer["entries"]) == (True, "", 1, 1)
    assert (answer["claimed"], answer["not_sent"], answer["enqueued"]) == (1, 0, 0)
    [delivery] = DynamoDeliveries(dynamodb, deployed.tables["deliveries"]).of_profile(profile_id())
    assert (delivery.state, delivery.cause.at, deployed.waiting(deployed.queue)) == ("claimed", at, 1)
    again = repair()
    assert (again["claimed"], again["enqueued"]) == (0, 1)
    assert repair(since=1)["entries"] == 0
