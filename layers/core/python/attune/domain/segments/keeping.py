"""What an event adds to what a profile keeps for its conditions, and what of that grows too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.profiles.windows import Mark, Sample, Samples, add_mark, add_sample, add_to_sessions
from attune.domain.segments.abandonment import fold_timer, forget_timers
from attune.domain.segments.nodes import SESSIONS, trait_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.events import Event
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.compilation import Compiled


def keep(compiled: Compiled, profile: Profile, event: Event, name: str, order: bytes) -> dict[str, Collection[str]]:
    """Keep what conditions ask about an event, called `name`.

    Answers what it touched: keys (`nodes.known_keys`), and of timers which things.
    """
    touched: dict[str, Collection[str]] = {trait_key(trait): () for trait in event.traits} if event.traits else {}
    said, windows = event.properties, profile.windows
    for slot, first, others in compiled.slots.get(name, ()):
        if not first(said) or (others is not None and not others(said)):
            continue
        if slot.read is None:
            mark = Mark(event.time, order)
            known = windows.get(slot.name)
            windows[slot.name] = add_mark(known, mark, slot.name, slot.capacity) if known else [mark]
        elif (value := slot.read(said)) is not None:
            sample = Sample(event.time, order, value)
            profile.samples[slot.name] = add_sample(profile.samples.get(slot.name), sample, slot.name, slot.capacity)
        touched[slot.name] = ()
    for absence in compiled.absences.get(name, ()):
        if things := fold_timer(profile, event, name, absence):
            touched[absence.slot] = things
    if compiled.sessions:
        profile.sessions = add_to_sessions(profile.sessions, event.time)
        touched[SESSIONS] = ()
    return touched


def forget(compiled: Compiled, profile: Profile) -> None:
    """Drop what is too old for all who ask; of a slot that nobody here knows of others may ask."""
    now = profile.as_of
    forget_timers(profile, now)
    for name, marks in list(profile.windows.items()):
        slot = compiled.by_name.get(name)
        if slot is not None and (kept := slot.in_use(marks, now)) is not marks:
            if kept:
                profile.windows[name] = kept
            else:
                del profile.windows[name]
    for name, samples in list(profile.samples.items()):
        slot = compiled.by_name.get(name)
        if slot is not None and (used := slot.in_use(samples.kept, now)) is not samples.kept:
            if used or samples.base:
                profile.samples[name] = Samples(used, samples.base)
            else:
                del profile.samples[name]
