"""What rebuilding profiles needs of the world beside the stores: their rows in the lake."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Protocol

import msgspec

from attune.domain.processing.verdicts import Verdict
from attune.ports import DefinitionReader, Standing

#: parts that all profiles fall into by the end of their ids
DRAWS: Final = 4_096


class LakeSlowError(Exception):
    """The lake has not answered within the time that somebody waits for it; it may the next time."""


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
    """The lake, as it was when it was last compacted. By the rule of `verdicts.Row`: one row an event."""

    def rows(self, profile_ids: Collection[str]) -> Iterable[SealedRow]:
        """Rows of applied events and of merges that lie under these profiles, in any order. Ids are 32 hex digits.

        `LakeSlowError` where it takes too long.
        """
        ...

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        """Lay the rows of everybody out, person by person; answers where. They lie there for days.

        `events`: of nobody but those of whom one of these was applied, each named as conditions do: by a track call's
        name, any other call's type. `share`, not together with `events`: of nobody but one in so many (1 to 4,096),
        drawn by their ids, the same whenever it is asked.
        """
        ...

    def people(self, place: str, start: int) -> Iterable[Person]:
        """Those that lie at `place`, from `start` on: 0, or the `end` of somebody. Read as it is asked for."""
        ...


class LaidRows(Protocol):
    """Rows of some people, laid out once and read from a place on: of whom there are more than fit into memory."""

    def lay_out_rows(self, profile_ids: Collection[str]) -> tuple[str, ...]:
        """Lay out what `History.rows` answers; answers where, one place behind the other. They lie there for days.

        `LakeSlowError`.
        """
        ...

    def rows_at(self, place: str) -> Iterable[SealedRow]:
        """Those that lie at one of the places, in the same order whenever it is asked."""
        ...


class TakeoverStore(DefinitionReader, Protocol):
    """What a backfill needs of the definitions."""

    def standings(self, kind: str) -> list[Standing]:
        """As of `DefinitionStore`."""
        ...

    def deleted(self, kind: str) -> list[str]:
        """Ids that were deleted and are not there again."""
        ...

    def take_over(self, definition_id: str, version: int, at: int) -> None:
        """Lay down that this version of a segment serves from `at` (ms) on; `ConflictError` unless it waits."""
        ...

    def settle(self, kind: str, definition_id: str, version: int) -> None:
        """Note that all profiles are in line with this version; `ConflictError` unless it was applied last."""
        ...


def last_drawn(share: int) -> str:
    """The last three hex digits up to which a profile's id is drawn, for one in `share` of all."""
    if not 1 <= share <= DRAWS:
        raise ValueError(share)
    return f"{DRAWS // share - 1:03x}"
