"""`LakeFiles` in S3. Every object is written whole, so that a reader never finds half a day or one day twice."""

from __future__ import annotations

import re
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from attune.adapters.lake_lines import lines_of
from attune.adapters.lake_tables import EVENTS_LOCATION, EVENTS_PARTITION, PROFILES_LOCATION, RAW
from attune.ports.learning import RawObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

_DAY: Final = re.compile(re.escape(RAW) + r"dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/.*[^/]")
_PIECE: Final = 1024 * 1024
#: object metadata
_MADE_FROM: Final = "inputs"


class S3LakeFiles:
    """One bucket: raw rows under `events/`, what compaction makes under `compacted/`."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def raw(self, until: int) -> dict[str, list[RawObject]]:
        """One listing of everything. What came later is left out, so that a run sees the same however long it takes."""
        days: dict[str, list[RawObject]] = {}
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=RAW):
            for entry in page.get("Contents", ()):
                day = _DAY.fullmatch(entry["Key"])
                if day is not None and entry["LastModified"].timestamp() * 1000 <= until:
                    days.setdefault(day[1], []).append(RawObject(key=entry["Key"], tag=entry["ETag"]))
        return {day: sorted(objects) for day, objects in sorted(days.items())}

    def lines(self, key: str) -> Iterator[bytes]:
        """Plain or gzip, whatever the object is called: Firehose compresses on AWS and not on the local cloud."""
        with tempfile.TemporaryFile() as file:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            shutil.copyfileobj(body, file, _PIECE)
            file.seek(0)
            yield from lines_of(file, key)

    def made_from(self, day: str) -> str | None:
        """From the object's metadata."""
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=day_key(day))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise
        return answer["Metadata"].get(_MADE_FROM)

    def keep_day(self, day: str, file: Path, made_from: str) -> None:
        """One object, by one request."""
        with file.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=day_key(day), Body=body, Metadata={_MADE_FROM: made_from})

    def keep_profiles(self, file: Path) -> None:
        """One object, by one request."""
        with file.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=PROFILES_LOCATION + "profiles.parquet", Body=body)


def day_key(day: str) -> str:
    """`compacted/events/dt=2025-06-15/events.parquet`."""
    return f"{EVENTS_LOCATION}{EVENTS_PARTITION[0]}={day}/events.parquet"
