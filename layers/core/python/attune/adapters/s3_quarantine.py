"""`Quarantine` as objects in S3."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DIGEST_DIGITS: Final = 32


class S3Quarantine:
    """One object per input; its key follows from what it is, so keeping it again writes the same object again."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, reason: str, source: str, received_at: int, raw: bytes) -> None:
        """Returns when the object is stored."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=object_key(reason, source, received_at, raw),
            Body=raw,
            ContentType="application/octet-stream",
            Metadata={"reason": reason, "source": source, "received-at": str(received_at)},
        )


def object_key(reason: str, source: str, received_at: int, raw: bytes) -> str:
    """`quarantine/<reason>/dt=2025-06-15/<source>/<received_at>-<sha256[:32]>`; the day is UTC."""
    day = datetime.fromtimestamp(received_at / 1_000, UTC).date().isoformat()
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST_DIGITS]
    return f"quarantine/{reason}/dt={day}/{source}/{received_at}-{digest}"
