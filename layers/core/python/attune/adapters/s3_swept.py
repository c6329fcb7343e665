"""`VersionedBucket` in S3. What is replaced is written first, then its earlier versions go: nothing is lost on the way.

Takes `s3:ListBucketVersions` and `s3:DeleteObjectVersion`, also where a bucket has no versions: every object there has
one, named `null`.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import IO, TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from attune.ports.erasure import Stored, required

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client

#: bytes that stay in memory; larger objects lie on the disk
_IN_MEMORY: Final = 16 * 1024 * 1024
_PIECE: Final = 1024 * 1024
#: what one request removes
_TOGETHER: Final = 1_000
_CHANGED: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict", "404", "NoSuchKey"})


class NotRemovedError(Exception):
    """S3 has kept versions that it was told to remove."""


class S3Swept:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def listed(self, prefix: str, after: str = "") -> Iterator[Stored]:
        """A request for every 1,000."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, StartAfter=after):
            for entry in page.get("Contents", ()):
                yield Stored(entry["Key"], entry["Size"], entry["ETag"])

    def open(self, key: str) -> IO[bytes] | None:
        """Copied here first: an answer that is read slowly would be cut off."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(body, file, _PIECE)
        file.seek(0)
        return file

    def replace(self, found: Stored, content: IO[bytes]) -> bool:
        """On condition of the tag. What the SDK repeats after a lost answer is refused, and done by then."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=found.key, Body=content, IfMatch=found.tag)
        except ClientError as error:
            if error.response["Error"]["Code"] in _CHANGED:
                return False
            raise
        self._forget(found.key)
        return True

    def put(self, key: str, content: IO[bytes]) -> None:
        """One request."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=content)

    def blank(self, key: str) -> None:
        """Without metadata."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=b"")
        self._forget(key)

    def remove(self, prefix: str) -> int:
        """The markers of what was deleted before, too."""
        return self._remove(self._versions(required(prefix)))

    def forget(self, prefix: str) -> int:
        """Markers stay: without its marker what lies below would be current again."""
        return self._remove(one for one in self._versions(required(prefix)) if not one["IsLatest"])

    def _forget(self, key: str) -> None:
        self._remove(one for one in self._versions(key) if one["Key"] == key and not one["IsLatest"])

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            yield from page.get("Versions", ())  # type: ignore[misc]
            yield from page.get("DeleteMarkers", ())  # type: ignore[misc]

    def _remove(self, versions: Iterable[dict[str, Any]]) -> int:
        keys: set[str] = set()
        together: list[dict[str, str]] = []
        for one in versions:
            keys.add(one["Key"])
            together.append({"Key": one["Key"], "VersionId": one["VersionId"]})
            if len(together) == _TOGETHER:
                self._remove_now(together)
                together = []
        if together:
            self._remove_now(together)
        return len(keys)

    def _remove_now(self, together: list[dict[str, str]]) -> None:
        asked: Any = {"Objects": together, "Quiet": True}
        answer = self._client.delete_objects(Bucket=self._bucket, Delete=asked)
        if answer.get("Errors"):
            raise NotRemovedError(answer["Errors"][0].get("Code", ""))
