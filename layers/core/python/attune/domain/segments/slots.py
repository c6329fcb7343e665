"""Which events a profile must keep for its conditions, each kind once however many conditions ask for it."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.events import short_hash
from attune.domain.profiles.windows import KEEPS, MILLION
from attune.domain.segments.comparisons import Test, compile_tests, is_number, lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune.domain.definitions.conditions import EventFilter
    from attune.domain.profiles.windows import Mark, Sample

#: of each step of a sequence, of what is dwelled on and of what ends it
MAX_STEPS: Final = 20
#: samples of a figure over a time, and of values that are weighed
MAX_SAMPLES: Final = 100
#: samples of a figure over all time: as many of the newest as tell since when a condition holds; the rest is added up
RECENT_SAMPLES: Final = 10
#: characters of a text that is kept
MAX_TEXT: Final = 64
#: amounts are whole millionths of at most so many whole units
LARGEST: Final = 1_000_000_000

#: what an event says for a sample slot; None: nothing
type Read = Callable[[dict[str, Any]], int | float | str | None]

_NUMBER: Final = re.compile(r"[+-]?\d{1,10}(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slot:
    """Events of `filters` (name, a first test, the others), at most `capacity`.

    `read`: what is kept of each; None for its time only.

    What is older than `within` (ms) is of no use any more, but for the newest `always`.
    """

    name: str
    filters: tuple[tuple[str, Test, Test | None], ...]
    capacity: int
    within: int
    always: int
    read: Read | None = None

    def in_use[T: (Mark, Sample)](self, kept: list[T], now: int) -> list[T]:
        """Those of `kept` (ascending) that are not too old; the same list where all are of use."""
        if len(kept) <= self.always or kept[0].time + self.within > now:
            return kept
        aged = kept[: len(kept) - self.always]
        return [one for one in aged if one.time + self.within > now] + kept[len(aged) :]


@dataclass(slots=True)
class Slots:
    """Collects what conditions need. Whoever asks for the same again gets the same slot, made as large as both need."""

    by_name: dict[str, Slot] = field(default_factory=dict)

    def marks(self, filters: Sequence[EventFilter], capacity: int, within: int | None, *, oldest: bool = False) -> str:
        """The name of a slot that keeps the times of so many of these events, the newest or the oldest."""
        return self._slot("o" if oldest else "n", filters, (), capacity, within, None)

    def samples(
        self, kind: str, filters: Sequence[EventFilter], properties: Sequence[str], capacity: int, within: int | None
    ) -> str:
        """The name of a slot of this kind (`windows.KEEPS`) that keeps what these events say.

        In the first of `properties` that says anything.
        """
        read = _READS[kind]
        return self._slot(kind, filters, properties, capacity, within, lambda said: _first(read, properties, said))

    def _slot(
        self,
        kind: str,
        filters: Sequence[EventFilter],
        properties: Sequence[str],
        capacity: int,
        within: int | None,
        read: Read | None,
    ) -> str:
        said = msgspec.json.encode([kind, [_plain(part) for part in filters], properties], order="deterministic")
        name = kind + base64.urlsafe_b64encode(short_hash(said)[:6]).decode()
        always = capacity if within is None or KEEPS[kind] != "newest" else 0
        known = self.by_name.get(name)
        if known is None:
            tests = tuple((part.event, compile_tests(part.where[:1]), _others(part)) for part in filters)
            self.by_name[name] = Slot(name, tests, capacity, within or 0, always, read)
        else:
            self.by_name[name] = replace(
                known,
                capacity=max(known.capacity, capacity),
                within=max(known.within, within or 0),
                always=max(known.always, always),
            )
        return name

    def by_event(self) -> dict[str, tuple[tuple[Slot, Test, Test | None], ...]]:
        """What an event of a name may go into, and the tests of whether it does: most fail at the first."""
        found: dict[str, list[tuple[Slot, Test, Test | None]]] = defaultdict(list)
        for slot in self.by_name.values():
            for event, first, others in slot.filters:
                found[event].append((slot, first, others))
        return {event: tuple(slots) for event, slots in found.items()}


def amount(value: Any) -> int | None:
    """A number, or the text of one, in millionths; None for anything else and beyond a thousand millions."""
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            return None
    elif not is_number(value) or not -LARGEST <= value <= LARGEST:
        return None
    number = Decimal(str(value))
    if abs(number) > LARGEST:
        return None
    return int((number * MILLION).to_integral_value())


def _others(part: EventFilter) -> Test | None:
    return compile_tests(part.where[1:]) if len(part.where) > 1 else None


def _plain(part: EventFilter) -> list[Any]:
    return [part.event, [[test.property, test.operator, test.value] for test in part.where]]


def _first(read: Read, properties: Iterable[str], said: dict[str, Any]) -> int | float | str | None:
    for path in properties:
        if (found := read(lookup(said, path))) is not None:
            return found
    return None


def _hash(value: Any) -> int | None:
    """6 bytes that stand for a text or a number; 1 and 1.0 are one value, and so are 0 and -0.0."""
    if isinstance(value, str):
        return int.from_bytes(short_hash("text", value[:MAX_TEXT])[:6])
    if not is_number(value) or not isfinite(value):
        return None
    return int.from_bytes(short_hash("number", repr(int(value) if value == int(value) else value))[:6])


def _value(value: Any) -> int | float | str | None:
    """A text, cut, or a number; a whole one of more than 64 bits is none."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 1 << 63 else None
    return value if isinstance(value, float) else None


_READS: Final[dict[str, Callable[[Any], int | float | str | None]]] = {
    "a": amount,
    "b": amount,
    "c": lambda _: 0,
    "d": _hash,
    "e": _hash,
    "t": _value,
    "f": _value,
    "u": _value,
}
