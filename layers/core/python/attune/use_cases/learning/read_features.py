"""Rows of the features table, from any line on: columns by name, and no row is trusted to be one."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.ports.learning import FeatureRows

#: bytes of one read
BLOCK: Final = 512 * 1024
#: characters that a partition key may have
_MAX_ID: Final = 256


class FeatureColumnsError(Exception):
    """The table lacks a column: the query and this code do not belong together, and no row can be read."""


class Line(msgspec.Struct, frozen=True):
    """A line of the table, and the position that the next one begins at, in bytes."""

    text: str
    end: int


class Features(msgspec.Struct, frozen=True):
    """One row: the features in the order of `FEATURES`, and what the profile holds of each model."""

    profile_id: str
    values: list[float]
    known: dict[str, str]


class Columns(msgspec.Struct, frozen=True):
    """Where the header says that the columns are."""

    profile_id: int
    features: tuple[int, ...]
    #: by model, what the profile holds of it, as `profile.spell_score`
    known: dict[str, int]
    #: where the first row begins
    end: int

    def read(self, line: Line) -> Features | None:
        """None for what is no row of numbers."""
        try:
            row = next(csv.reader([line.text]))
            values = [float(row[at]) for at in self.features]
            profile_id, known = row[self.profile_id], {model: row[at] for model, at in self.known.items()}
        except (csv.Error, StopIteration, IndexError, ValueError):
            return None
        usable = 0 < len(profile_id) <= _MAX_ID and all(math.isfinite(value) and value >= 0 for value in values)
        return Features(profile_id, values, known) if usable else None


def read_columns(table: FeatureRows, location: str) -> Columns:
    """Raises `FeatureColumnsError` naming what the header lacks."""
    header = next(read_lines(table, location, 0), Line("", 0))
    names: Sequence[str] = next(csv.reader([header.text]), [])
    missing = [name for name in ("profile_id", *FEATURES, *MODELS) if name not in names]
    if missing:
        raise FeatureColumnsError(f"the features have no column {', '.join(missing)}")
    features = tuple(names.index(name) for name in FEATURES)
    known = {model: names.index(model) for model in MODELS}
    return Columns(names.index("profile_id"), features, known, header.end)


def read_lines(table: FeatureRows, location: str, start: int) -> Iterator[Line]:
    """Every line that is not blank, from `start` on, which is where a line begins.

    No value holds a newline: they are ids and numbers.
    """
    rest, at = b"", start
    while block := table.read(location, at + len(rest), BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            at += len(line) + 1
            if line.strip():
                yield Line(line.decode(errors="replace").rstrip("\r"), at)
    if rest.strip():
        yield Line(rest.decode(errors="replace").rstrip("\r"), at + len(rest))
