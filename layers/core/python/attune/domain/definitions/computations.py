"""What a computed trait may say: values kept up to date from a profile's events, with the machinery of segments.

The JSON Schema is generated from these types. What each says in plain English: docs/segments.md.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from attune.domain.definitions.conditions import Duration, EventFilter, Part, Where


class WeightedFilter(EventFilter, frozen=True, kw_only=True):
    """Events that count as much as `weight` says."""

    weight: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class ComputedFunction(Part, frozen=True, kw_only=True, tag_field="function"):
    """How a computed trait comes about. `events` are those it looks at."""


class Counter(ComputedFunction, frozen=True, kw_only=True, tag="count"):
    """How many events, at most 100 within a time; ever, any number."""

    event: str
    where: Where = ()
    within: Duration | None = None


class Figure(ComputedFunction, frozen=True, kw_only=True):
    """A figure over a property of events."""

    event: str
    property: str
    where: Where = ()
    within: Duration | None = None


class Sum(Figure, frozen=True, kw_only=True, tag="sum"):
    """The sum."""


class Average(Figure, frozen=True, kw_only=True, tag="average"):
    """The average; nothing where there is no number."""


class Minimum(Figure, frozen=True, kw_only=True, tag="minimum"):
    """The smallest number."""


class Maximum(Figure, frozen=True, kw_only=True, tag="maximum"):
    """The largest number."""


class UniqueCount(Figure, frozen=True, kw_only=True, tag="unique_count"):
    """How many different values, up to 100."""


class First(ComputedFunction, frozen=True, kw_only=True, tag="first"):
    """The property's value in the first event that has one."""

    event: str
    property: str
    where: Where = ()


class Last(ComputedFunction, frozen=True, kw_only=True, tag="last"):
    """The property's value in the last event that has one."""

    event: str
    property: str
    where: Where = ()


class MostFrequent(Figure, frozen=True, kw_only=True, tag="most_frequent"):
    """The value most often seen among the newest 100; of several the one seen last."""


class UniqueList(Figure, frozen=True, kw_only=True, tag="unique_list"):
    """The different values, in the order in which they were first seen; at most 50."""


class DaysSince(ComputedFunction, frozen=True, kw_only=True, tag="recency"):
    """Whole days since the event was last done."""

    event: str
    where: Where = ()


class SessionCount(ComputedFunction, frozen=True, kw_only=True, tag="session_count"):
    """How many sessions: stretches of events without a gap of more than 30 minutes."""


class SessionLength(ComputedFunction, frozen=True, kw_only=True, tag="session_length"):
    """Seconds from the first to the last event of the newest session."""


class Affinity(ComputedFunction, frozen=True, kw_only=True, tag="affinity"):
    """The value of `property` that weighs most over the newest 100 events; a weight halves in `half_life`."""

    events: Annotated[tuple[WeightedFilter, ...], msgspec.Meta(min_length=1, max_length=10)]
    property: str
    half_life: Duration


class Lifecycle(ComputedFunction, frozen=True, kw_only=True, tag="lifecycle"):
    """`prospect`, `new`, `active`, `at_risk` or `lapsed`, by the first and the last event."""

    event: str = "Order Completed"
    new_for: Duration
    at_risk_after: Duration
    lapsed_after: Duration


Computation = (
    Counter | Sum | Average | Minimum | Maximum | UniqueCount | First | Last | MostFrequent | UniqueList
    | DaysSince | SessionCount | SessionLength | Affinity | Lifecycle
)  # fmt: skip
