"""`History` in memory: the rule of `verdicts.Row` over raw rows, as compaction applies it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from attune.adapters.lake_lines import Line
from attune.adapters.memory_profiles import MemoryProfiles
from attune.domain.processing.verdicts import ONLY_COUNTED, Verdict
from attune.ports.rebuilding import Person, SealedRow, last_drawn


class MemoryHistory:
    """Of the raw rows that `lines` gives when asked, and the profiles that are stored by then."""

    def __init__(self, lines: Callable[[], Iterable[bytes]], profiles: MemoryProfiles) -> None:
        self._lines = lines
        self._profiles = profiles
        self._laid_out: list[list[Person]] = []
        self._laid_rows: list[list[SealedRow]] = []

    def rows(self, profile_ids: Collection[str]) -> Iterator[SealedRow]:
        """As they are when it is asked."""
        return (row for row in self._counting() if row.profile_id in profile_ids)

    def lay_out_rows(self, profile_ids: Collection[str]) -> tuple[str, ...]:
        """A place is the number of the call."""
        self._laid_rows.append(list(self.rows(profile_ids)))
        return (str(len(self._laid_rows)),)

    def rows_at(self, place: str) -> list[SealedRow]:
        """As they were when they were laid out."""
        return self._laid_rows[int(place) - 1]

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        """Places are numbers from 1 on."""
        last = last_drawn(share)
        merged = {item.profile_id: item.merged_into for item in self._profiles.all_items()}
        of: dict[str, list[SealedRow]] = {}
        asked: set[str] = set()
        for line, repeated in self._lines_that_count():
            root = line.profile_id
            while into := merged.get(root):
                root = into
            if root in merged and root[29:] <= last:
                of.setdefault(root, []).append(_row(line, repeated=repeated))
                if line.verdict is Verdict.APPLIED and (events is None or _name(line) in events):
                    asked.add(root)
        ordered = enumerate(sorted((root, rows) for root, rows in of.items() if events is None or root in asked), 1)
        self._laid_out.append([Person(root=root, rows=tuple(rows), end=end) for end, (root, rows) in ordered])
        return str(len(self._laid_out))

    def people(self, place: str, start: int) -> Iterator[Person]:
        """In order of ids."""
        yield from self._laid_out[int(place) - 1][start:]

    def _counting(self) -> Iterator[SealedRow]:
        return (_row(line, repeated=again) for line, again in self._lines_that_count())

    def _lines_that_count(self) -> Iterator[tuple[Line, bool]]:
        """The last one of rows that are alike in everything, and whether it was applied more than once."""
        stored = {item.profile_id for item in self._profiles.all_items()}
        counting: dict[tuple[str, str, str, str], tuple[tuple[bool, int, bool, int], Line]] = {}
        received: dict[tuple[str, str, str, str], set[int]] = {}
        for data in self._lines():
            row = msgspec.json.decode(data, type=Line)
            if row.verdict in ONLY_COUNTED:
                continue
            event = (row.source, row.message_id, row.fingerprint, row.absorbed)
            if row.verdict is Verdict.APPLIED:
                received.setdefault(event, set()).add(row.received_at)
            known = not row.profile_id or row.profile_id in stored
            weight = (known, row.version, row.verdict is Verdict.DROPPED, row.processed_at)
            if event not in counting or weight >= counting[event][0]:
                counting[event] = weight, row
        for event, (_, row) in counting.items():
            if row.verdict in {Verdict.APPLIED, Verdict.MERGED}:
                yield row, len(received.get(event, ())) > 1


def _row(line: Line, *, repeated: bool) -> SealedRow:
    return SealedRow(
        profile_id=line.profile_id,
        verdict=line.verdict,
        version=line.version,
        source=line.source,
        absorbed=line.absorbed,
        repeated=repeated,
        sealed=line.sealed,
    )


def _name(line: Line) -> str:
    """As conditions call it."""
    return line.event if line.type == "track" else line.type
