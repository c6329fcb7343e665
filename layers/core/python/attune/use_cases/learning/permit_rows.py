"""Rows of the features without those of people who may not be learnt from any more.

The snapshot of who consents is some minutes old when Athena has answered. So who is among the rows is asked about once
more, of profiles and holds, before a model reads any.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from attune.domain.consent.gate import Edge
from attune.domain.profiles.state import decode_profile
from attune.use_cases.consent.judge_people import JudgePeople
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.learning.read_features import read_lines
from attune.use_cases.processing.count_changes import count_refusals
from attune.use_cases.profiles.find_graves import erased_among

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.ports import Clock, Count, DefinitionReader
    from attune.ports.learning import FeatureRows, HoldScan, ProfileScan

#: lines that are handed on at once
_LINES: Final = 10_000
_ID: Final = "profile_id"


class PermitRows:
    """Whose rows count, which those are, and whether anybody among them has been erased since."""

    def __init__(
        self,
        *,
        features: FeatureRows,
        everybody: ProfileScan,
        holds: HoldScan,
        definitions: DefinitionReader,
        clock: Clock,
        count: Count,
    ) -> None:
        self._features = features
        self._everybody = everybody
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._clock = clock
        self._count = count

    def permitted(self, location: str) -> set[str]:
        """The profiles among the rows that may be learnt from now: by what was said, or held, before this was asked."""
        among = {profile_id for profile_id, _ in self._read(location)[1]}
        if not among:
            return among
        policies, now = self._definitions()[1].policies, self._clock()
        judge = JudgePeople(Edge.TRAIN, policies, self._holds.every_hold(), now)
        found = {
            item.profile_id
            for item in self._everybody.all_items(consistent=True)
            if item.profile_id in among and item.state and judge(decode_profile(item.state))
        }
        count_refusals(judge.refused, self._count)
        return found

    def pieces(self, location: str, permitted: Collection[str]) -> Iterator[bytes]:
        """The header and the rows of those permitted, as they stand; without a column of ids there is no such row."""
        header, rows = self._read(location)
        piece = [header]
        for profile_id, line in rows:
            if profile_id in permitted:
                piece.append(line)
            if len(piece) >= _LINES:
                yield _joined(piece)
                piece = []
        yield _joined(piece)

    def has_erased(self, learnt_from: Collection[str]) -> bool:
        """Whether any of these profiles is erased by now, whatever they have been merged into."""
        return bool(learnt_from) and bool(erased_among(self._everybody.tombstones(), learnt_from))

    def _read(self, location: str) -> tuple[str, Iterator[tuple[str, str]]]:
        """The header, and (profile id, line)."""
        lines = (line.text for line in read_lines(self._features, location, 0))
        header = next(lines, "")
        names = _values(header)
        return header, _rows(lines, names.index(_ID)) if _ID in names else iter(())


def _rows(lines: Iterator[str], at: int) -> Iterator[tuple[str, str]]:
    for line in lines:
        values = _values(line)
        if at < len(values):
            yield values[at], line


def _joined(lines: list[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def _values(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []
