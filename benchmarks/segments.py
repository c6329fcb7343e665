"""What conditions cost an event: beside hand-written closures, beside a rule library, and as definitions grow.

The stream is one person after another looking, filling carts and ordering. All sides of a comparison take the same
events in the same process, in turns, and must come to the same memberships.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgspec
import rule_engine

from attune.domain.definitions.kinds import Segment, decode_definition, snapshot
from attune.domain.events import Event
from attune.domain.identifiers import Identifier
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Profile
from attune.domain.segments import Compiled, Quiet, advance, compile_segments, keep, members, react
from benchmarks.definitions import all_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: hand-written closures, and a rule library
CLOSURES_BAR: Final = 2.0
LIBRARY_BAR: Final = 50.0
#: 1,000 definitions that an event does not touch, beside 10
GROWTH_BAR: Final = 1.5

PEOPLE: Final = 40
EVENTS: Final = 50
ROUNDS: Final = 7
START: Final = 1_760_000_000_000
MINUTE: Final = 60_000
DAY: Final = 86_400_000
LARGE: Final = 1 << 30
NAMES: Final = tuple(f"Event {number}" for number in range(10))
CATEGORIES: Final = tuple("abcdefgh")


@dataclass(frozen=True)
class Rule:
    """`event` with a price of at least, a quantity of at most, a category out of some: so often in a day."""

    event: str
    price: int
    quantity: int
    categories: tuple[str, ...]
    at_least: int

    def segment(self, number: int) -> Segment:
        """The same, as people define it."""
        where = [
            {"property": "price", "operator": "at_least", "value": self.price},
            {"property": "quantity", "operator": "at_most", "value": self.quantity},
            {"property": "category", "operator": "in", "value": list(self.categories)},
        ]
        when = {"type": "performed", "event": self.event, "where": where, "at_least": self.at_least, "within": "24h"}
        return msgspec.convert({"kind": "segment", "id": f"s{number}", "when": when}, Segment)


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    rules, lives = _rules(100), _lives()
    ours, by_hand, library = _in_turns(
        [lambda: _engine(rules, lives), lambda: _closures(rules, lives), lambda: _library(rules, lives[:1])]
    )
    events = PEOPLE * EVENTS
    ours, by_hand, library = ours / events, by_hand / events, library / EVENTS
    found = [
        _figure("100 segments of 4 conditions, hand-written closures", by_hand, None, None),
        _figure("100 segments of 4 conditions", ours, by_hand, CLOSURES_BAR),
        _figure("100 segments of 4 conditions, rule-engine", library, None, None),
        _figure("the same, of what rule-engine takes", ours, library, 1 / LIBRARY_BAR),
    ]
    return [*found, *_growth(lives), _figure("20 segments of all kinds, every slot full", _full_slots(), None, None)]


def show() -> None:
    """Measure, and print what came out."""
    for one in figures():
        ratio = "" if one["ratio"] is None else f"{one['ratio']} of {one['baseline']}, bar {one['bar']}"
        print(f"{one['figure']:<64}{one['value']:>9} {one['unit']:<16}{ratio}")


def _growth(lives: list[list[Event]]) -> list[dict[str, Any]]:
    """Ten definitions that the events touch, and ever more that they do not."""
    touched = _rules(10)
    sizes = (10, 100, 1_000)
    defined = {
        size: [*touched, *(Rule(f"Elsewhere {number}", 10, 5, ("a", "b"), 2) for number in range(size - len(touched)))]
        for size in sizes
    }
    taken = _in_turns([lambda size=size: _engine(defined[size], lives) for size in sizes])  # type: ignore[misc]
    per_event = [seconds / (PEOPLE * EVENTS) for seconds in taken]
    found = [_figure("10 definitions, all touched", per_event[0], None, None)]
    for size, seconds in zip(sizes[1:], per_event[1:], strict=True):
        name = f"{size:,} definitions, of which 10 are touched"
        found.append(_figure(name, seconds, per_event[0], GROWTH_BAR))
    return found


def _full_slots() -> float:
    """The dearest case: a busy person of whom all that conditions may ask for is kept, loaded anew for every event."""
    at = START
    compiled = compile_segments(snapshot(tuple(decode_definition(one) for one in all_kinds(NAMES))))
    profile, lives = _somebody(0), [event for life in _lives() for event in life]
    for number, event in enumerate(lives):
        at = START + number * MINUTE
        _take(compiled, profile, msgspec.structs.replace(event, time=at), number.to_bytes(8), Quiet())
    began = time.process_time()
    for number, event in enumerate(lives[:EVENTS]):
        at += MINUTE
        _take(
            compiled, profile, msgspec.structs.replace(event, time=at), (number + PEOPLE * EVENTS).to_bytes(8), Quiet()
        )
    return (time.process_time() - began) / EVENTS


def _take(compiled: Compiled, profile: Profile, event: Event, order: bytes, quiet: Quiet) -> None:
    advance(compiled, profile, event.time - 1, quiet)
    profile.as_of, profile.events = event.time, profile.events + 1
    react(compiled, profile, keep(compiled, profile, event, event.name, order), quiet, in_order=True)


def _in_turns(sides: Sequence[Callable[[], float]]) -> list[float]:
    """The median of CPU seconds of each, measured one after the other, again and again."""
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(ROUNDS):
        for side, measured in zip(sides, taken, strict=True):
            measured.append(side())
    return [statistics.median(measured) for measured in taken]


def _engine(rules: Sequence[Rule], lives: list[list[Event]]) -> float:
    """CPU seconds of what the fold does for conditions; the rest of it knows nothing of them."""
    compiled = compile_segments(snapshot(tuple(rule.segment(number) for number, rule in enumerate(rules))))
    people = [_somebody(number) for number in range(len(lives))]
    orders = [number.to_bytes(8) for number in range(EVENTS)]
    began = time.process_time()
    for profile, life in zip(people, lives, strict=True):
        quiet = Quiet()
        for event, order in zip(life, orders, strict=True):
            advance(compiled, profile, event.time - 1, quiet)
            profile.as_of = event.time
            react(compiled, profile, keep(compiled, profile, event, event.name, order), quiet, in_order=True)
    taken = time.process_time() - began
    _check(compiled, people, rules, lives)
    return taken


def _check(compiled: Compiled, people: list[Profile], rules: Sequence[Rule], lives: list[list[Event]]) -> None:
    """The closures must know the same of everybody, or the comparison is none."""
    for profile, life in zip(people, lives, strict=True):
        by_hand = ByHand(rules)
        for event in life:
            by_hand.take(event.name, event.properties, event.time)
        at = life[-1].time
        if members(compiled, profile, at) != sorted(f"s{number}" for number in by_hand.members(at)):
            raise AssertionError(f"{profile.profile_id}: the closures know something else")


def _closures(rules: Sequence[Rule], lives: list[list[Event]]) -> float:
    people = [ByHand(rules) for _ in lives]
    began = time.process_time()
    for by_hand, life in zip(people, lives, strict=True):
        for event in life:
            by_hand.take(event.name, event.properties, event.time)
    return time.process_time() - began


def _library(rules: Sequence[Rule], lives: list[list[Event]]) -> float:
    """Only whether the event is one that counts; of windows the library knows nothing."""
    library: Any = rule_engine
    compiled = [
        library.Rule(
            f'event == "{rule.event}" and price >= {rule.price} and quantity <= {rule.quantity}'
            f" and category in [{', '.join(f'"{one}"' for one in rule.categories)}]"
        )
        for rule in rules
    ]
    facts = [{"event": event.name, **event.properties} for life in lives for event in life]
    began = time.process_time()
    for fact in facts:
        for rule in compiled:
            rule.matches(fact)
    return time.process_time() - began


@dataclass
class ByHand:
    """As somebody would write it for these rules alone: one person's windows and memberships, by name of event."""

    rules: Sequence[Rule]
    windows: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    #: since when
    inside: dict[int, int] = field(default_factory=dict)
    index: dict[str, list[Callable[[dict[str, Any], int], None]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for number, rule in enumerate(self.rules):
            self.index[rule.event].append(self._closure(number, rule))

    def _closure(self, number: int, rule: Rule) -> Callable[[dict[str, Any], int], None]:
        price, quantity, at_least = rule.price, rule.quantity, rule.at_least
        categories = frozenset(rule.categories)
        times, inside = self.windows[number], self.inside

        def take(said: dict[str, Any], at: int) -> None:
            if (
                said.get("price", 0) >= price
                and said.get("quantity", LARGE) <= quantity
                and said.get("category") in categories
            ):
                times.append(at)
                del times[:-at_least]
            if len(times) == at_least and times[0] > at - DAY:
                inside.setdefault(number, at)
            else:
                inside.pop(number, None)

        return take

    def take(self, name: str, said: dict[str, Any], at: int) -> None:
        """One event."""
        for closure in self.index.get(name, ()):
            closure(said, at)

    def members(self, at: int) -> list[int]:
        """The rules that hold at `at`."""
        return [
            number
            for number, rule in enumerate(self.rules)
            if len(self.windows[number]) == rule.at_least and self.windows[number][0] > at - DAY
        ]


def _rules(count: int) -> list[Rule]:
    rng = Random(1)  # noqa: S311
    return [
        Rule(
            NAMES[number % len(NAMES)],
            rng.randint(5, 80),
            rng.randint(2, 9),
            tuple(sorted(rng.sample(CATEGORIES, 4))),
            rng.randint(1, 3),
        )
        for number in range(count)
    ]


def _lives() -> list[list[Event]]:
    rng = Random(2)  # noqa: S311
    return [[_event(rng, person, START + number * 20 * MINUTE) for number in range(EVENTS)] for person in range(PEOPLE)]


def _event(rng: Random, person: int, at: int) -> Event:
    return Event(
        type="track",
        name=rng.choice(NAMES),
        message_id=f"{person}-{at}",
        identifiers=(Identifier("user_id", str(person)),),
        time=at,
        properties={
            "price": rng.randint(1, 100),
            "quantity": rng.randint(1, 10),
            "category": rng.choice(CATEGORIES),
            "name": "A product with a name",
        },
        fingerprint="0" * 16,
    )


def _somebody(number: int) -> Profile:
    return Profile(profile_id=f"p{number}", consent={"personalization": Consent(granted=True, at=0, source="shop")})


def _figure(name: str, seconds: float, baseline: float | None, bar: float | None) -> dict[str, Any]:
    ratio = None if baseline is None else seconds / baseline
    return {
        "figure": name,
        "value": round(seconds * 1e6, 2),
        "unit": "µs of CPU an event",
        "baseline": None if baseline is None else round(baseline * 1e6, 2),
        "ratio": None if ratio is None else round(ratio, 4),
        "bar": bar,
        "holds": None if ratio is None or bar is None else ratio <= bar,
        "command": "make bench TOPIC=segments",
    }
