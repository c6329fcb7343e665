"""A world whose stores and streams are the real adapters' at AWS, where every call of a client can be broken.

What feeds the functions is the simulator still: it reads the event stream, the table's stream and the queue of the
place, and its clock, secrets, definitions, champions and endpoints stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.firehose_lake import FirehoseLake
from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.memory import Kept
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.domain.campaigns.deliveries import Delivery
from attune.ports import LedgerEntry, ProfileItem
from attune.use_cases.campaigns import run_campaigns
from attune.use_cases.processing import process_events
from attune.use_cases.processing.wake_profiles import WakeProfiles
from tests.adapters.cloud import Cloud
from tests.adapters.twins import Tables, dynamo_due, read_ledger, tables
from tests.builders import NOW, Pseudonyms
from tests.faults.wires import Crash, TurnTaking, wired
from tests.faults.world import World

type ClientOf = Callable[[str], Any]


@dataclass
class Place:
    """Everything one deployment stores at, empty."""

    cloud: Cloud

    def __post_init__(self) -> None:
        self.tables: Tables = tables(self.cloud, streamed=True)
        self.lake_bucket, self.bucket = self.cloud.bucket(), self.cloud.bucket()
        self.queue = str(self.cloud.client("sqs").create_queue(QueueName=self.cloud.name("queue"))["QueueUrl"])
        self.stream = self.cloud.name("events")
        self.cloud.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        self.lake = self.cloud.name("lake")[:60]
        destination = {
            "RoleARN": "arn:aws:iam::123456789012:role/lake",
            "BucketARN": f"arn:aws:s3:::{self.lake_bucket}",
            "Prefix": "events/",
        }
        self.cloud.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.lake, ExtendedS3DestinationConfiguration=destination
        )

    # ---------------------------------------------------------------------------------- what functions are built of

    def profiles(self, client: ClientOf) -> DynamoProfiles:
        at = self.tables
        return DynamoProfiles(client("dynamodb"), profiles=at.profiles, identities=at.identities, ledger=at.ledger)

    def holds(self, client: ClientOf) -> DynamoHolds:
        return DynamoHolds(client("dynamodb"), self.tables.identities)

    def deliveries(self, client: ClientOf) -> DynamoDeliveries:
        return DynamoDeliveries(client("dynamodb"), self.tables.deliveries)

    def queued(self, client: ClientOf) -> SqsDeliveries:
        return SqsDeliveries(client("sqs"), self.queue)

    def quarantine(self, client: ClientOf) -> S3Quarantine:
        return S3Quarantine(client("s3"), self.bucket, Pseudonyms().key)

    def archive(self, client: ClientOf) -> FirehoseLake:
        return FirehoseLake(client("firehose"), self.lake, pause=lambda _: None)

    def events(self, client: ClientOf) -> KinesisStream:
        return KinesisStream(client("kinesis"), self.stream, sleep=lambda _: None)

    # -------------------------------------------------------------------------------------------------- what is there

    @cached_property
    def arrived(self) -> Tail:
        """Records of the event stream."""
        return Tail(self.cloud.client("kinesis"), StreamName=self.stream)

    @cached_property
    def changes(self) -> Tail:
        """Records of the profiles table's stream."""
        described = self.cloud.client("dynamodb").describe_table(TableName=self.tables.profiles)["Table"]
        return Tail(self.cloud.client("dynamodbstreams"), StreamArn=described["LatestStreamArn"])


class Tail:
    """A stream of one shard, read from its beginning as far as it goes."""

    def __init__(self, client: Any, **stream: str) -> None:
        self._client = client
        [shard] = client.describe_stream(**stream)["StreamDescription"]["Shards"]
        start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        self._iterator = client.get_shard_iterator(**stream, **start)["ShardIterator"]
        self._known: list[Any] = []

    def records(self) -> list[Any]:
        """All there are by now."""
        while True:
            answer = self._client.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            self._known += answer["Records"]
            if not answer["Records"]:
                return self._known


class DeployedWorld(World):
    """On a place of its own."""

    def __init__(self, *more: Any, cloud: Cloud, **world: Any) -> None:
        super().__init__(*more, **world)
        self.place = Place(cloud)
        self.messages: list[str] = []
        read: dict[str, Any] = {
            "stream": Client(self.place.events(self._clients("collect_events"))),
            "profiles": ReadProfiles(self.place),
            "deliveries": ReadDeliveries(self.place),
            "lake": ReadLake(self.place),
            "quarantine": ReadQuarantine(self.place),
        }
        vars(self).update(read)

    def wake(self) -> int:
        """A run that is killed is over; the next one comes a minute later."""
        with suppress(Crash):
            return super().wake()
        return 0

    def _clients(self, function: str) -> ClientOf:
        """The function's clients, every call of which is carried by the wire."""
        wire = TurnTaking(self.turns, self.wire)
        return lambda service: wired(wire, f"{function}.{service}", self.place.cloud.client(service))

    def _wired[T](self, name: str, port: T) -> T:
        function, _, what = name.partition(".")
        build: dict[str, Callable[[ClientOf], Any]] = {
            "profiles": self.place.profiles,
            "holds": self.place.holds,
            "deliveries": self.place.deliveries,
            "lake": self.place.archive,
            "quarantine": self.place.quarantine,
        }
        if function == "run_campaigns":
            build["queue"] = self.place.queued
        if what not in build:
            return super()._wired(name, port)
        built: T = build[what](self._clients(function))
        return built

    def _wake_profiles(self) -> WakeProfiles:
        clients = self._clients("wake_profiles")
        return WakeProfiles(
            due=dynamo_due(clients("dynamodb"), self.place.tables),
            stream=self.place.events(clients),
            clock=self.time,
            sleep=lambda _: None,
            stream_shards=1,
            count=lambda *_: None,
        )

    def _records(self, start: int) -> list[process_events.StreamRecord]:
        return [
            process_events.StreamRecord(
                one["PartitionKey"], one["SequenceNumber"], one["Data"], arrived_at=NOW + number
            )
            for number, one in enumerate(self.place.arrived.records()[start:], start + 1)
        ]

    def _outboxes(self, start: int) -> list[run_campaigns.OutboxRecord]:
        images = [one["dynamodb"] for one in self.place.changes.records() if "outbox" in one["dynamodb"]["NewImage"]]
        return [
            run_campaigns.OutboxRecord(
                profile_id=one["Keys"]["profile_id"]["S"],
                sequence=one["SequenceNumber"],
                outbox=one["NewImage"]["outbox"]["S"],
            )
            for one in images[start:]
        ]

    def _messages(self, start: int) -> list[str]:
        sqs, url = self.place.cloud.client("sqs"), self.place.queue
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in received:
                self.messages.append(one["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return self.messages[start:]


class Client:
    """Sends again what no answer came to."""

    def __init__(self, stream: KinesisStream) -> None:
        self._stream = stream

    def put(self, records: list[tuple[str, bytes]]) -> None:
        with suppress(Crash):
            return self._stream.put(records)
        return self._stream.put(records)


# -------------------------------------------------------------------------------------------------- what a test reads


class ReadProfiles(DynamoProfiles):
    def __init__(self, place: Place) -> None:
        self._place, self._dynamodb = place, place.cloud.client("dynamodb")
        at = place.tables
        super().__init__(self._dynamodb, profiles=at.profiles, identities=at.identities, ledger=at.ledger)

    def all_items(self) -> list[ProfileItem]:
        table = self._place.tables.profiles
        found = self._dynamodb.scan(TableName=table, ConsistentRead=True, ProjectionExpression="profile_id")["Items"]
        return list(self.items([one["profile_id"]["S"] for one in found], consistent=True).values())

    def ledger(self, profile_id: str) -> list[LedgerEntry]:
        return read_ledger(self._dynamodb, self._place.tables.ledger, profile_id)


class ReadDeliveries(DynamoDeliveries):
    def __init__(self, place: Place) -> None:
        self._dynamodb, self._deliveries = place.cloud.client("dynamodb"), place.tables.deliveries
        super().__init__(self._dynamodb, self._deliveries)

    def all(self) -> list[Delivery]:
        found = self._dynamodb.scan(TableName=self._deliveries, ConsistentRead=True)["Items"]
        deliveries = (self.get(one["profile_id"]["S"], one["delivery_id"]["S"]) for one in found)
        return [one for one in deliveries if one is not None]


class ReadLake:
    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def rows(self) -> list[bytes]:
        objects = self._place.cloud.objects(self._place.lake_bucket)
        return [line for body in objects.values() for line in body.splitlines()]


class ReadQuarantine:
    def __init__(self, place: Place) -> None:
        self._place = place

    def all(self) -> list[Kept]:
        """What the keys of the objects say of them."""
        kept = []
        for key, raw in self._place.cloud.objects(self._place.bucket).items():
            _, reason, _, source, rest = key.split("/")
            kept.append(Kept(reason, source, int(rest.partition("-")[0]), raw))
        return sorted(kept)
