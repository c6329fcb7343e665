"""What rebuilding profiles needs of the world beside the stores: their rows in the lake."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import msgspec

from attune.domain.verdicts import Verdict


class SealedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the lake that counts: an event that was applied, or a merge (`absorbed`: whom).

    `sealed` opens under the data key of `profile_id`, or the row is one of a profile that never came to be.
    `repeated`: it was applied more than once, as its producer told it again when nobody remembered it any more.
    """

    profile_id: str
    verdict: Verdict
    version: int
    source: str
    absorbed: str = ""
    repeated: bool = False
    sealed: bytes


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a live profile (`root`) and of those it had absorbed. `end`: the place where the next one begins."""

    root: str
    rows: tuple[SealedRow, ...]
    end: int


class History(Protocol):
    """The lake, as it was when it was last compacted. By the rule of `domain.verdicts.Row`: one row an event."""

    def rows(self, profile_ids: Collection[str]) -> Iterable[SealedRow]:
        """Rows of applied events and of merges that lie under these profiles, in any order. Ids are 32 hex digits."""
        ...

    def lay_out(self) -> str:
        """Lay the rows of everybody out, person by person; answers where. They lie there for days."""
        ...

    def people(self, place: str, start: int) -> Iterable[Person]:
        """Those that lie at `place`, from `start` on: 0, or the `end` of somebody. Read as it is asked for."""
        ...
