"""`Stored` over one S3 bucket: every version of every object, gunzipped, tables row by row."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.ports.stored import OVERLAP, Page, Piece, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3 import S3Client

#: objects of one page: those of the lake may have 64 MB, and some pages must fit into one invocation
_LISTED: Final = 20
#: bytes of an object that is looked into: of larger ones one function has no time
MAX_OBJECT: Final = 1024 * 1024 * 1024
#: bytes that stay in memory; what is larger lies on the disk
_IN_MEMORY: Final = 16 * 1024 * 1024
_BLOCK: Final = 4 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion"})


class S3Stored:
    """What is deleted has a marker on it, and its versions are still there to be found."""

    def __init__(
        self, client: S3Client, bucket: str, rows: Callable[[IO[bytes]], Iterator[bytes]], *, but: tuple[str, ...] = ()
    ) -> None:
        """`rows`: blocks of a Parquet file's rows, as lines of JSON. `but`: prefixes that are not looked at."""
        self._client = client
        self._bucket = bucket
        self._rows = rows
        self._but = but

    def page(self, position: str) -> Page:
        """The position is a key and a version of it."""
        after: dict[str, Any] = {}
        if position:
            key, version = msgspec.json.decode(position, type=tuple[str, str])
            after = {"KeyMarker": key, "VersionIdMarker": version} if version else {"KeyMarker": key}
        listed = self._client.list_object_versions(Bucket=self._bucket, MaxKeys=_LISTED, **after)
        found: list[Any] = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        following = ""
        if listed.get("IsTruncated"):
            following = _position(listed["NextKeyMarker"], listed.get("NextVersionIdMarker", ""))
        some = [one for one in found if not one["Key"].startswith(self._but)]
        missed = sum(1 for one in some if one.get("Size", 0) > MAX_OBJECT)
        return Page([Piece(_where(one), self._blocks(one)) for one in some], following, missed)

    def _blocks(self, one: Any) -> Iterator[bytes]:
        size = one.get("Size")  # a delete marker has none
        if size is None or size > MAX_OBJECT:
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            if not self._copy(one, file):
                return
            try:
                yield from self._unpacked(file)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise UnreadableError from None

    def _unpacked(self, file: Any) -> Iterator[bytes]:
        file.seek(0)
        head = file.read(len(_PARQUET))
        file.seek(0)
        if head[:2] == _GZIP:
            with gzip.open(file) as plain:
                yield from cut(iter(lambda: plain.read(_BLOCK), b""))
        elif head == _PARQUET:
            yield from self._rows(file)
        else:
            yield from cut(iter(lambda: file.read(_BLOCK), b""))

    def _copy(self, one: Any, file: IO[bytes]) -> bool:
        """False where it is gone by now. What was stored without versions is not asked for by one."""
        version = {} if one["VersionId"] == "null" and one["IsLatest"] else {"VersionId": one["VersionId"]}
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=one["Key"], **version)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return False
            raise
        shutil.copyfileobj(body, file, _BLOCK)
        return True


def cut(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut behind a line's end, or where a block has none so that two share their edges."""
    held, is_new = b"", False
    for block in blocks:
        data = held + block
        end = data.rfind(b"\n") + 1
        yield data[:end] if end else data
        held, is_new = (data[end:], True) if end else (data[-OVERLAP:], False)
    if held and is_new:
        yield held


def _where(one: Any) -> str:
    return str(one["Key"]) if one["IsLatest"] else f"{one['Key']} (version {one['VersionId']})"


def _position(key: str, version: str) -> str:
    return msgspec.json.encode((key, version)).decode()
