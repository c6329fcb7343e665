"""`FailedBatches` and `Notices`: what waits is what has no receipt, the oldest first, and each has its notice."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

import pytest

from attune.adapters.memory import MemoryFailedBatches
from attune.adapters.s3_batches import FAILED, RECEIPTS, S3FailedBatches
from attune.adapters.sqs_notices import SqsNotices
from attune.ports.batches import FailedBatches, Notices
from tests.adapters.cloud import Cloud

#: later than any clock of a store
LATER = 1 << 45


class Bucket(FailedBatches, Notices, Protocol):
    """Batches and notices together, which a test can make and look at."""

    def put(self, name: str, document: bytes) -> None: ...

    def told_of(self) -> set[str]: ...


class _Memory(MemoryFailedBatches):
    def put(self, name: str, document: bytes) -> None:
        self.leave(name, len(self.notices) + 1, document)

    def told_of(self) -> set[str]:
        return set(self.notices)


class _OnAws(S3FailedBatches):
    def __init__(self, cloud: Cloud) -> None:
        self._s3, self._sqs = cloud.client("s3"), cloud.client("sqs")
        self._name = cloud.bucket()
        self._queue = str(self._sqs.create_queue(QueueName=cloud.name("notices"))["QueueUrl"])
        super().__init__(self._s3, self._name)
        self.remove = SqsNotices(self._sqs, self._queue).remove

    def put(self, name: str, document: bytes) -> None:
        self._s3.put_object(Bucket=self._name, Key=name, Body=document)
        self.tell(json.dumps({"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {"key": name}}}))

    def tell(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=body)

    def told_of(self) -> set[str]:
        bodies: set[str] = set()
        for _ in range(20):
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
            bodies |= {message["Body"] for message in answer.get("Messages", ())}
        return {json.loads(body)["detail"]["object"]["key"] for body in bodies if body.startswith("{")}


@pytest.fixture
def bucket(backend: Cloud | None) -> Any:
    return _OnAws(backend) if backend else _Memory()


def waiting(bucket: Bucket) -> list[tuple[str, int]]:
    return [(one.key, one.size) for one in bucket.waiting(LATER)]


def test_an_empty_bucket_has_nothing_waiting(bucket: Bucket) -> None:
    assert (waiting(bucket), bucket.receipts(), bucket.remove({"x"})) == ([], set(), 0)


def test_a_batch_waits_as_it_is_until_it_has_its_receipt(bucket: Bucket) -> None:
    bucket.put(f"{FAILED}m/s/one", bytes(range(256)))
    assert waiting(bucket) == [(f"{FAILED}m/s/one", 256)]
    assert bucket.read(f"{FAILED}m/s/one") == bytes(range(256))
    bucket.keep_receipt(f"{FAILED}m/s/one", b"{}")
    bucket.keep_receipt(f"{FAILED}m/s/one", b'{"run": "again"}')
    assert (waiting(bucket), bucket.receipts()) == ([], {f"{FAILED}m/s/one"})
    assert bucket.read(f"{FAILED}m/s/one") == bytes(range(256))


def test_the_oldest_comes_first_and_what_came_later_than_asked_for_not_at_all(bucket: Bucket) -> None:
    bucket.put(f"{FAILED}z", b"1")
    time.sleep(1.1)  # S3 tells ages to the second
    bucket.put(f"{FAILED}a", b"2")
    first, second = bucket.waiting(LATER)
    assert (first.key, second.key) == (f"{FAILED}z", f"{FAILED}a")
    assert first.at < second.at
    assert [one.key for one in bucket.waiting(first.at)] == [f"{FAILED}z"]


def test_the_notices_of_these_batches_are_removed_and_all_others_stay(bucket: Bucket) -> None:
    names = [f"{FAILED}{number:02}" for number in range(23)]
    for name in names:
        bucket.put(name, b"{}")
    assert bucket.remove({*names[5:], f"{FAILED}nobody"}) == 18
    assert bucket.told_of() == set(names[:5])
    assert bucket.remove(set(names)) == 5
    assert bucket.told_of() == set()


@pytest.mark.parametrize("body", ["", "x", "{}", '{"detail": {"object": {}}}', '{"detail": 1}'])
def test_a_notice_that_cannot_be_read_stays_and_stands_in_nobodys_way(body: str, moto_cloud: Cloud) -> None:
    bucket = _OnAws(moto_cloud)
    bucket.tell(body or " ")
    bucket.put(f"{FAILED}one", b"{}")
    assert bucket.remove({f"{FAILED}one"}) == 1
    assert bucket.remove({f"{FAILED}one"}) == 0


def test_what_lies_elsewhere_in_the_bucket_is_no_batch(moto_cloud: Cloud) -> None:
    bucket = _OnAws(moto_cloud)
    bucket.put("else/where", b"{}")
    bucket.put(f"{RECEIPTS}{FAILED}one", b"{}")
    assert waiting(bucket) == []
