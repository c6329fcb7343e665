"""What a condition may say: the language in which segments are defined. The JSON Schema is generated from these types.

What each says in plain English: docs/segments.md. What types cannot say of them is checked in `checks.segments`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,63}$", description="lower case, digits, _ and -")]
Duration = Annotated[
    str, msgspec.Meta(pattern="^[0-9]{1,6}(ms|s|m|h|d)$", description="a whole number and a unit: 20s, 15m, 24h, 30d")
]
#: the most a condition counts to, and so the most instants that a profile keeps for it
MAX_COUNT: Final = 100
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]

Operator = Literal[
    "equals", "not_equals", "greater_than", "at_least", "less_than", "at_most", "between", "in", "not_in",
    "contains", "not_contains", "starts_with", "ends_with", "is_set", "is_not_set", "is_empty", "is_not_empty",
    "before", "after", "within_last", "older_than", "within_next",
]  # fmt: skip
NumberOperator = Literal["equals", "not_equals", "greater_than", "at_least", "less_than", "at_most", "between"]
InstantOperator = Literal["before", "after", "within_last", "older_than"]

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)


def milliseconds(duration: str) -> int:
    """`15m` → 900,000."""
    match = re.fullmatch(r"([0-9]{1,6})(ms|s|m|h|d)", duration)
    if match is None:
        raise ValueError(duration)
    return int(match[1]) * _UNITS[match[2]]


def instant(value: Any) -> int | None:
    """Ms of an ISO 8601 date (its midnight) or date-time, UTC where it names no offset; None for anything else."""
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    since = (read if read.tzinfo else read.replace(tzinfo=UTC)) - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A piece of a definition: a misspelt field is an error, never ignored."""


class Named(Part, frozen=True, kw_only=True, tag_field="kind"):
    """What every definition has. `name` and `description` are for people."""

    id: Id
    name: str = ""
    description: str = ""


class PropertyTest(Part, frozen=True, kw_only=True):
    """One test of an event property, addressed by a dotted path (`products.0.sku`)."""

    property: str
    operator: Operator = "equals"
    value: Any = None


Where = Annotated[tuple[PropertyTest, ...], msgspec.Meta(max_length=20)]


class EventFilter(Part, frozen=True, kw_only=True):
    """Events of one name whose properties pass every test."""

    event: str
    where: Where = ()


class KeyedFilter(EventFilter, frozen=True, kw_only=True):
    """Events that are about a thing: `key` says where they name it, if elsewhere (`products.*.product_id`: each)."""

    key: str | None = None


class Performed(Part, frozen=True, kw_only=True, tag="performed", tag_field="type"):
    """Did the event so many times, within the last `within`, or longer ago than `outside`, or ever.

    `at_least` and `at_most` together mean between; with none of the three it is at least once.
    """

    event: str
    where: Where = ()
    at_least: Count | None = None
    at_most: Count | None = None
    exactly: Count | None = None
    within: Duration | None = None
    outside: Duration | None = None


class FirstPerformed(Part, frozen=True, kw_only=True, tag="first_performed", tag_field="type"):
    """When the event was done for the first time. `value`: a duration, or a date for `before` and `after`."""

    event: str
    where: Where = ()
    operator: InstantOperator
    value: str


class LastPerformed(Part, frozen=True, kw_only=True, tag="last_performed", tag_field="type"):
    """When the event was done for the last time. `value`: a duration, or a date for `before` and `after`."""

    event: str
    where: Where = ()
    operator: InstantOperator
    value: str


class Aggregate(Part, frozen=True, kw_only=True, tag="aggregate", tag_field="type"):
    """A figure over a property of events, within the last `within` or ever, compared. `between` takes two numbers."""

    function: Literal["sum", "average", "minimum", "maximum", "distinct"]
    event: str
    property: str
    where: Where = ()
    within: Duration | None = None
    operator: NumberOperator
    value: Any


class Sequence(Part, frozen=True, kw_only=True, tag="sequence", tag_field="type"):
    """Did the steps one after the other, the last at most `span` after the first, within the last `within`."""

    steps: Annotated[tuple[EventFilter, ...], msgspec.Meta(min_length=2, max_length=5)]
    span: Duration
    within: Duration


class Dwelled(Part, frozen=True, kw_only=True, tag="dwelled", tag_field="type"):
    """Did the event and nothing of `next` for `at_least`, then something of it, not later than `at_most`.

    Known when that next event comes, which was within the last `within`.
    """

    event: str
    where: Where = ()
    next: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=20)]
    at_least: Duration
    at_most: Duration = "30m"
    within: Duration


class Abandoned(Part, frozen=True, kw_only=True, tag="abandoned", tag_field="type"):
    """Did one of `did` and for the time `after` neither repeated it nor did one of `without`, for one value of `key`.

    Every repetition restarts the timer; `without` at or after the last `did` cancels it, also when it arrives late.
    Without `key` all of a person's events are about one thing.
    """

    key: str | None = None
    did: Annotated[tuple[KeyedFilter, ...], msgspec.Meta(min_length=1, max_length=20)]
    without: Annotated[tuple[KeyedFilter, ...], msgspec.Meta(max_length=20)] = ()
    after: Duration


class TraitTest(Part, frozen=True, kw_only=True, tag="trait", tag_field="type"):
    """Compares one trait of the profile, told or computed."""

    trait: str
    operator: Operator = "equals"
    value: Any = None


class ScoreTest(Part, frozen=True, kw_only=True, tag="score", tag_field="type"):
    """Compares what a model says of the profile: the name of a cluster, or a number; or that number's percentile."""

    model: str
    of: Literal["score", "percentile"] = "score"
    operator: Operator = "equals"
    value: Any = None


class ConsentTest(Part, frozen=True, kw_only=True, tag="consent", tag_field="type"):
    """Consent to the purpose is granted."""

    purpose: str


class SegmentTest(Part, frozen=True, kw_only=True, tag="segment", tag_field="type"):
    """The condition of another segment holds; of one with keys, for any of them."""

    segment: Id


class ListTest(Part, frozen=True, kw_only=True, tag="list", tag_field="type"):
    """The profile is on a list that was uploaded."""

    list: Id


class RandomBucket(Part, frozen=True, kw_only=True, tag="random_bucket", tag_field="type"):
    """The profile is one of a share of all, drawn once and for good: from `low` up to but not including `high` percent.

    The same `salt` draws the same people, another one others, independently.
    """

    salt: str
    low: Percent = 0
    high: Percent


class Recency(Part, frozen=True, kw_only=True, tag="recency", tag_field="type"):
    """How long ago the last order was."""

    operator: Literal["within_last", "older_than"]
    value: Duration


class Frequency(Part, frozen=True, kw_only=True, tag="frequency", tag_field="type"):
    """How many orders there were, within the last `within` or ever."""

    operator: NumberOperator
    value: Any
    within: Duration | None = None


class Monetary(Part, frozen=True, kw_only=True, tag="monetary", tag_field="type"):
    """What all orders were worth together, within the last `within` or ever."""

    operator: NumberOperator
    value: Any
    within: Duration | None = None


class AllOf(Part, frozen=True, kw_only=True, tag="all", tag_field="type"):
    """Every condition holds."""

    conditions: Annotated[tuple[Condition, ...], msgspec.Meta(min_length=1)]


class AnyOf(Part, frozen=True, kw_only=True, tag="any", tag_field="type"):
    """At least one condition holds."""

    conditions: Annotated[tuple[Condition, ...], msgspec.Meta(min_length=1)]


class NotOf(Part, frozen=True, kw_only=True, tag="not", tag_field="type"):
    """The condition does not hold."""

    condition: Condition


Condition = (
    Performed | FirstPerformed | LastPerformed | Aggregate | Sequence | Dwelled | Abandoned
    | TraitTest | ScoreTest | ConsentTest | SegmentTest | ListTest | RandomBucket
    | Recency | Frequency | Monetary | AllOf | AnyOf | NotOf
)  # fmt: skip
