"""`FailedBatches` in S3: Lambda's objects under `aws/lambda/`, receipts of those replayed under `replayed/`.

A receipt and no move: the evidence keeps its place and its age, so that it goes 28 days after it came; one request says
that a batch is done; and nobody needs the right to delete it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.ports.batches import FailedBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

FAILED: Final = "aws/lambda/"
RECEIPTS: Final = "replayed/"


class S3FailedBatches:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def waiting(self, until: int) -> list[FailedBatch]:
        """Two listings; S3 tells an object's age to the second."""
        done = self.receipts()
        found = (
            FailedBatch(round(entry["LastModified"].timestamp() * 1_000), entry["Key"], entry["Size"])
            for entry in self._listed(FAILED)
        )
        return sorted(one for one in found if one.at <= until and one.key not in done)

    def receipts(self) -> set[str]:
        """By the name of the object that they are of."""
        return {entry["Key"].removeprefix(RECEIPTS) for entry in self._listed(RECEIPTS)}

    def read(self, key: str) -> bytes:
        """In one piece: a batch has at most 6 MB."""
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def keep_receipt(self, key: str, receipt: bytes) -> None:
        """Replaces an earlier one."""
        self._client.put_object(Bucket=self._bucket, Key=RECEIPTS + key, Body=receipt)

    def _listed(self, prefix: str) -> Iterator[Any]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from page.get("Contents", ())
