"""Which events a source may send, and what they must hold: JSON Schemas as people define them.

What a plan does to an event is in `judging`, which alone loads the validator; whether a plan can be used in
`checks.tracking_plans`. This module says no more than its types, because every function reads definitions.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from attune.domain.definitions.conditions import Named, Part

#: a violation is noted; or the property that violates is left out; or the event goes to quarantine
Action = Literal["allow", "omit", "block"]
#: JSON Schema, draft 2020-12
Schema = dict[str, Any]
#: the parts of an event that schemas are about
PARTS: Final = ("properties", "traits", "context")


class CommonRules(Part, frozen=True, kw_only=True):
    """What all calls must hold. `traits` are those of identify calls, `properties` those of all others."""

    properties: Schema = {}  # noqa: RUF012 - msgspec copies it
    traits: Schema = {}  # noqa: RUF012
    context: Schema = {}  # noqa: RUF012


class PlannedEvent(CommonRules, frozen=True, kw_only=True):
    """What the calls of one name must hold. Actions that are not said are the plan's."""

    description: str = ""
    on_violation: Action | None = None
    unplanned_properties: Action | None = None


class TrackingPlan(Named, frozen=True, kw_only=True, tag="tracking_plan"):
    """Events by name, those of calls other than track by type (`page`, `identify`), and what violations lead to.

    `unplanned_properties`: properties, or traits of an identify call, that no schema of a planned event names.
    """

    events: dict[str, PlannedEvent] = {}  # noqa: RUF012
    common: CommonRules = CommonRules()
    on_violation: Action = "allow"
    unplanned_events: Literal["allow", "block"] = "allow"
    unplanned_properties: Action = "allow"
