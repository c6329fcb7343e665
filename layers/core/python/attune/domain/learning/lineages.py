"""Which models may have seen somebody who was erased: by when they were known and when a model's rows were cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

#: where it lies beside a model's versions
ERASURES: Final = "erasures"
PEOPLE: Final = "people.json"
#: ms for which a model may serve on after the erasure of somebody whom it may have seen, where nothing replaces it
LIFETIME: Final = 30 * 86_400_000
#: of so many the newest: MAX_BYTES of a file of the registry are not reached
_MOST: Final = 5_000


class Seen(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Rows of somebody were there from `since` (ms; 0: nobody knows) until they were `erased_at`."""

    since: int
    erased_at: int


class Lineage(msgspec.Struct, frozen=True):
    """What is read of a version's `lineage.json`: the instant up to which it knew what had happened, ms."""

    cutoff: int = 0


def may_have_seen(cutoff: int, people: Iterable[Seen]) -> bool:
    """Whether a training as of then (ms; 0: nobody knows) had rows of anybody who was erased since."""
    return any(not cutoff or one.since <= cutoff <= one.erased_at for one in people)


def expires_at(cutoff: int, people: Iterable[Seen]) -> int:
    """From when on (ms) a model trained as of then must not serve; 0 where it has seen nobody who was erased since."""
    return min((one.erased_at + LIFETIME for one in people if may_have_seen(cutoff, [one])), default=0)


def decode_lineage(data: bytes | None) -> Lineage:
    """Of what nobody can read it is believed that it has seen everybody."""
    try:
        return msgspec.json.decode(data or b"{}", type=Lineage)
    except msgspec.MsgspecError:
        return Lineage()


def decode_people(data: bytes | None) -> tuple[Seen, ...]:
    """None of them where there is no such document."""
    try:
        return msgspec.json.decode(data or b"[]", type=tuple[Seen, ...])
    except msgspec.MsgspecError:
        return ()


def encode_people(people: Iterable[Seen]) -> bytes:
    """In order; where there are very many, the oldest are taken together: nobody is forgotten."""
    ordered = sorted(set(people), key=lambda one: one.erased_at)
    older, newer = ordered[:-_MOST], ordered[-_MOST:]
    if older:
        newer.insert(0, Seen(min(one.since for one in older), max(one.erased_at for one in older)))
    return msgspec.json.encode(newer)
