"""Cases of the segment language: definitions and what happened, with what is then true, by the oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from tests.faults.segment_happenings import Around, Happening, Written, last_said, past_of
from tests.faults.segment_histories import BORN, history
from tests.faults.segment_leaves import LEAVES
from tests.faults.segment_operands import Drawn
from tests.faults.segment_oracle import critical_instants, keyed_part, memberships

#: the segment that a case is about
ASKED = "asked"
#: how often the truth must turn, or a case tells little; and how often another one is drawn in its place
TURNS, TRIES = 2, 40

type Truth = Mapping[str, frozenset[str]]


@dataclass
class Case:
    """Somebody's history and every segment and computed trait that somebody is asked about."""

    name: str
    seed: int
    conditions: dict[str, Written]
    computed: dict[str, Written]
    history: list[Happening]
    #: at how many instants it is looked, drawn from all; 0: at all
    looks: int = 0
    #: the id of their profile, if it is not the case's own
    whose: str = ""
    #: how long traits are kept
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}: {self.conditions} {self.computed}"

    @property
    def around(self) -> Around:
        return Around(self.conditions, self.computed, self.profile_id, self.kept)

    @property
    def profile_id(self) -> str:
        return self.whose or f"p{self.seed}"

    @property
    def documents(self) -> list[dict[str, Any]]:
        """As people write them."""
        traits = [{"kind": "computed_trait", "id": name, "compute": one} for name, one in self.computed.items()]
        purpose = {"kind": "purpose", "id": "surveys", "retention": {"traits": self.kept}}
        return [
            purpose,
            *traits,
            *({"kind": "segment", "id": name, "when": one} for name, one in self.conditions.items()),
        ]

    @cached_property
    def instants(self) -> list[int]:
        """Every instant since birth at which something could change, and 1 ms to either side."""
        critical = critical_instants(self.history, [*self.conditions.values(), *self.computed.values(), self.kept])
        every = {BORN, *(instant for instant in critical if instant > BORN)}
        if self.looks:
            some = Random(self.seed).sample(sorted(every), min(self.looks, len(every)))
            every &= {instant + offset for instant in some for offset in (-1, 0, 1)}
        return sorted(every)

    @cached_property
    def truths(self) -> dict[int, Truth]:
        return {instant: self.truth(instant) for instant in self.instants}

    @property
    def has_ties(self) -> bool:
        return len({one.time for one in self.history}) < len(self.history)

    def truth(self, at: int, arrived: Iterable[Happening] | None = None) -> Truth:
        """The keys of every segment's memberships."""
        known = self.history if arrived is None else list(arrived)
        return {name: frozenset(memberships(one, known, at, self.around)) for name, one in self.conditions.items()}

    def told(self, at: int) -> dict[str, Any]:
        """The traits that were told and are still held."""
        return last_said(past_of(self.history, at), self.kept, at)

    def turns(self, segment: str) -> list[int]:
        """The instants at which a segment without keys is entered, left, entered, ..."""
        turned, inside = [], False
        for instant in self.instants:
            if (now := bool(self.truths[instant][segment])) != inside:
                turned.append(instant)
                inside = now
        return turned

    def since(self, segment: str, key: str, at: int) -> int:
        """Since when it has been as it is at `at`."""
        now = key in self.truths[at][segment]
        since = at
        for instant in reversed(self.instants[: self.instants.index(at)]):
            if (key in self.truths[instant][segment]) != now:
                break
            since = instant
        return since

    def is_keyed(self, segment: str) -> bool:
        return keyed_part(self.conditions[segment]) is not None

    def is_lively(self, at_least: int = TURNS) -> bool:
        """Whether the truth of what is asked turns so often."""
        asked, turned, before = self.conditions[ASKED], 0, None
        for instant in self.instants:
            now = memberships(asked, self.history, instant, self.around)
            turned += before is not None and now != before
            if turned >= at_least:
                return True
            before = now
        return False


def draw_case(name: str, seed: int) -> Case:
    """About a leaf: the first that is drawn in which the truth turns, or the last that was tried."""
    tries = (_drawn(name, seed, attempt) for attempt in range(TRIES))
    return next((case for case in tries if case.is_lively()), None) or _drawn(name, seed, TRIES)


def _drawn(name: str, seed: int, attempt: int) -> Case:
    rng = Random(f"{name} {seed} {attempt}")
    drawn = Drawn(history(rng))
    condition = _tree(rng, drawn, name)
    kept = _kept(Random(f"kept {name} {seed} {attempt}"))
    return Case(name, seed, {**drawn.segments, ASKED: condition}, drawn.computed, drawn.history, kept=kept)


def _kept(rng: Random) -> dict[str, str]:
    """In half of the cases traits are kept for a time, and some for another."""
    if rng.random() < 0.5:
        return {}
    named = rng.sample(["number", "text", "items", "date", "*"], rng.choice([1, 2, 3]))
    return {name: rng.choice(["1h", "90m", "3h", "5h", "1d", "2d"]) for name in named}


def _tree(rng: Random, drawn: Drawn, name: str) -> Written:
    leaf = LEAVES[name](rng, drawn)
    shape = rng.choice(["alone", "alone", "all", "all", "nested", "not", "any", "under any"])
    if keyed_part(leaf) is not None:
        shape = rng.choice(["alone", "all", "nested"])
    match shape:
        case "not":
            return {"type": "not", "condition": leaf}
        case "all" | "any":
            return {"type": shape, "conditions": rng.sample([leaf, _other(rng, drawn)], 2)}
        case "nested":
            excluded = {"type": "not", "condition": _other(rng, drawn)}
            return {"type": "all", "conditions": [excluded, {"type": "all", "conditions": [leaf]}]}
        case "under any":
            both = {"type": "all", "conditions": [leaf, _other(rng, drawn)]}
            return {"type": "any", "conditions": [both, _other(rng, drawn)]}
        case _:
            return leaf


def _other(rng: Random, drawn: Drawn) -> Written:
    """Anything that may stand anywhere."""
    while True:
        leaf = LEAVES[rng.choice(_NAMES)](rng, drawn)
        if keyed_part(leaf) is None:
            return leaf


_NAMES = sorted(LEAVES)
