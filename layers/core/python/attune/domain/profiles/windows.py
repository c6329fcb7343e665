"""What a profile keeps of its events so that conditions can be answered: bounded, and the same in any order of arrival.

A slot's first letter says which events it keeps (`KEEPS`), so that two profiles can be joined whatever is defined by
then.
"""

from __future__ import annotations

from bisect import insort
from typing import Final, Literal

import msgspec


class Mark(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """An event that a window remembers: its time and its hash, so that a set of marks has one meaning in any order."""

    time: int
    order: bytes


class Sample(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """A mark with what the event said: an amount in millionths, a value's hash, or the value itself."""

    time: int
    order: bytes
    value: int | float | str


class Base(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Amounts of which only this much is known any more: how many, their sum, the smallest, the largest.

    The sum in whole units and millionths: in millionths alone it might not fit into the 64 bits that are stored.
    """

    count: int
    units: int
    millionths: int
    least: int
    most: int

    @property
    def total(self) -> int:
        """The sum in millionths."""
        return self.units * MILLION + self.millionths


class Samples(msgspec.Struct, array_like=True, gc=False):
    """Samples in order of time, and what fell out of them where a slot keeps that too."""

    kept: list[Sample]
    base: Base | None = None


Keeps = Literal["newest", "oldest", "newest_and_base", "first_of_each"]

MILLION: Final = 1_000_000

#: by a slot's first letter
KEEPS: Final[dict[str, Keeps]] = {
    "n": "newest",
    "o": "oldest",
    "a": "newest",
    "b": "newest_and_base",
    "c": "newest_and_base",
    "d": "newest",
    "e": "first_of_each",
    "t": "newest",
    "f": "oldest",
    "u": "first_of_each",
}


def add_mark(marks: list[Mark], mark: Mark, slot: str, capacity: int) -> list[Mark]:
    """`marks` with one more, of which as many are kept as the slot may hold; the same list where nothing changes."""
    if slot[0] == "o":
        if len(marks) >= capacity and mark > marks[-1]:
            return marks
        return unite_marks(marks, [mark], slot, capacity)
    if not marks or mark > marks[-1]:
        return [*marks, mark][-capacity:]
    return unite_marks(marks, [mark], slot, capacity)


def unite_marks(one: list[Mark], other: list[Mark], slot: str, capacity: int) -> list[Mark]:
    """The marks of both."""
    together = sorted({*one, *other})
    return together[:capacity] if slot[0] == "o" else together[-capacity:]


def add_sample(samples: Samples | None, sample: Sample, slot: str, capacity: int) -> Samples:
    """`samples` with one more; an event that the slot still holds does not count twice."""
    return unite_samples(samples or Samples([]), Samples([sample]), slot, capacity)


def unite_samples(one: Samples, other: Samples, slot: str, capacity: int) -> Samples:
    """The samples of both, and what fell out of either."""
    together = sorted({*one.kept, *other.kept}, key=_place)
    match KEEPS[slot[0]]:
        case "newest":
            return Samples(together[-capacity:])
        case "oldest":
            return Samples(together[:capacity])
        case "newest_and_base":
            base = _join(one.base, other.base)
            for sample in together[:-capacity]:
                base = with_amount(base, int(sample.value))
            return Samples(together[-capacity:], base)
        case "first_of_each":
            first: dict[tuple[type, int | float | str], Sample] = {}
            for sample in together:
                first.setdefault((str if isinstance(sample.value, str) else float, sample.value), sample)
            return Samples(list(first.values())[:capacity])


def with_amount(base: Base | None, amount: int) -> Base:
    """With one more, in millionths."""
    one = Base(1, *divmod(amount, MILLION), amount, amount)
    return _join(base, one) or one


def _join(one: Base | None, other: Base | None) -> Base | None:
    if one is None or other is None:
        return one or other
    count, total = one.count + other.count, one.total + other.total
    return Base(count, *divmod(total, MILLION), min(one.least, other.least), max(one.most, other.most))


def _place(sample: Sample) -> tuple[int, bytes, bool, int | float | str]:
    """Whoever sends an event again a day later may say a text where there was a number."""
    return (sample.time, sample.order, isinstance(sample.value, str), sample.value)


class Sessions(msgspec.Struct, array_like=True, gc=False):
    """Stretches of events, (first, last) each, in order, the newest; `earlier`: how many there were before them."""

    kept: list[tuple[int, int]]
    earlier: int = 0


#: ms without an event after which the next one begins a new session
SESSION_GAP: Final = 30 * 60_000
MAX_SESSIONS: Final = 20


def add_to_sessions(sessions: Sessions | None, time: int) -> Sessions:
    """With an event at `time`; one that is older than all sessions that are kept is left out."""
    known = sessions or Sessions([])
    if known.earlier and time + SESSION_GAP < known.kept[0][0]:
        return known
    return unite_sessions(known, Sessions([(time, time)]))


def unite_sessions(one: Sessions, other: Sessions) -> Sessions:
    """The sessions of both; two that are no gap apart are one."""
    stretches: list[tuple[int, int]] = []
    together = list(one.kept)
    for stretch in other.kept:
        insort(together, stretch)
    for first, last in together:
        if stretches and first - stretches[-1][1] <= SESSION_GAP:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], last))
        else:
            stretches.append((first, last))
    dropped = max(0, len(stretches) - MAX_SESSIONS)
    return Sessions(stretches[dropped:], one.earlier + other.earlier + dropped)
