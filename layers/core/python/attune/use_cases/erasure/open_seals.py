"""Sealed rows of the lake, opened with whatever data keys are still stored: of live profiles, in rows of merges."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.erasure.verifications import Merge
from attune.domain.processing.verdicts import Verdict
from attune.domain.profiles.state import decode_profile
from attune.ports.stored import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from attune.ports import ProfileReader, Seal
    from attune.ports.stored import Piece, Stored

#: profiles whose keys are remembered
_KNOWN: Final = 20_000
_MERGED: Final = Verdict.MERGED.value.encode()


class _Line(msgspec.Struct, frozen=True):
    """What of a row says who may open it; of raw rows and of compacted ones."""

    profile_id: str | None = ""
    verdict: str | None = ""
    absorbed: str | None = ""
    sealed: bytes | None = b""


class OpenSeals:
    """Callable with a block of lines: what its seals hold, as far as there are keys."""

    def __init__(self, profiles: ProfileReader, seal: Seal) -> None:
        self._profiles = profiles
        self._seal = seal
        self._merges: Mapping[str, Sequence[Merge]] = {}
        self._others: dict[str, set[bytes]] = {}
        self._keys: dict[str, frozenset[bytes]] = {}

    def know(self, splits: Sequence[str], merges: Mapping[str, Sequence[Merge]]) -> None:
        """Profiles that hold the data keys of whom they were unlinked from, and rows of merges by who was absorbed."""
        self._merges = merges
        self._keys, self._others = {}, {}
        for item in self._profiles.items(splits, consistent=True).values():
            for split in decode_profile(item.state).splits.values() if item.state else ():
                if split.is_new:
                    self._others.setdefault(split.other, set()).add(split.data_key)

    def __call__(self, block: bytes) -> Iterator[bytes]:
        """In order of the lines; those that no key opens are left out: nobody can read them any more."""
        lines = [line for line in _lines(block) if line.sealed and line.profile_id]
        self._look_up({line.profile_id for line in lines if line.profile_id})
        for line in lines:
            yield from self._opened(self._keys[line.profile_id or ""], line.sealed or b"")

    def _look_up(self, profile_ids: set[str]) -> None:
        """With those that absorbed them, over any merges."""
        if len(self._keys) > _KNOWN:
            self._keys = {}
        chain = set(profile_ids)
        ahead = profile_ids
        while ahead:
            ahead = {merge.survivor for one in ahead for merge in self._merges.get(one, ())} - chain
            chain |= ahead
        wanted = chain - self._keys.keys()
        items = self._profiles.items(wanted, consistent=True) if wanted else {}
        own = {one: {decode_profile(item.state).data_key} - {b""} for one, item in items.items() if item.state}
        for one in wanted:
            self._keys[one] = frozenset(own.get(one, set()) | self._others.get(one, set()))
        for one in wanted:
            self._keys[one] |= self._inherited(one, set())

    def _inherited(self, profile_id: str, seen: set[str]) -> set[bytes]:
        """Its data key, as those who absorbed it have it."""
        found: set[bytes] = set()
        for merge in self._merges.get(profile_id, ()) if profile_id not in seen else ():
            keys = set(self._keys.get(merge.survivor, ())) | self._inherited(merge.survivor, seen | {profile_id})
            found.update(self._opened(keys, merge.sealed))
        return found

    def _opened(self, keys: Iterable[bytes], sealed: bytes) -> list[bytes]:
        for key in keys:
            try:
                return [self._seal.open(key, sealed)]
            except ValueError:
                continue
        return []


def merges_in(lake: Stored, position: str) -> tuple[list[tuple[str, Merge]], str]:
    """Rows of merges on a page of the lake, by who was absorbed, and the position behind it."""
    page = lake.page(position)
    rows = (line for piece in page.pieces for line in _merged(piece))
    found = [
        (row.absorbed, Merge(row.profile_id, row.sealed))
        for row in rows
        if row.absorbed and row.profile_id and row.sealed
    ]
    return found, page.next


def _merged(piece: Piece) -> Iterator[_Line]:
    """As far as it can be read; whoever looks through it tells that it cannot."""
    with contextlib.suppress(UnreadableError):
        for block in piece.blocks:
            if _MERGED in block:
                yield from (line for line in _lines(block) if line.verdict == Verdict.MERGED)


def _lines(block: bytes) -> Iterator[_Line]:
    for line in block.split(b"\n"):
        if line[:1] == b"{":
            try:
                yield _decoder.decode(line)
            except msgspec.MsgspecError:
                continue  # no row: it is looked at as it stands


_decoder: Final = msgspec.json.Decoder(_Line)
