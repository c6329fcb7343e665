"""For each port what a contract suite runs on: memory where there is no cloud, else the AWS adapter on stores
of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from attune.adapters.dynamodb_allowances import DynamoAllowances
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profiles import DynamoDueIndex, DynamoProfiles
from attune.adapters.firehose_lake import FirehoseLake
from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.memory import (
    MemoryDefinitions,
    MemoryDeliveries,
    MemoryHolds,
    MemoryKeys,
    MemoryLake,
    MemoryProfiles,
    MemoryQuarantine,
    MemoryQueue,
    MemoryRegistry,
    MemoryRuns,
    MemorySecrets,
    MemoryStream,
)
from attune.adapters.memory_allowances import MemoryAllowances
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.s3_registry import S3Registry, champion_key
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretMap
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.ports import DueIndex, EventStream, Holds, Keys, Lake, ProfileStore, Quarantine, Secrets
from attune.ports.deliveries import DeliveryQueue, DeliveryStore
from attune.ports.editing import DefinitionStore
from attune.ports.erasure import VersionedBucket
from attune.ports.learning import Registry
from attune.ports.limits import Allowances
from attune.ports.privacy import PrivacyRequests
from attune.ports.quarantine import QuarantineStore
from attune.ports.runs import Runs
from tests.adapters.cloud import DUE_INDEX, Cloud
from tests.adapters.machines import Machine
from tests.builders import NOW, Pseudonyms
from tests.faults.swept_places import quarantine_place


class DueStore(ProfileStore, DueIndex, Protocol):
    """The index shows what commits armed."""


class Streaming(EventStream, Protocol):
    """A stream that can be read from its beginning."""

    def read(self) -> list[tuple[str, bytes]]: ...


class Archive(Lake, Protocol):
    """A lake whose rows can be read one by one."""

    def read(self) -> list[bytes]: ...


class Kept(Quarantine, QuarantineStore, Protocol):
    """A quarantine whose contents can be read, and swept as a bucket."""

    def read_all(self) -> list[bytes]: ...

    def bucket(self) -> VersionedBucket: ...


class Endable(Runs, Protocol):
    """Runs that end when they are told to: in success with an output, or in failure as a function's does."""

    def succeed(self, run: str, output: dict[str, Any]) -> None: ...

    def fail(self, run: str, error: str) -> None: ...


class Spoilable(Registry, Protocol):
    """A registry in which anything may come to lie where the pointer should."""

    def spoil_pointer(self, name: str, data: bytes) -> None: ...


def clock() -> int:
    return NOW


def holds_store(cloud: Cloud | None) -> Holds:
    return DynamoHolds(cloud.client("dynamodb"), cloud.table("identities")) if cloud else MemoryHolds()


def allowances_of(cloud: Cloud | None) -> Allowances:
    return DynamoAllowances(cloud.client("dynamodb"), cloud.table("limits")) if cloud else MemoryAllowances()


def privacy_requests_store(cloud: Cloud | None) -> PrivacyRequests:
    if cloud is None:
        return MemoryPrivacyRequests()
    return DynamoPrivacyRequests(cloud.client("dynamodb"), cloud.table("privacy_requests"))


def definition_store(cloud: Cloud | None) -> DefinitionStore:
    if cloud is None:
        return MemoryDefinitions()
    return DynamoDefinitions(cloud.client("dynamodb"), cloud.table("definitions"), clock=clock, lifetime=0)


def keys_store(cloud: Cloud | None) -> Keys:
    if cloud is None:
        return MemoryKeys()
    return DynamoKeys(cloud.client("dynamodb"), cloud.table("definitions"), clock=clock, lifetime=0)


class _ReadableLake(FirehoseLake):
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._bucket = cloud.bucket()
        name = cloud.name("lake")[:60]
        cloud.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/lake",
                "BucketARN": f"arn:aws:s3:::{self._bucket}",
                "Prefix": "events/",
            },
        )
        super().__init__(cloud.client("firehose"), name)

    def read(self) -> list[bytes]:
        return [line for body in self._cloud.objects(self._bucket).values() for line in body.splitlines()]


class _ReadableMemoryLake(MemoryLake):
    def read(self) -> list[bytes]:
        return self.rows


def lake(cloud: Cloud | None) -> Archive:
    return _ReadableLake(cloud) if cloud else _ReadableMemoryLake()


class _ReadableQuarantine(S3Quarantine):
    def __init__(self, cloud: Cloud) -> None:
        self._place = (cloud, cloud.bucket())
        super().__init__(cloud.client("s3"), self._place[1], Pseudonyms().key)

    def read_all(self) -> list[bytes]:
        cloud, bucket = self._place
        objects = cloud.objects(bucket)
        return [raw for key, raw in objects.items() if "." not in key and objects.get(key + ".came") != b""]

    def bucket(self) -> VersionedBucket:
        cloud, bucket = self._place
        return S3Swept(cloud.client("s3"), bucket)


class _ReadableMemoryQuarantine(MemoryQuarantine):
    def read_all(self) -> list[bytes]:
        return [kept.raw for kept in self.all()]

    def bucket(self) -> VersionedBucket:
        return quarantine_place(self)


def quarantine(cloud: Cloud | None) -> Kept:
    return _ReadableQuarantine(cloud) if cloud else _ReadableMemoryQuarantine(Pseudonyms().key)


def secrets_store(cloud: Cloud | None) -> Secrets:
    if cloud is None:
        return MemorySecrets()
    return SecretMap(cloud.client("secretsmanager"), cloud.secret("{}"), clock=clock, lifetime=0)


class _MemoryStream(MemoryStream):
    def read(self) -> list[tuple[str, bytes]]:
        return [(record.partition_key, record.data) for record in self.records]


class _DynamoDBDueStore(DynamoProfiles):
    def __init__(self, cloud: Cloud) -> None:
        client, profiles = cloud.client("dynamodb"), cloud.table("profiles")
        identities, ledger = cloud.table("identities"), cloud.table("ledger")
        super().__init__(client, profiles=profiles, identities=identities, ledger=ledger)
        index = DynamoDueIndex(client, profiles=profiles, index=DUE_INDEX, marks=cloud.table("definitions"))
        self.due, self.marks, self.set_marks = index.due, index.marks, index.set_marks


def profile_store(cloud: Cloud | None) -> ProfileStore:
    return due_store(cloud)


def due_store(cloud: Cloud | None) -> DueStore:
    return _DynamoDBDueStore(cloud) if cloud else MemoryProfiles()


def delivery_store(cloud: Cloud | None) -> DeliveryStore:
    return DynamoDeliveries(cloud.client("dynamodb"), cloud.table("deliveries")) if cloud else MemoryDeliveries()


def delivery_queue(cloud: Cloud | None) -> tuple[DeliveryQueue, Callable[[], list[tuple[str, str]]]]:
    if cloud is None:
        memory = MemoryQueue()
        return memory, lambda: memory.messages
    sqs = cloud.client("sqs")
    url = str(sqs.create_queue(QueueName=cloud.name("queue"))["QueueUrl"])

    def received() -> list[tuple[str, str]]:
        messages: list[dict[str, str]] = []
        while answer := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += [json.loads(message["Body"]) for message in answer]
        return [(message["profile_id"], message["delivery_id"]) for message in messages]

    return SqsDeliveries(sqs, url), received


class _ReadableStream(KinesisStream):
    def __init__(self, cloud: Cloud) -> None:
        self._kinesis = cloud.client("kinesis")
        self._stream = cloud.name("events")
        self._kinesis.create_stream(StreamName=self._stream, ShardCount=1)
        self._kinesis.get_waiter("stream_exists").wait(StreamName=self._stream, WaiterConfig={"Delay": 1})
        super().__init__(self._kinesis, self._stream)

    def read(self) -> list[tuple[str, bytes]]:
        kinesis = self._kinesis
        [shard] = kinesis.list_shards(StreamName=self._stream)["Shards"]
        start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(StreamName=self._stream, **start)["ShardIterator"]
        found: list[tuple[str, bytes]] = []
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            found += [(record["PartitionKey"], record["Data"]) for record in answer["Records"]]
            if not answer["Records"] and not answer.get("MillisBehindLatest"):
                return found
            iterator = answer["NextShardIterator"]


def event_stream(cloud: Cloud | None) -> Streaming:
    return _ReadableStream(cloud) if cloud else _MemoryStream()


class SpoilableRegistry(S3Registry):
    """On a bucket of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.place = (cloud.client("s3"), cloud.bucket())
        super().__init__(*self.place)

    def spoil_pointer(self, name: str, data: bytes) -> None:
        client, bucket = self.place
        client.put_object(Bucket=bucket, Key=champion_key(name), Body=data)


def registry(cloud: Cloud | None) -> Spoilable:
    return SpoilableRegistry(cloud) if cloud else MemoryRegistry()


class _MemoryRuns(MemoryRuns):
    def succeed(self, run: str, output: dict[str, Any]) -> None:
        self.end(run, "succeeded", output)

    def fail(self, run: str, error: str) -> None:
        self.end(run, "failed", error=error)


class _Runs(StepFunctionsRuns):
    def __init__(self, cloud: Cloud) -> None:
        self._machine_of_tests = Machine(cloud)
        self.succeed, self.fail = self._machine_of_tests.succeed, self._machine_of_tests.fail
        super().__init__(cloud.client("stepfunctions"), self._machine_of_tests.arn)


def runs_of_a_machine(cloud: Cloud | None) -> Endable:
    return _Runs(cloud) if cloud else _MemoryRuns(clock)
