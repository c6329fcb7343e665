"""The most CPU that a call takes which is sent to harm: `make bench TOPIC=bad_input`.

The named cases of tests/bad_input go through the handler of `collect_events`, the traps of Salesforce's XML, the
costliest expressions of a mapping and the heaviest tracking plan through what reads them; what comes out is the
business of the tests that these are from. A browser's key is public and so is an address, so no one call may
keep a function busy for longer than the bar. ms are of CPU, of this process alone, each call's fastest of three: what
the call itself takes, and not what else the machine does.
"""

from __future__ import annotations

import functools
import io
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Final

from attune.domain.collection.judging import CompiledPlan
from attune.domain.definitions.tracking_plans import PlannedEvent
from benchmarks.process_figures import figure
from tests.bad_input.corpus import CASES
from tests.bad_input.running import SHOP, gateways
from tests.builders import NOW
from tests.domain.test_tracking_plans import HEAVY as HEAVY_PLAN
from tests.domain.test_tracking_plans import SIZES, heaviest, plan
from tests.functions.door import Door, collect_module
from tests.functions.gateway import call
from tests.sources.test_mapped import HEAVY, LARGE, but, reason
from tests.sources.test_salesforce import TRAPS, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND: Final = "make bench TOPIC=bad_input"
BAR: Final = 250.0
_TRIES: Final = 3


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    for one in measured():
        bar = f"bar {BAR:g} {'holds' if one['holds'] else 'FAILS'}"
        print(f"{one['figure']:<90}{one['value']:>8}  {one['unit']:<10}{bar}")


@functools.cache
def measured() -> list[dict[str, Any]]:
    """The worst call of each kind, and which it was."""
    return [
        _worst(f"{len(CASES)} bad requests through collect_events", dict(_requests())),
        _worst(f"{len(TRAPS)} traps of Salesforce's XML", dict(_traps())),
        _worst(f"{len(HEAVY)} expressions on a large document", dict(_expressions())),
        _worst("the heaviest tracking plan", dict(_judged())),
    ]


def _requests() -> Iterator[tuple[str, float]]:
    with redirect_stdout(io.StringIO()), collect_module() as module:  # it prints metrics and logs
        module.now = lambda: NOW
        for case in CASES:
            key = Door(module, SHOP).browser  # each case on a stream of its own
            yield case.name, _milliseconds(functools.partial(call, module.handler, gateways(case, key)))


def _traps() -> Iterator[tuple[str, float]]:
    for name, (body, _) in TRAPS.items():
        yield name, _milliseconds(functools.partial(said, body))


def _expressions() -> Iterator[tuple[str, float]]:
    for name, expression in HEAVY.items():
        yield name, _milliseconds(functools.partial(reason, LARGE, but(properties={"heavy": expression})))


def _judged() -> Iterator[tuple[str, float]]:
    planned = {"Product Added": PlannedEvent(properties=HEAVY_PLAN)}
    compiled = CompiledPlan(plan(on_violation="omit", events=planned))
    for size in SIZES:
        yield f"{size:,} values", _milliseconds(functools.partial(compiled.judge, heaviest(size), 2 * size))


def _milliseconds(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TRIES):
        before = time.process_time()
        step()
        taken.append((time.process_time() - before) * 1e3)
    return min(taken)


def _worst(kind: str, taken: dict[str, float]) -> dict[str, Any]:
    name, spent = max(taken.items(), key=lambda one: one[1])
    return figure(f"{kind}, the worst ({name})", round(spent, 1), "ms of CPU", bar=BAR, holds=spent < BAR) | {
        "command": COMMAND
    }
