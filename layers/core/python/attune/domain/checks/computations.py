"""What types cannot say of a computed trait: that what it names makes sense."""

from __future__ import annotations

from collections.abc import Iterator

from attune.domain.checks.conditions import (
    duration_problems,
    event_name_problems,
    event_problems,
    optional_duration_problems,
    property_problems,
)
from attune.domain.definitions.computations import Affinity, Computation, Lifecycle, SessionCount, SessionLength
from attune.domain.definitions.conditions import EventFilter, milliseconds


def computation_problems(path: str, computation: Computation) -> Iterator[str]:
    """Of how a trait is computed."""
    match computation:
        case SessionCount() | SessionLength():
            return
        case Affinity():
            for index, part in enumerate(computation.events):
                yield from event_problems(f"{path}.events[{index}]", part)
            yield from property_problems(path, computation.property)
            yield from duration_problems(f"{path}.half_life", computation.half_life, least=1)
        case Lifecycle():
            yield from _lifecycle(path, computation)
        case _:
            yield from event_problems(path, EventFilter(event=computation.event, where=computation.where))
            yield from property_problems(path, getattr(computation, "property", "-"))
            yield from optional_duration_problems(f"{path}.within", getattr(computation, "within", None))


def _lifecycle(path: str, computation: Lifecycle) -> Iterator[str]:
    yield from event_name_problems(f"{path}.event", computation.event)
    for field in ("new_for", "at_risk_after", "lapsed_after"):
        yield from duration_problems(f"{path}.{field}", getattr(computation, field), least=1)
    try:
        if milliseconds(computation.lapsed_after) <= milliseconds(computation.at_risk_after):
            yield f"{path}.lapsed_after: must be longer than `at_risk_after`, or nobody is at risk"
    except ValueError:
        return
