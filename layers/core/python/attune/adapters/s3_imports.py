"""`ImportBucket` in S3. A file is read in ranges of the version that was looked at; notes are written conditionally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from attune.ports import ConflictError
from attune.ports.imports import FileChangedError, Note, StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

#: bytes of one request: an answer that is read as slowly as rows go out would be cut off
PIECE: Final = 4 * 1024 * 1024
_MISSING: Final = frozenset({"404", "NoSuchKey"})
_CHANGED: Final = frozenset({"412", "PreconditionFailed", *_MISSING})
_REFUSED: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict", *_MISSING})


class S3ImportBucket:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str, *, piece: int = PIECE) -> None:
        self._client = client
        self._bucket = bucket
        self._piece = piece

    def look(self, key: str) -> StoredFile | None:
        """By one request."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        arrived_at = round(found["LastModified"].timestamp() * 1_000)
        return StoredFile(key=key, etag=found["ETag"], size=found["ContentLength"], arrived_at=arrived_at)

    def pieces(self, file: StoredFile, offset: int) -> Iterator[bytes]:
        """A request for each, on condition that the file is the one that was looked at."""
        for start in range(offset, file.size, self._piece):
            end = min(start + self._piece, file.size) - 1
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=file.key, IfMatch=file.etag, Range=f"bytes={start}-{end}"
                )
            except ClientError as error:
                if _code(error) in _CHANGED:
                    raise FileChangedError(file.key) from None
                raise
            yield answer["Body"].read()

    def note(self, key: str) -> Note | None:
        """The tag is the object's ETag."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        return Note(found["Body"].read(), found["ETag"])

    def keep_note(self, key: str, content: bytes, tag: str | None) -> str:
        """The SDK sends a request again whose answer was lost, and is refused then, because the first one was heard."""
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType="application/json", **condition
            )
        except ClientError as error:
            if _code(error) not in _REFUSED:
                raise
            found = self.note(key)
            if found is None or found.content != content:
                raise ConflictError(key) from None
            return found.tag
        return answer["ETag"]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
