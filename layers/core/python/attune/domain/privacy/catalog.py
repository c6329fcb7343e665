"""The data catalog: every field that may be held of a person, from where, what for, how it lies, how long, for whom.

Made of the definitions and of what sources say of themselves (`sources/given_fields.py`), never of anybody's data. A
field is a name at the top of its part: of `traits.address.city` it is `address`. `*` stands for names that a sender
chooses; a tracking plan that omits or blocks what it does not name leaves none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from attune.domain.collection.schema_walks import planned_names
from attune.domain.definitions.kinds import purposes_of
from attune.domain.learning.models import MODELS
from attune.domain.privacy import catalog_uses
from attune.domain.privacy.catalog_kept import Keeping
from attune.domain.privacy.masking import is_personal, is_personal_namespace, marked_in
from attune.domain.processing.verdicts import CLEAR_PROPERTIES, PRODUCTS
from attune.domain.profiles.consent import SEGMENT, STORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
    from attune.domain.definitions.tracking_plans import Schema, TrackingPlan
    from attune.domain.privacy.catalog_uses import Uses

type Part = Literal[
    "identifier", "trait", "property", "context", "call", "computed_trait", "segment", "score", "list", "consent"
]
#: what says that a source gives a field: its own mapping, the columns of its file, its tracking plan, what its kind of
#: sender says, or its definition; what Attune works out is `computed`, what companies tell by the API `api`
type By = Literal["mapping", "file", "tracking_plan", "spec", "definition", "computed", "api"]
#: `sealed`: in the lake under the person's own key; `clear`: in the lake, for figures (`clear_in_part`); `hashed`:
#: before it is stored (`hashed_in_part`); `profile`: in the profile only
type Lies = Literal["sealed", "clear", "clear_in_part", "hashed", "hashed_in_part", "profile"]

#: names that senders choose
ANY: Final = "*"
PARTS: Final[tuple[Part, ...]] = Part.__value__.__args__
#: of every call
_CALL: Final = ("event", "message_id", "time")
#: of people whose choices are heard in every call
_HEARD: Final = ("http", "onetrust")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A field that a source may give."""

    part: Part
    name: str
    by: By


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Which source gives a field (empty: none does), by what, and how it then lies."""

    source: str
    by: By
    lies: Lies


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `kept`: for how long and why. `read_by`: `segment loyal_customer`; `seen_by`: `server key (full)`."""

    part: Part
    name: str
    personal: bool
    given_by: tuple[Origin, ...]
    purposes: tuple[str, ...]
    read_by: tuple[str, ...]
    kept: str
    seen_by: tuple[str, ...]


def catalog(definitions: Definitions, given: Mapping[str, Sequence[Given]]) -> tuple[Field, ...]:
    """Every field by part and name. `given`: by source."""
    origins: dict[tuple[Part, str], list[Origin]] = {}
    for part, name, origin in (*_told(definitions, given), *_made(definitions)):
        origins.setdefault((part, name), []).append(origin)
    uses, marked, keeping = catalog_uses.uses_of(definitions), marked_in(definitions), Keeping(definitions)
    for part in _CHOSEN:
        chosen = [one for one in origins.get((part, ANY), ()) if one.lies == "sealed"]
        named = uses.named(part)
        if part == "trait":
            named = (named | keeping.traits) - definitions.computed_traits.keys()
        else:
            named |= {*CLEAR_PROPERTIES, PRODUCTS}
        for name in named:
            if chosen and (part, name) not in origins:
                origins[part, name] = [_lying(part, name, one) for one in chosen]
    fields = (
        _field(part, name, tuple(dict.fromkeys(found)), uses, marked, keeping)
        for (part, name), found in origins.items()
    )
    return tuple(sorted(fields, key=lambda one: (PARTS.index(one.part), one.name == ANY, one.name)))


#: parts in which senders choose names, and definitions read them
_CHOSEN: Final[tuple[Part, ...]] = ("trait", "property")


def _lying(part: Part, name: str, origin: Origin) -> Origin:
    return msgspec.structs.replace(origin, lies=_unhashed(part, name))


def _told(definitions: Definitions, given: Mapping[str, Sequence[Given]]) -> Iterator[tuple[Part, str, Origin]]:
    for source in definitions.sources.values():
        plan = definitions.tracking_plans.get(source.tracking_plan)
        closed = _closed(plan) if plan else frozenset()
        said = Origin(source=source.id, by="spec", lies="clear")
        yield from (("call", name, said) for name in _CALL)
        for one in (*given.get(source.id, ()), *_planned(plan)):
            if one.name == ANY and one.by == "spec" and one.part in closed:
                continue
            name, lies = _stored(source, one)
            yield one.part, name, Origin(source=source.id, by=one.by, lies=lies)


def _made(definitions: Definitions) -> Iterator[tuple[Part, str, Origin]]:
    computed = Origin(source="", by="computed", lies="profile")
    told = Origin(source="", by="api", lies="sealed")
    yield from (("computed_trait", name, computed) for name in definitions.computed_traits)
    yield from (("segment", name, computed) for name in {**definitions.segments, **definitions.pending})
    yield from (("score", model, computed) for model in MODELS)
    yield from (("list", name, told) for name in sorted(catalog_uses.lists_of(definitions)))
    for purpose in purposes_of(definitions):
        yield "consent", purpose, Origin(source="", by="api", lies="clear")
        for source in definitions.sources.values():
            if source.type in _HEARD:
                yield "consent", purpose, Origin(source=source.id, by="spec", lies="clear")


def _planned(plan: TrackingPlan | None) -> Iterator[Given]:
    for rules in (plan.common, *plan.events.values()) if plan else ():
        parts: tuple[tuple[Part, Schema], ...] = (
            ("property", rules.properties),
            ("trait", rules.traits),
            ("context", rules.context),
        )
        for part, schema in parts:
            known = planned_names(schema)
            names = known[0] if known else frozenset(schema.get("properties", {}))
            yield from (Given(part=part, name=name, by="tracking_plan") for name in sorted(names))


def _closed(plan: TrackingPlan) -> frozenset[Part]:
    """Parts in which only what the plan names is taken: of no event does it allow more."""
    events = plan.events.values()
    is_closed = plan.unplanned_events == "block" and all(
        (one.unplanned_properties or plan.unplanned_properties) != "allow" for one in events
    )
    opened = any(
        planned_names(schema) is None
        for one in (plan.common, *events)
        for schema in (one.properties, one.traits)
        if schema
    )
    return frozenset({"property", "trait"}) if is_closed and not opened else frozenset()


def _stored(source: Source, one: Given) -> tuple[str, Lies]:
    """Under which name it is stored, and how it lies."""
    hashed = source.normalise.hash
    name = source.normalise.traits.get(one.name, one.name) if one.part == "trait" else one.name
    plural = {"identifier": "identifiers", "trait": "traits", "property": "properties", "context": "context"}
    path = f"{plural.get(one.part, one.part)}.{name}"
    if path in hashed:
        addressed = one.part == "identifier" and name in ("email", "phone")
        return f"{name}_hash" if addressed else name, "hashed"
    if any(other.startswith(f"{path}.") for other in hashed):
        return name, "hashed_in_part"
    return name, _unhashed(one.part, name)


def _unhashed(part: Part, name: str) -> Lies:
    if part == "property" and name == PRODUCTS:
        return "clear_in_part"
    return "clear" if part == "consent" or (part == "property" and name in CLEAR_PROPERTIES) else "sealed"


def _field(
    part: Part, name: str, origins: tuple[Origin, ...], uses: Uses, marked: frozenset[str], keeping: Keeping
) -> Field:
    personal = name != ANY and _is_personal(part, name, marked)
    readers = uses.readers(part, name)
    channels = uses.shown_to(part, name)
    own = () if part == "consent" else (STORE,)
    used = (SEGMENT,) if part in _WORKED_OUT or any(not one.startswith("campaign ") for one in readers) else ()
    return Field(
        part=part,
        name=name,
        personal=personal,
        given_by=origins,
        purposes=tuple(dict.fromkeys((*own, *used, *keeping.purposes(part, name), *uses.sent_for(part, name)))),
        read_by=readers,
        kept=keeping.of(part, name, channels),
        seen_by=_seen(part, personal=personal, is_explained=bool(used), channels=channels),
    )


def _is_personal(part: Part, name: str, marked: frozenset[str]) -> bool:
    if part == "identifier":
        return is_personal_namespace(name, marked)
    return part in ("trait", "property", "context", "computed_trait") and is_personal(name, marked)


_WORKED_OUT: Final = frozenset({"computed_trait", "segment", "score"})


def _seen(part: Part, *, personal: bool, is_explained: bool, channels: tuple[str, ...]) -> tuple[str, ...]:
    """The person, and the admin by what an access request gathers, see all; others what is here."""
    is_shown = part not in ("property", "context", "call") or (part == "property" and is_explained)
    servers = (
        () if not is_shown else ("server key (full)",) if personal else ("server key (full)", "server key (masked)")
    )
    return ("the person", "admin (access request)", *servers, *(f"channel {one}" for one in channels))
