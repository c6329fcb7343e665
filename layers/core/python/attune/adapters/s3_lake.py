"""`LakeFiles` in S3. Every object is written whole, so that a reader never finds half a day or one day twice."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from attune.adapters.lake_lines import lines_of
from attune.adapters.lake_tables import EVENTS_LOCATION, EVENTS_PARTITION, PROFILES_LOCATION, RAW
from attune.adapters.s3_swept import S3Swept
from attune.ports import ConflictError
from attune.ports.learning import Made, RawObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

_DAY: Final = re.compile(re.escape(RAW) + r"dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/(?:hour=([0-9]{2})/)?.*[^/]")
#: after its hour is over an object of it was laid down long ago, however young the version is that lies there now
_LAID_DOWN: Final = timedelta(hours=2)
_PIECE: Final = 1024 * 1024
#: another file lies there by now; another write of it is under way
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})
#: object metadata
_MADE_FROM: Final = "inputs"


class S3LakeFiles:
    """One bucket: raw rows under `events/`, what compaction makes under `compacted/`."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def raw(self, until: int, day: str = "") -> dict[str, list[RawObject]]:
        """One listing, of everything or of a day.

        What came later is left out, so that a run sees the same however long it takes. What an
        erasure has written anew meanwhile counts as what it was: a day without it would lack its other rows.
        """
        days: dict[str, list[RawObject]] = {}
        prefix = f"{RAW}dt={day}/" if day else RAW
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                place = _DAY.fullmatch(entry["Key"])
                if place and (entry["LastModified"].timestamp() * 1000 <= until or _is_old(place, until)):
                    days.setdefault(place[1], []).append(RawObject(key=entry["Key"], tag=entry["ETag"]))
        return {one: sorted(objects) for one, objects in sorted(days.items())}

    def lines(self, key: str) -> Iterator[bytes]:
        """Plain or gzip, whatever the object is called: Firehose compresses on AWS and not on the local cloud."""
        with tempfile.TemporaryFile() as file:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            shutil.copyfileobj(body, file, _PIECE)
            file.seek(0)
            yield from lines_of(file, key)

    def made(self, day: str) -> Made | None:
        """From the object's metadata."""
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=day_key(day))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise
        return Made(answer["Metadata"].get(_MADE_FROM, ""), answer["ETag"])

    def keep_day(self, day: str, file: Path, made_from: str, read: str | None) -> None:
        """One object, by one request. What the SDK repeats after a lost answer is refused, and found made."""
        condition: Any = {"IfNoneMatch": "*"} if read is None else {"IfMatch": read}
        try:
            with file.open("rb") as body:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=day_key(day),
                    Body=body,
                    Metadata={_MADE_FROM: made_from},
                    **condition,
                )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONFLICTS:
                raise
            if (made := self.made(day)) is None or made.made_from != made_from:
                raise ConflictError(day) from error

    def forget_day(self, day: str, *, rows: bool) -> None:
        """The rows last: as long as there are any the day is found. A request for each 1,000 versions."""
        places = (day_key(day), f"{RAW}dt={day}/") if rows else (day_key(day),)
        for place in places:
            S3Swept(self._client, self._bucket).remove(place)

    def keep_profiles(self, file: Path) -> None:
        """One object, by one request."""
        with file.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=PROFILES_LOCATION + "profiles.parquet", Body=body)


def _is_old(place: re.Match[str], until: int) -> bool:
    if place[2] is None:
        return False
    began = datetime.fromisoformat(f"{place[1]}T{place[2]}:00:00+00:00")
    return (began + _LAID_DOWN).timestamp() * 1000 <= until


def day_key(day: str) -> str:
    """`compacted/events/dt=2025-06-15/events.parquet`."""
    return f"{EVENTS_LOCATION}{EVENTS_PARTITION[0]}={day}/events.parquet"
