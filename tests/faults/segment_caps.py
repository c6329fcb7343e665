"""Cases at the limits that docs/segments.md states: more events than a profile keeps of them."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.builders import HOUR, SECOND
from tests.faults.segment_cases import ASKED, TRIES, Case
from tests.faults.segment_happenings import Happening, Written
from tests.faults.segment_histories import NAMES, START
from tests.faults.segment_leaves import LEAVES, Draw, aggregate, computing, edge, of_orders
from tests.faults.segment_operands import ORDERS, Drawn
from tests.faults.segment_subject import rank_of

#: how many instants of a long history are looked at, each with 1 ms to either side
LOOKS = 12
#: what most of a long history is
MANY = NAMES[0]
FEW = NAMES[1]


def long_history(rng: Random, many: str) -> list[Happening]:
    """95 to 160 happenings in 40 minutes and a few more half a day later, nearly all of the name `many`."""
    steps = rng.sample(range(240), rng.choice([rng.randint(92, 115), rng.randint(115, 160)]))
    times = {START + step * 10 * SECOND + rng.choice([0, 0, -1, 1]) for step in steps}
    times |= {START + 12 * HOUR + rng.choice([0, 45, 90]) * 60 * SECOND + one for one in range(rng.randint(1, 5))}
    few = rng.choice([0.02, 0.1])
    variety = rng.choice([3, 60, 1_000])
    return [_happening(rng, time, number, many, few, variety) for number, time in enumerate(sorted(times))]


def _happening(rng: Random, time: int, number: int, many: str, few: float, variety: int) -> Happening:
    name = rng.choice([one for one in NAMES if one != many]) if rng.random() < few else many
    value = rng.randrange(variety)
    said = {
        "price": rng.choice([1, 2, 2.5, value]),
        "number": value,
        "text": f"v{value}",
        "total": rng.choice([1, 2, "3"]),
    }
    return Happening(time, name, said, rank=rank_of(f"m{number}"))


def many_sessions(rng: Random) -> list[Happening]:
    """More sessions than are kept."""
    time, made = START, []
    for number in range(rng.randint(20, 60)):
        made.append(Happening(time, rng.choice(NAMES), rank=rank_of(f"m{number}")))
        time += 1_800 * SECOND + rng.choice([0, 1, 1, 1, -600 * SECOND])
    return made


def _counted(name: str) -> Draw:
    def drawn(rng: Random, _: Drawn) -> dict[str, Any]:
        most = rng.randint(90, 100)
        bounds = rng.choice(
            [{"at_least": most}, {"exactly": most}, {"at_most": most}, {"at_least": most - 9, "at_most": most}]
        )
        time = rng.choice([{}, {"within": "90m"}, {"within": "12h"}, {"outside": "30m"}, {"outside": "12h"}])
        return {"type": "performed", "event": name, **bounds, **time}

    return drawn


def _frequent(rng: Random, around: Drawn) -> dict[str, Any]:
    condition = of_orders("frequency", rng.choice(ORDERS), rng.choice(["within", "ever"]))(rng, around)
    value = condition["value"]
    capped = [min(one, 100) for one in value] if isinstance(value, list) else min(value, 100)
    return {**condition, "value": capped}


def _worth(rng: Random, around: Drawn) -> dict[str, Any]:
    return of_orders("monetary", rng.choice(ORDERS), rng.choice(["within", "ever"]))(rng, around)


def _figure(function: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        return aggregate(function, rng.choice(ORDERS), rng.choice(["within", "ever"]))(rng, around)

    return drawn


def _steps(rng: Random, _: Drawn) -> dict[str, Any]:
    path = rng.choice([[MANY, FEW], [FEW, MANY], [MANY, MANY, FEW], [FEW, FEW, MANY], [MANY, FEW, MANY]])
    steps = [{"event": name} for name in path]
    return {"type": "sequence", "steps": steps, "span": rng.choice(["30m", "90m", "12h"]), "within": "12h"}


def _looks(rng: Random, _: Drawn) -> dict[str, Any]:
    event, ends = rng.choice([(MANY, [FEW]), (FEW, [MANY]), (MANY, [MANY]), (FEW, [FEW, MANY]), (FEW, [FEW, "page"])])
    least = rng.choice(["1ms", "30s", "2m", "10m"])
    return {"type": "dwelled", "event": event, "next": ends, "at_least": least, "at_most": "12h", "within": "12h"}


def _sessions(function: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        around.computed["sessions"] = {"function": function}
        value = edge(rng, "at_least", rng.randint(1, 40) if function == "session_count" else 1_800)
        return {"type": "trait", "trait": "sessions", "operator": rng.choice(["at_least", "equals"]), "value": value}

    return drawn


VALUED = ("count", "sum", "average", "minimum", "maximum", "unique_count", "most_frequent", "unique_list")
#: by what is limited
CAPPED: dict[str, Draw] = {
    "performed": _counted(MANY),
    "frequency": _frequent,
    "monetary": _worth,
    **{f"aggregate {one}": _figure(one) for one in ("sum", "average", "minimum", "maximum", "distinct")},
    "sequence": _steps,
    "dwelled": _looks,
    **{f"computed {one} {time}": computing(one, time) for one in VALUED for time in ("within", "ever")},
    "computed affinity": computing("affinity", "ever"),
    "session_count": _sessions("session_count"),
    "session_length": _sessions("session_length"),
}


def draw_capped(name: str, seed: int) -> Case:
    """About something limited: the first that is drawn in which the truth turns, or the last that was tried."""
    tries = (_drawn(name, seed, attempt) for attempt in range(TRIES))
    return next((case for case in tries if case.is_lively(at_least=1)), None) or _drawn(name, seed, TRIES)


def _drawn(name: str, seed: int, attempt: int) -> Case:
    """Half of them stand beside another condition on the same events, which may ask for more of them."""
    rng = Random(f"{name} {seed} {attempt}")
    many = "Order Completed" if name in {"frequency", "monetary"} else MANY
    done = many_sessions(rng) if name.startswith("session") else long_history(rng, many)
    drawn = Drawn(done, names=(many,) * 6 + NAMES)
    condition: Written = CAPPED[name](rng, drawn)
    if rng.random() < 0.5:
        demanding = rng.choice([_counted(many), LEAVES["sequence 2"], _figure("sum"), _looks, _steps])
        drawn.segments["other"] = demanding(rng, drawn)
        both = [condition, {"type": "segment", "segment": "other"}]
        condition = {"type": rng.choice(["any", "all"]), "conditions": both}
    return Case(name, seed, {**drawn.segments, ASKED: condition}, drawn.computed, drawn.history, looks=LOOKS)
