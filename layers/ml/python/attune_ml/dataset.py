"""Rows of features as matrices, read piece by piece, so that the text is never in memory as a whole."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from attune.domain.learning.features import FEATURES
from attune.domain.learning.training import MIN_HOLDOUT, MIN_TRAINING, Refusal

if TYPE_CHECKING:
    from collections.abc import Buffer, Iterable, Iterator

    from numpy.typing import NDArray

    type Matrix = NDArray[np.float64]

HOLDOUT: Final = "holdout"
#: rows that pandas parses at a time
_ROWS: Final = 65_536
_COLUMNS: Final = [*FEATURES, HOLDOUT]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One row a profile, one column a feature, in the order of `FEATURES`; who is held out stands apart."""

    training: Matrix
    holdout: Matrix
    #: SHA-256 of the text they were read from
    digest: str

    @property
    def profiles(self) -> int:
        """Of both."""
        return len(self.training) + len(self.holdout)


def read_dataset(pieces: Iterable[bytes]) -> Dataset | Refusal:
    """Whatever is wrong with the rows is a refusal; what the pieces themselves raise is raised."""
    text = _Pieces(pieces)
    training, holdout = bytearray(), bytearray()
    try:
        tables = pd.read_csv(io.BufferedReader(text), usecols=_COLUMNS, dtype=np.float64, chunksize=_ROWS)
    except ValueError:
        return Refusal(code="wrong_columns")
    with tables:
        try:
            for table in tables:
                rows = table[_COLUMNS].to_numpy()
                held = rows[:, -1] == 1.0
                if not (held | (rows[:, -1] == 0.0)).all():
                    return Refusal(code="unreadable_rows", profiles=_rows(training) + _rows(holdout))
                training += rows[~held, :-1].tobytes()
                holdout += rows[held, :-1].tobytes()
        except ValueError:
            return Refusal(code="unreadable_rows", profiles=_rows(training) + _rows(holdout))
    return _checked(Dataset(_matrix(training), _matrix(holdout), text.digest()))


def _checked(dataset: Dataset) -> Dataset | Refusal:
    matrices = (dataset.training, dataset.holdout)
    if not all(np.isfinite(matrix).all() for matrix in matrices):
        return Refusal(code="not_finite", profiles=dataset.profiles)
    if any((matrix < 0).any() for matrix in matrices):
        return Refusal(code="negative_features", profiles=dataset.profiles)
    if len(dataset.training) < MIN_TRAINING or len(dataset.holdout) < MIN_HOLDOUT:
        return Refusal(code="too_few_profiles", profiles=dataset.profiles)
    return dataset


def _rows(numbers: bytearray) -> int:
    return len(numbers) // (8 * len(FEATURES))


def _matrix(numbers: bytearray) -> Matrix:
    """Without a copy: the bytes that grew are the matrix, and can be written to."""
    return np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(FEATURES))


class _Pieces(io.RawIOBase):
    """A file that hashes what is read from it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """At most one piece."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._hash.update(piece)
            self._rest = memoryview(piece)
        target = memoryview(buffer)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def digest(self) -> str:
        """Of all that was read."""
        return self._hash.hexdigest()
