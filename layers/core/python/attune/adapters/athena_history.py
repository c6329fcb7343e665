"""`History` by Athena over the compacted lake."""

from __future__ import annotations

import csv
import itertools
import re
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attune.domain.processing.verdicts import Verdict
from attune.ports.rebuilding import Person, SealedRow, last_drawn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from attune.adapters.athena_features import S3FeatureRows
    from attune.adapters.athena_queries import AthenaQueries

_QUERIES: Final = Path(__file__).parent / "queries"
HISTORY: Final = (_QUERIES / "history.sql").read_text()
EVERYBODY: Final = (_QUERIES / "everybody.sql").read_text()
PERFORMERS: Final = (_QUERIES / "performers.sql").read_text()
_PROFILE_ID: Final = re.compile(r"[0-9a-f]{32}")
#: ids of one query, whose text Athena bounds at 256 KB
AT_ONCE: Final = 5_000
#: characters of event names in a query; beyond that everybody is asked for
MAX_NAMES: Final = 50_000
#: of one person among everybody: some 200 MB
MAX_ROWS: Final = 100_000
#: characters of a value: the largest sealed event as base64, and room
_LONGEST: Final = 2 * 1024 * 1024
_PIECE: Final = 4 * 1024 * 1024


class AthenaHistory:
    """Each query reads the whole table of events, sealed columns included."""

    def __init__(
        self, queries: AthenaQueries, results: S3FeatureRows, *, at_once: int = AT_ONCE, most: int = MAX_ROWS
    ) -> None:
        """`results`: where Athena lays its answers."""
        self._queries = queries
        self._results = results
        self._at_once = at_once
        self._most = most

    def rows(self, profile_ids: Collection[str]) -> Iterator[SealedRow]:
        """One query for as many profiles as there are; the result is read as it comes."""
        for some in _some(profile_ids, self._at_once):
            yield from self.rows_at(self._queries.run(history_query(some)))

    def lay_out_rows(self, profile_ids: Collection[str]) -> tuple[str, ...]:
        """The keys of the results."""
        return tuple(self._queries.run(history_query(some)) for some in _some(profile_ids, self._at_once))

    def rows_at(self, place: str) -> Iterator[SealedRow]:
        """As the result lies there."""
        for _, values in self._read(place, 0):
            yield _row(values)

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        """The key of the result."""
        return self._queries.run(people_query(events, share))

    def people(self, place: str, start: int) -> Iterator[Person]:
        """Whose rows follow each other; places are bytes. Of somebody with more than `MAX_ROWS` there are none.

        So who would not fit into memory is left incomplete, and stands in nobody's way.
        """
        for root, lines in itertools.groupby(self._read(place, start), key=lambda line: line[1][0]):
            rows, end = [], start
            for number, (end, (_, *values)) in enumerate(lines):  # noqa: B007 - the last one is where they end
                if number < self._most:
                    rows.append(_row(values))
                else:
                    rows.clear()
            yield Person(root=root, rows=tuple(rows), end=end)

    def _read(self, key: str, start: int) -> Iterator[tuple[int, list[str]]]:
        """A result's lines from `start` on, as values, each with the place where the next begins; no header."""
        csv.field_size_limit(_LONGEST)
        for end, line in self._lines(key, start):
            if end > len(line) + 1:  # the first one is the header
                yield end, next(csv.reader([line.decode().rstrip("\r")]))

    def _lines(self, key: str, start: int) -> Iterator[tuple[int, bytes]]:
        """No value holds the end of a line: ids, words, numbers and base64."""
        rest, at = b"", start
        while piece := self._results.read(key, at + len(rest), _PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                at += len(line) + 1
                yield at, line
        if rest:
            yield at + len(rest) + 1, rest


def history_query(profile_ids: Collection[str]) -> str:
    """`history.sql` of those; a parameter of Athena's own would not do, for the local cloud has none.

    ValueError for what is no profile id: nothing else may become part of a query.
    """
    if not all(_PROFILE_ID.fullmatch(profile_id) for profile_id in profile_ids):
        raise ValueError("not a profile id")
    return HISTORY.replace(":profiles", ", ".join(f"'{profile_id}'" for profile_id in profile_ids))


def people_query(events: Collection[str] | None = None, share: int = 1) -> str:
    """`everybody.sql`, or `performers.sql`: of those people only to whom one of these events was applied.

    Event names are anybody's words: they go into the query as hexadecimal digits. `share`: of one in so many.
    """
    if events is None or sum(map(len, events)) > MAX_NAMES:
        return EVERYBODY.replace(":last", f"'{last_drawn(share)}'")
    named = ", ".join(f"'{name.encode().hex().upper()}'" for name in sorted(events)) or "''"
    return PERFORMERS.replace(":events", named)


def _some(profile_ids: Collection[str], at_once: int) -> Iterator[list[str]]:
    wanted = sorted(profile_ids)
    return (wanted[start : start + at_once] for start in range(0, len(wanted), at_once))


def _row(values: Sequence[str]) -> SealedRow:
    profile_id, verdict, version, source, absorbed, repeated, sealed = values
    return SealedRow(
        profile_id=profile_id,
        verdict=Verdict(verdict),
        version=int(version),
        source=source,
        absorbed=absorbed,
        repeated=repeated == "1",
        sealed=b64decode(sealed, validate=True),
    )
