"""Whether a changed segment may serve at once, or must wait for a backfill. Pure.

Apart from `takeovers`, which every function reads definitions by: this needs the segments' engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.definitions.kinds import Definition, Definitions, Segment, snapshot
from attune.domain.definitions.references import reached, traits_named
from attune.domain.segments import compile_segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.past.takeovers import Standing
    from attune.domain.segments.slots import Slot


def serves_at_once(definition: Definition, standings: Iterable[Standing]) -> bool:
    """Whether profiles hold all that a segment's condition asks for.

    They hold what those ask for whom a run has brought in line, and, well or badly, what the segment itself does.
    """
    if not isinstance(definition, Segment):
        return True
    stand = list(standings)
    mine = [one.acts for one in stand if one.definition.id == definition.id]
    kept = [one.acts for one in stand if one.settled] + [one for one in mine if isinstance(one, Segment)]
    everything = snapshot(tuple(one.acts for one in stand))
    everything.segments[definition.id] = definition
    asked = reached((definition.id,), {name: (one,) for name, one in everything.segments.items()})
    segments = {name: everything.segments[name] for name in asked if name in everything.segments}
    traits = {trait for one in segments.values() for trait in traits_named(one)}
    computed = {name: one for name, one in everything.computed_traits.items() if name in traits}
    return _keeps_enough(snapshot(tuple(kept)), Definitions(segments=segments, computed_traits=computed))


def _keeps_enough(before: Definitions, after: Definitions) -> bool:
    """Whether profiles that hold what `before` asks about hold what `after` does."""
    kept, wanted = compile_segments(before), compile_segments(after)
    return (
        wanted.kept <= kept.kept
        and all(_reaches(kept.by_name[name], slot) for name, slot in wanted.by_name.items())
        and kept.sessions >= wanted.sessions
    )


def _reaches(kept: Slot, wanted: Slot) -> bool:
    return kept.capacity >= wanted.capacity and kept.always >= wanted.always and kept.within >= wanted.within
