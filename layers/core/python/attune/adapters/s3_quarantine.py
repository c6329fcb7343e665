"""`Quarantine` and `QuarantineStore` as objects in S3.

An input is one object that is written once, and never again:
`quarantine/<reason>/dt=2025-06-15/<source>/<received_at>-<digest>`, the day being that of its receipt, in UTC. Beside
it, under its key and a point, lie what is known of it:

| key | holds |
|---|---|
| `<key>` | the bytes as they came; `reason`, `source`, `received-at` and `came` (base64 of JSON) as its metadata |
| `<key>.came` | how it came, where that is too long for metadata, or may tell of somebody: what a batch says for all |
| `<key>.tried-<at>-<outcome>` | an attempt to replay it |

Where an erasure has swept an input, `<key>` and `<key>.came` are empty and without metadata, until they expire: the
stream may carry the input once more, and finds its place taken.

In a listing what lies beside an input follows it at once, so that one request shows inputs and what became of them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from attune.domain.collection.quarantine import (
    CAME,
    Came,
    Quarantined,
    Trace,
    decode_came,
    decode_trace,
    encode_came,
    encode_trace,
    quarantined,
)
from attune.ports.quarantine import Listed, Page, Wanted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from attune.domain.identifiers import Identifier

#: characters of metadata that `came` may take; S3 gives 2 KB to all of it
_MAX_METADATA: Final = 1_500
#: what reading again takes and tells of nobody. Metadata is not under the bucket's key: it is read without decrypting
_TELLS_NOTHING: Final = frozenset({"call", "event", "file", "headers", "historical", "item", "row"})
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,20}(Z|[+-][0-9:]{2,6})?")
#: writes at once, of ten connections that a client has
_HANDS: Final = 8
_BESIDE: Final = "beside"
_TAKEN: Final = frozenset({"412", "PreconditionFailed"})
_TRIED: Final = ".tried-"
#: behind everything that lies beside an input, and before the next one
_BEHIND: Final = ".~"
_ROOT: Final = "quarantine/"
#: objects that one call looks at, at the most: ten requests
MAX_LOOK: Final = 10_000


class S3Quarantine:
    """One object per input; its key follows from what it is, so keeping it again finds it there, or swept."""

    def __init__(
        self, client: S3Client, bucket: str, key_of: Callable[[Identifier], str], *, most: int = MAX_LOOK
    ) -> None:
        """`key_of`: `Pseudonyms.key`. `most`: objects that a listing looks at before it answers with what it has."""
        self._client = client
        self._bucket = bucket
        self._key_of = key_of
        self._most = most

    def keep(self, reason: str, source: str, received_at: int, raw: bytes, came: Came = Came()) -> None:  # noqa: B008
        """Returns when the object is stored: last, so that with it all that is known of it is there."""
        key = object_key(quarantined(reason, source, received_at, raw, came, self._key_of))
        told = base64.b64encode(encode_came(came)).decode()
        if len(told) > _MAX_METADATA or not _tells_nothing(came):
            self._put_once(key + CAME, encode_came(came), {})
            told = _BESIDE
        metadata = {"reason": reason, "source": source, "received-at": str(received_at), "came": told}
        self._put_once(key, raw, metadata)

    def keep_all(self, inputs: Sequence[tuple[str, str, int, bytes, Came]]) -> None:
        """What is alike is one object and written once; the rest goes by several hands, or each would wait for S3."""
        objects = {quarantined(*one, self._key_of): one for one in inputs}
        with ThreadPoolExecutor(max_workers=max(1, min(_HANDS, len(objects)))) as hands:
            for stored in [hands.submit(self.keep, *one) for one in objects.values()]:
                stored.result()

    def listed(self, wanted: Wanted, after: Quarantined | None, limit: int) -> Page:
        """Looks at no more than 10,000 objects, those that lie beside inputs counted."""
        found: list[Listed] = []
        one = after
        for looked, (key, size) in enumerate(self._keys(wanted, after)):
            name, point, beside = key.partition(".")
            if point:
                if found and found[-1].one == one:
                    found[-1:] = _with(found[-1], point + beside, size)
                continue
            if len(found) == limit or looked >= self._most:
                return Page(tuple(found), one)
            if (named := _named(name)) is None:
                continue
            one = named
            if wanted.reason and wanted.until is not None and _day(one.received_at) > _day(wanted.until):
                break
            if wanted.has(one):
                found.append(Listed(one=one, size=size))
        return Page(tuple(found), None)

    def read(self, one: Quarantined) -> tuple[bytes, Came] | None:
        """Of what was kept before `came` was, nothing but the bytes is known."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=object_key(one))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise
        if "reason" not in answer["Metadata"]:
            return None
        told = answer["Metadata"].get("came", "")
        came = self._get(object_key(one) + CAME) if told == _BESIDE else base64.b64decode(told)
        if told == _BESIDE and not came:
            return None
        return answer["Body"].read(), decode_came(came) if came else Came()

    def traces(self, one: Quarantined) -> list[Trace]:
        """One request each: there are few."""
        prefix = object_key(one) + _TRIED
        return [decode_trace(self._get(key)) for key, _ in self._listing(prefix, "")]

    def leave_trace(self, one: Quarantined, trace: Trace) -> None:
        """Its key tells when and the outcome, so that a listing does."""
        self._client.put_object(
            Bucket=self._bucket,
            Key=f"{object_key(one)}{_TRIED}{trace.at:013d}-{trace.outcome}",
            Body=encode_trace(trace),
            ContentType="application/json",
        )

    def _keys(self, wanted: Wanted, after: Quarantined | None) -> Iterator[tuple[str, int]]:
        prefix = f"{_ROOT}{wanted.reason}/" if wanted.reason else _ROOT
        start = object_key(after) + _BEHIND if after else ""
        if wanted.reason and wanted.since:
            start = max(start, f"{prefix}dt={_day(wanted.since)}")
        return self._listing(prefix, start)

    def _listing(self, prefix: str, start: str) -> Iterator[tuple[str, int]]:
        """Key and size in bytes, in order of keys."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, StartAfter=start):
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["Size"]

    def _put_once(self, key: str, body: bytes, metadata: dict[str, str]) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, Metadata=metadata, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _TAKEN:
                raise

    def _get(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def _tells_nothing(came: Came) -> bool:
    """Whether nothing of how it came can be about a person."""
    more = came.how.keys() - _TELLS_NOTHING
    return not more or (more == {"sent_at"} and _INSTANT.fullmatch(str(came.how["sent_at"])) is not None)


def object_key(one: Quarantined) -> str:
    """`quarantine/<reason>/dt=2025-06-15/<source>/<received_at>-<digest>`; the day is UTC."""
    return f"{_ROOT}{one.reason}/dt={_day(one.received_at)}/{one.source}/{one.received_at}-{one.digest}"


def _named(key: str) -> Quarantined | None:
    """The input of this key; None for an object that nothing of ours has put there."""
    parts = key.split("/")
    match parts:
        case [_, reason, day, source, rest]:
            one = Quarantined.named(f"{reason}.{source}.{rest}")
            return one if one is not None and day == f"dt={_day(one.received_at)}" else None
        case _:
            return None


def _with(listed: Listed, beside: str, size: int) -> list[Listed]:
    """The input with what lies beside it, an object of `size` bytes; none if that says that it was swept."""
    if beside == CAME and not size:
        return []
    at, _, outcome = beside.removeprefix(_TRIED).partition("-")
    if not (beside.startswith(_TRIED) and at.isdecimal()):
        return [listed]
    return [Listed(one=listed.one, size=listed.size, tried=(*listed.tried, (int(at), outcome)))]


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).date().isoformat()
