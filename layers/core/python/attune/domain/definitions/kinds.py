"""What people define, from purposes to campaigns. The JSON Schema is generated from these types."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

import msgspec

from attune.domain.definitions.computations import Computation
from attune.domain.definitions.conditions import Condition, Duration, Id, Named, Part
from attune.domain.definitions.purposes import DEFAULTS, Purpose
from attune.domain.definitions.sources import Source
from attune.domain.definitions.tracking_plans import TrackingPlan


class Segment(Named, frozen=True, kw_only=True, tag="segment"):
    """A named condition. `grace` is how long an entry waits for late events before campaigns hear of it."""

    when: Condition
    grace: Duration = "0s"


class ComputedTrait(Named, frozen=True, kw_only=True, tag="computed_trait"):
    """A trait that is reckoned from events; its id is the trait's name."""

    compute: Computation


class Trigger(Part, frozen=True, kw_only=True):
    """What starts a campaign: a profile (or one of its carts) entering `segment`."""

    segment: Id


class Eligibility(Part, frozen=True, kw_only=True):
    """Segments the profile must and must not be in at the moment of the decision and again at the send."""

    in_segments: tuple[Id, ...] = ()
    not_in_segments: tuple[Id, ...] = ()


class Channel(Named, frozen=True, kw_only=True, tag="channel"):
    """How messages leave: a signed webhook to `url`, for the consent purpose `purpose`."""

    type: Literal["webhook"] = "webhook"
    url: str
    purpose: str = "email"


class Campaign(Named, frozen=True, kw_only=True, tag="campaign"):
    """Trigger, eligibility, message template and channel.

    `message` is JSON. Strings are Jinja templates over `profile`, `traits`, `cart` and `campaign`; an object
    `{"value": "cart.products"}` is replaced by that value itself.
    """

    trigger: Trigger
    eligibility: Eligibility = Eligibility()
    channel: Id
    message: dict[str, Any]


Definition = Purpose | TrackingPlan | Source | Segment | ComputedTrait | Campaign | Channel
KINDS: Final = ("purpose", "tracking_plan", "source", "segment", "computed_trait", "campaign", "channel")


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """All current definitions by id, as one snapshot.

    `pending`: segments as they will be once profiles hold what their conditions ask about. `since`: when a segment
    took over as it is (ms); who was in by then is told to nobody.
    """

    purposes: dict[str, Purpose] = {}
    tracking_plans: dict[str, TrackingPlan] = {}
    sources: dict[str, Source] = {}
    segments: dict[str, Segment] = {}
    pending: dict[str, Segment] = {}
    since: dict[str, int] = {}
    computed_traits: dict[str, ComputedTrait] = {}
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
            case Purpose():
                result.purposes[definition.id] = definition
            case TrackingPlan():
                result.tracking_plans[definition.id] = definition
            case Source():
                result.sources[definition.id] = definition
            case Segment():
                result.segments[definition.id] = definition
            case ComputedTrait():
                result.computed_traits[definition.id] = definition
            case Campaign():
                result.campaigns[definition.id] = definition
            case Channel():
                result.channels[definition.id] = definition
    return result


def purposes_of(definitions: Definitions) -> dict[str, Purpose]:
    """All that are known, by id: the five of `DEFAULTS`, and what is defined in their place or besides."""
    return {**DEFAULTS, **definitions.purposes}
