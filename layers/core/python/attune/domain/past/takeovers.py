"""How a changed definition takes over from the one before it, at one instant for everybody. Pure.

A segment whose condition asks for something that profiles do not keep yet waits: profiles keep it from now on, a
backfill fills in the past, and until it has taken over the version before goes on serving. A takeover is laid down
`NOTICE` ahead, so that every reader knows of it when the instant comes, and nobody serves the old one beside the new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.definitions.kinds import ComputedTrait, Definition, Definitions, Segment, snapshot
from attune.domain.definitions.purposes import Purpose
from attune.domain.definitions.references import reached, traits_named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: ms from the word that a version takes over to the instant at which it does: twice as long as snapshots last
NOTICE: Final = 10_000
#: kinds of which profiles keep something
KEPT_KINDS: Final = ("segment", "computed_trait")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as it stands: `definition` was applied last, as `version`, at `applied_at` (ms).

    `serving` (with `serving_version`): the version of a segment that goes on serving meanwhile. `since`: when the one
    that serves took over as it is. `takes_over_at`: when `definition` will, None while it waits for a backfill.
    `settled`: every profile has been brought in line with `definition`; of a purpose: what is past its time is gone.
    """

    definition: Definition
    version: int
    applied_at: int = 0
    since: int = 0
    settled: bool = False
    serving: Segment | None = None
    serving_version: int = 0
    takes_over_at: int | None = None

    @property
    def awaits_run(self) -> bool:
        """Whether a backfill has something to do for it."""
        match self.definition:
            case Segment() | ComputedTrait():
                return not self.settled
            case Purpose():
                return not self.settled and bool(self.definition.retention.traits)
            case _:
                return False

    @property
    def acts(self) -> Definition:
        """What serves."""
        return self.serving or self.definition

    def as_of(self, now: int) -> Standing:
        """After a takeover that was laid down has come about."""
        if self.takes_over_at is None or self.takes_over_at > now:
            return self
        return msgspec.structs.replace(
            self, since=self.takes_over_at, serving=None, serving_version=0, takes_over_at=None
        )


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a definition once had (None: that it was deleted), and when; `since`: when it took over."""

    version: int
    definition: Definition | None
    applied_at: int
    since: int | None = None


def changed(known: Standing | None, definition: Definition, version: int, now: int, *, at_once: bool) -> Standing:
    """What a change makes of it. `at_once`: profiles keep all that a changed condition asks for."""
    fresh = Standing(definition=definition, version=version, applied_at=now, since=now)
    if known is None or not isinstance(definition, Segment | ComputedTrait | Purpose):
        return fresh
    known = known.as_of(now)
    acts = known.acts
    if says_the_same(acts, definition):
        settled = known.settled and known.serving is None
        return msgspec.structs.replace(fresh, since=known.since, settled=settled)
    if not isinstance(acts, Segment):
        return fresh
    return msgspec.structs.replace(
        fresh,
        since=known.since,
        serving=acts,
        serving_version=known.serving_version if known.serving else known.version,
        takes_over_at=now + NOTICE if at_once else None,
    )


def took_over_at(standing: Standing) -> int | None:
    """When what was just applied takes over; None where nobody knows yet."""
    return standing.takes_over_at if standing.serving else standing.applied_at


def says_the_same(one: Definition, other: Definition) -> bool:
    """Whether they hold of the same people at the same instants, whatever they are called; keep traits as long."""
    if isinstance(one, Purpose) and isinstance(other, Purpose):
        return one.retention.traits == other.retention.traits
    if isinstance(one, Segment) and isinstance(other, Segment):
        return one.when == other.when
    if isinstance(one, ComputedTrait) and isinstance(other, ComputedTrait):
        return one.compute == other.compute
    return False


def assemble(standings: Iterable[Standing], now: int) -> tuple[Definitions, int | None]:
    """The snapshot as of `now`, and when it will be another by itself (None: never)."""
    stand = [one.as_of(now) for one in standings]
    plain = snapshot(tuple(one.acts for one in stand))
    pending = {
        one.definition.id: one.definition for one in stand if one.serving and isinstance(one.definition, Segment)
    }
    changes = [one.takes_over_at for one in stand if one.takes_over_at is not None]
    since = _since(plain, stand)
    return msgspec.structs.replace(plain, pending=pending, since=since), min(changes, default=None)


def _since(plain: Definitions, stand: Collection[Standing]) -> dict[str, int]:
    """Of a segment also since when all that it asks for is as it is: when that changes, so does what it says."""
    segments = {one.acts.id: one.since for one in stand if isinstance(one.acts, Segment)}
    computed = {one.acts.id: one.since for one in stand if isinstance(one.acts, ComputedTrait)}
    versions = {name: (segment,) for name, segment in plain.segments.items()}
    result = {}
    for name in segments:
        over = [one for one in reached((name,), versions) if one in plain.segments]
        traits = {trait for one in over for trait in traits_named(plain.segments[one])}
        instants = [*(segments[one] for one in over), *(computed[one] for one in traits if one in computed)]
        result[name] = max(instants)
    return result
