"""A place that answers like AWS, and the stores the contract suites create there under names of their own."""

from __future__ import annotations

import functools
import itertools
import uuid
from typing import Any, Final

import boto3
from botocore.config import Config
from moto.core.base_backend import BaseBackend

REGION: Final = "eu-central-1"

#: keys and indexes as the data stack declares them
_TABLES: Final[dict[str, dict[str, Any]]] = {
    "profiles": {
        "keys": ("profile_id",),
        "attributes": {"profile_id": "S", "due_shard": "S", "due_at": "N", "merged_into": "S"},
        "index": ("due_shard", "due_at"),
        "sparse": {"merged": ("merged_into",)},
    },
    "identities": {"keys": ("identity_key",), "attributes": {"identity_key": "S"}},
    "ledger": {
        "keys": ("profile_id", "entry"),
        "attributes": {"profile_id": "S", "entry": "S", "subject": "S"},
        "index": ("subject", "entry"),
        "name": "by_subject",
        "projection": "ALL",
    },
    "deliveries": {
        "keys": ("profile_id", "delivery_id"),
        "attributes": {"profile_id": "S", "delivery_id": "S"},
    },
    "definitions": {"keys": ("kind", "id"), "attributes": {"kind": "S", "id": "S"}},
    "limits": {"keys": ("bucket",), "attributes": {"bucket": "S"}},
    "privacy_requests": {
        "keys": ("request_id",),
        "attributes": {"request_id": "S", "state": "S", "due_at": "N"},
        "index": ("state", "due_at"),
        "name": "by_state",
        "projection": "ALL",
    },
}
DUE_INDEX: Final = "due"
MERGED_INDEX: Final = "merged"


def _let_moto_remember_its_addresses() -> None:
    """It makes the table anew for each request, S3's by loading a module from disk: more work than most answers."""
    backend: Any = BaseBackend
    backend.urls = once = functools.cached_property(backend.urls.fget)
    once.__set_name__(backend, "urls")


_let_moto_remember_its_addresses()


class Cloud:
    """moto in this process (no endpoint) or an emulator behind `endpoint`."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._run = uuid.uuid4().hex[:8]
        self._numbers = itertools.count(1)

    @property
    def in_process(self) -> bool:
        """moto, which keeps what it is told and carries nothing out."""
        return self._endpoint is None

    def client(self, service: str) -> Any:
        return _client(service, self._endpoint)

    def name(self, what: str) -> str:
        """A name nobody else uses."""
        return f"contract-{self._run}-{next(self._numbers)}-{what}"

    def table(self, role: str, *, streamed: bool = False) -> str:
        """An empty table with the keys and indexes of that role; `streamed`: it tells the new image of each change."""
        shape = _TABLES[role]
        arguments: dict[str, Any] = {
            "TableName": self.name(role),
            "KeySchema": _schema(shape["keys"]),
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": kind} for name, kind in shape["attributes"].items()
            ],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if "index" in shape:
            projection = {"ProjectionType": shape.get("projection", "KEYS_ONLY")}
            name = shape.get("name", DUE_INDEX)
            index = {"IndexName": name, "KeySchema": _schema(shape["index"]), "Projection": projection}
            arguments["GlobalSecondaryIndexes"] = [index]
        for name, keys in shape.get("sparse", {}).items():
            keys_only = {"ProjectionType": "KEYS_ONLY"}
            arguments["GlobalSecondaryIndexes"].append(
                {"IndexName": name, "KeySchema": _schema(keys), "Projection": keys_only}
            )
        if streamed:
            arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        self.client("dynamodb").create_table(**arguments)
        return str(arguments["TableName"])

    def bucket(self) -> str:
        """An empty bucket."""
        name = self.name("bucket")
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def secret(self, value: str) -> str:
        """A secret's ARN."""
        return str(self.client("secretsmanager").create_secret(Name=self.name("secret"), SecretString=value)["ARN"])

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in a bucket, by key."""
        s3 = self.client("s3")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@functools.cache
def _client(service: str, endpoint: str | None) -> Any:
    """One per service and place: making one takes longer than most tests, and it remembers nothing of a test."""
    # The suites want to see an error when it happens, not after a minute of retries.
    config = Config(retries={"total_max_attempts": 2, "mode": "standard"}, connect_timeout=2, read_timeout=10)
    create: Any = _session().client  # its stubs want the service's name as a literal
    return create(service, endpoint_url=endpoint, config=config)


@functools.cache
def _session() -> boto3.session.Session:
    return boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
