"""`Compaction` with DuckDB, in a folder of its own: raw rows in, Parquet out.

Lines are read by Python, because DuckDB would spell numbers anew and could not say which lines are no rows; judging and
writing is DuckDB's, within the memory it is given and on disk beyond that.
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING, Final

import duckdb
import msgspec

from attune.adapters.duckdb_arrivals import ENDED
from attune.adapters.lake_lines import table_row
from attune.adapters.lake_tables import ARRIVALS, EVENTS, PROFILES
from attune.ports.arrivals import Ended

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from attune.ports.learning import KnownProfile

#: bytes of JSON that DuckDB is handed at once
CHUNK: Final = 128 * 1024 * 1024
#: a row has at most 1,000 KiB; its text may be spelled a little longer here
_MAX_LINE: Final = 4 * 1024 * 1024
#: rows of a Parquet row group: with the largest events, groups still fit the memory
_GROUP: Final = 16_384
#: what is binary comes as base64
_TYPES: Final = {"string": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN", "binary": "VARCHAR"}

#: over `lines`, a chunk of a day
_TYPED: Final = "SELECT $day AS day, * REPLACE (from_base64(sealed) AS sealed) FROM lines"
#: Over `rows`, those of all days that are judged together; those that are `ONLY_COUNTED` are no event's. An event is
#: (source, message id, fingerprint); a merge is told by who was absorbed. Of rows that are alike in everything the last
#: one counts. An event is repeated if it was applied to what was received at two times: what the stream delivers again
#: was received once.
_COUNTING: Final = """
SET VARIABLE counting = (
    SELECT {
        rows: bitstring_agg(position, 0, $last),
        repeated: bitstring_agg(position, 0, $last) FILTER (repeated)
    } FROM (
        SELECT day, position, first_applied < last_applied AS repeated FROM (
            SELECT day, position, min(received_at) FILTER (verdict = 'applied') OVER of_event AS first_applied,
                max(received_at) FILTER (verdict = 'applied') OVER of_event AS last_applied FROM rows
            WHERE verdict NOT IN ('quarantined', 'duplicate', 'rejected', 'erased')
            WINDOW of_event AS (PARTITION BY source, message_id, fingerprint, absorbed)
            QUALIFY 1 = row_number() OVER (
                PARTITION BY source, message_id, fingerprint, absorbed
                ORDER BY list_contains($unstored::VARCHAR[], profile_id),
                    version DESC, verdict = 'dropped' DESC, processed_at DESC, day DESC, position DESC
            )
        )
    ) WHERE day = $day
)
"""
_CONTESTED: Final = """
SELECT list(DISTINCT profile_id) FILTER (profile_id <> '') FROM rows
WHERE verdict NOT IN ('duplicate', 'rejected')
GROUP BY source, message_id, fingerprint, absorbed
HAVING count(DISTINCT profile_id) > 1 AND bool_or(day = $day)
"""
_LAST: Final = "SELECT max(position) FROM rows"
#: told bit by bit, because a filter lets rows through as they lie; a join or a sort would hold the whole day
_DAY: Final = """
SELECT * EXCLUDE (day, position, replayed_at, copy) REPLACE (
    coalesce(get_bit(getvariable('counting').repeated, position::INTEGER) = 1, false) AS repeated
) FROM rows WHERE get_bit(getvariable('counting').rows, position::INTEGER) = 1
"""
_PROFILES: Final = "SELECT * FROM lines ORDER BY profile_id"


class DuckCompaction:
    """Everything lies under `folder`, which it empties; not for several threads."""

    def __init__(self, folder: Path, *, memory: str = "1536MB", chunk: int = CHUNK) -> None:
        """`memory` as DuckDB writes it; what Python holds comes on top."""
        self._folder = folder
        self._chunk = chunk
        #: the files of each day that is here
        self._days: dict[str, list[Path]] = {}
        self._numbers = itertools.count()
        self._duck = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                # It may go on showing a file that has been replaced by another of its name; nor is a name used twice.
                "enable_external_file_cache": "false",
            }
        )

    def clear(self) -> None:
        """Also of what an earlier invocation left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._days = {}

    def loaded(self) -> set[str]:
        """Those that were loaded to their end."""
        return set(self._days)

    def load(self, day: str, rows: Iterable[tuple[str, bytes]]) -> dict[str, int]:
        """Chunk by chunk; positions count on over all of them, so that rows keep the order they came in."""
        files: list[Path] = []
        unreadable: dict[str, int] = {}
        for chunk in self._chunks(rows, unreadable):
            self._see_lines(chunk, (*EVENTS, *ARRIVALS, ("position", "bigint")))
            files.append(self._write(self._duck.sql(_TYPED, params={"day": day})))
            chunk.unlink()
        self._days[day] = files
        return unreadable

    def drop(self, day: str) -> None:
        """Removes its files."""
        for file in self._days.pop(day):
            file.unlink()

    def contested(self, day: str, among: Collection[str]) -> set[str]:
        """Few: an event lies under two profiles, or one and none, where a fold lost a race or was told otherwise."""
        self._see_rows(among)
        found = self._duck.execute(_CONTESTED, {"day": day}).fetchall()
        return {profile_id for (profile_ids,) in found for profile_id in profile_ids}

    def write_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> Path:
        """In the order the rows came in."""
        self._see_rows([day])
        [last] = self._duck.execute(_LAST).fetchone() or [None]
        self._see_rows(among)
        self._duck.execute(_COUNTING, {"day": day, "unstored": sorted(unstored), "last": last or 0})
        self._see_rows([day])
        return self._write(self._duck.sql(_DAY))

    def count_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> list[Ended]:
        """Without `$wake`, `$score` and `$unlink`, which are nobody's arrivals."""
        self._see_rows(among)
        counted = self._duck.execute(ENDED, {"day": day, "unstored": sorted(unstored)}).fetchall()
        return [Ended(*one) for one in counted]

    def write_profiles(self, known: Iterable[KnownProfile]) -> Path:
        """In the order of their ids."""
        lines = self._new_file()
        with lines.open("wb") as file:
            for profile in known:
                file.write(_encoder.encode(profile) + b"\n")
        self._see_lines(lines, PROFILES)
        return self._write(self._duck.sql(_PROFILES))

    def _chunks(self, rows: Iterable[tuple[str, bytes]], unreadable: dict[str, int]) -> Iterator[Path]:
        """Files of lines that are sound, one at a time; there is one even where there are no rows."""
        lines = enumerate(rows)
        full = True
        while full:
            full = False
            path = self._new_file()
            with path.open("wb") as file:
                for position, (key, line) in lines:
                    row = table_row(line)
                    if row is None:
                        unreadable[key] = unreadable.get(key, 0) + 1
                        continue
                    file.write(_encoder.encode(row | {"position": position}) + b"\n")
                    if full := file.tell() >= self._chunk:
                        break
            yield path

    def _see_lines(self, path: Path, columns: Iterable[tuple[str, str]]) -> None:
        lines = self._duck.read_json(
            str(path),
            columns={name: _TYPES[kind] for name, kind in columns},
            format="newline_delimited",
            maximum_object_size=_MAX_LINE,
        )
        lines.create_view("lines")

    def _see_rows(self, days: Collection[str]) -> None:
        files = [str(file) for day in sorted(days) for file in self._days[day]]
        self._duck.read_parquet(files).create_view("rows")

    def _write(self, rows: duckdb.DuckDBPyRelation) -> Path:
        path = self._new_file()
        rows.write_parquet(str(path), compression="zstd", row_group_size=_GROUP)
        return path

    def _new_file(self) -> Path:
        return self._folder / str(next(self._numbers))


_encoder: Final = msgspec.json.Encoder()
