"""What people define: sources, segments, campaigns, channels. The JSON Schema is generated from these types."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, cast

import msgspec

Id = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,63}$", description="lower case, digits, _ and -")]
Duration = Annotated[
    str, msgspec.Meta(pattern="^[0-9]{1,6}(ms|s|m|h|d)$", description="a whole number and a unit: 20s, 15m, 24h, 30d")
]
Count = Annotated[int, msgspec.Meta(ge=1, le=100)]

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: str) -> int:
    """`15m` → 900,000."""
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", duration)
    if match is None:
        raise ValueError(duration)
    return int(match[1]) * _UNITS[match[2]]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A piece of a definition: a misspelt field is an error, never ignored."""


Operator = Literal[
    "equals", "not_equals", "greater_than", "at_least", "less_than", "at_most",
    "contains", "in", "is_set", "is_not_set", "is_empty", "is_not_empty",
]  # fmt: skip


class PropertyTest(_Part, frozen=True, kw_only=True):
    """One test of an event property, addressed by a dotted path (`products.0.sku`)."""

    property: str
    operator: Operator = "equals"
    value: Any = None


class EventFilter(_Part, frozen=True, kw_only=True):
    """Events of one name whose properties pass every test."""

    event: str
    where: tuple[PropertyTest, ...] = ()


class Performed(_Part, frozen=True, kw_only=True, tag="performed", tag_field="type"):
    """Did the event at least `at_least` times, within the last `within` or ever."""

    event: str
    where: tuple[PropertyTest, ...] = ()
    at_least: Count = 1
    within: Duration | None = None


class Abandoned(_Part, frozen=True, kw_only=True, tag="abandoned", tag_field="type"):
    """Did one of `did` and for the time `after` neither repeated it nor did one of `without`, for one value of `key`.

    Every repetition restarts the timer; `without` at or after the last `did` cancels it, also when it arrives late.
    """

    key: str
    did: Annotated[tuple[EventFilter, ...], msgspec.Meta(min_length=1)]
    without: tuple[EventFilter, ...] = ()
    after: Duration


class TraitTest(_Part, frozen=True, kw_only=True, tag="trait", tag_field="type"):
    """Compares one trait of the profile."""

    trait: str
    operator: Operator = "equals"
    value: Any = None


class ScoreTest(_Part, frozen=True, kw_only=True, tag="score", tag_field="type"):
    """Compares what a model says of the profile: the name of a cluster, or a number."""

    model: str
    operator: Operator = "equals"
    value: Any = None


class AllOf(_Part, frozen=True, kw_only=True, tag="all", tag_field="type"):
    """Every condition holds."""

    conditions: Annotated[tuple[Condition, ...], msgspec.Meta(min_length=1)]


class AnyOf(_Part, frozen=True, kw_only=True, tag="any", tag_field="type"):
    """At least one condition holds."""

    conditions: Annotated[tuple[Condition, ...], msgspec.Meta(min_length=1)]


class NotOf(_Part, frozen=True, kw_only=True, tag="not", tag_field="type"):
    """The condition does not hold."""

    condition: Condition


Condition = Performed | Abandoned | TraitTest | ScoreTest | AllOf | AnyOf | NotOf


class _Definition(_Part, frozen=True, kw_only=True, tag_field="kind"):
    id: Id
    name: str = ""
    description: str = ""


class Source(_Definition, frozen=True, kw_only=True, tag="source"):
    """Where events come from.

    `consent` is what the source vouches for where an event says nothing itself (its legal basis), by purpose.
    `consent_categories` maps a consent banner's category names to purposes; a category named like a purpose
    needs no entry.
    """

    type: Literal["http", "shopify"] = "http"
    origins: tuple[str, ...] = ()
    consent: dict[str, bool] = {}
    consent_categories: dict[str, tuple[str, ...]] = {}
    shop_domain: str = ""


class Segment(_Definition, frozen=True, kw_only=True, tag="segment"):
    """A named condition. `grace` is how long an entry waits for late events before campaigns hear of it."""

    when: Condition
    grace: Duration = "0s"


class Trigger(_Part, frozen=True, kw_only=True):
    """What starts a campaign: a profile (or one of its carts) entering `segment`."""

    segment: Id


class Eligibility(_Part, frozen=True, kw_only=True):
    """Segments the profile must and must not be in at the moment of the decision and again at the send."""

    in_segments: tuple[Id, ...] = ()
    not_in_segments: tuple[Id, ...] = ()


class Channel(_Definition, frozen=True, kw_only=True, tag="channel"):
    """How messages leave: a signed webhook to `url`, for the consent purpose `purpose`."""

    type: Literal["webhook"] = "webhook"
    url: str
    purpose: str = "email"


class Campaign(_Definition, frozen=True, kw_only=True, tag="campaign"):
    """Trigger, eligibility, message template and channel.

    `message` is JSON. Strings are Jinja templates over `profile`, `traits`, `cart` and `campaign`; an object
    `{"value": "cart.products"}` is replaced by that value itself.
    """

    trigger: Trigger
    eligibility: Eligibility = Eligibility()
    channel: Id
    message: dict[str, Any]


Definition = Source | Segment | Campaign | Channel
KINDS: Final = ("source", "segment", "campaign", "channel")


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """All current definitions by id, as one snapshot."""

    sources: dict[str, Source] = {}
    segments: dict[str, Segment] = {}
    campaigns: dict[str, Campaign] = {}
    channels: dict[str, Channel] = {}


def decode_definition(data: object) -> Definition:
    """A definition from JSON-like data; raises `msgspec.ValidationError` that names the path of what is wrong."""
    return msgspec.convert(data, cast("type[Definition]", Definition))


def snapshot(definitions: tuple[Definition, ...]) -> Definitions:
    """Sorted into one `Definitions`."""
    result = Definitions()
    for definition in definitions:
        match definition:
            case Source():
                result.sources[definition.id] = definition
            case Segment():
                result.segments[definition.id] = definition
            case Campaign():
                result.campaigns[definition.id] = definition
            case Channel():
                result.channels[definition.id] = definition
    return result
