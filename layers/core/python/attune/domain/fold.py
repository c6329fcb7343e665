"""One event into one profile: traits, windows, timers and carts, then what that does to segments. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.domain import carts, duplicates, segments
from attune.domain.activity import observe
from attune.domain.identifiers import WEAK, WEAK_LIFETIME, limit
from attune.domain.profiles import Mark, Timer, Trait, set_trait
from attune.domain.segments.comparisons import lookup
from attune.domain.segments.truth import ABANDONED_LIFETIME, cancelled

if TYPE_CHECKING:
    from attune.domain.changes import Change
    from attune.domain.events import Event
    from attune.domain.profiles import Profile
    from attune.domain.segments import Quiet
    from attune.domain.segments.conditions import Absence, Compiled

MAX_TIMERS: Final = 50
MAX_KEY_LENGTH: Final = 128


def fold_event(
    profile: Profile, event: Event, order: bytes, compiled: Compiled, quiet: Quiet | None = None
) -> list[Change]:
    """Apply an accepted event; `order` is its hash. Answers the exits it caused; entries are announced by `finish`."""
    # up to the event and not beyond: at its own instant it already counts
    changes = segments.advance(compiled, profile, event.time - 1, quiet) if event.time > profile.as_of else []
    profile.as_of = max(profile.as_of, event.time)
    profile.events += 1
    profile.first_seen = min(profile.first_seen or event.time, event.time)
    profile.last_seen = max(profile.last_seen, event.time)
    if not event.type.startswith("$"):
        profile.activity = observe(profile.activity, event)
    for name, value in event.traits.items():
        set_trait(profile.traits, name, Trait(value, event.time, order))
    _fold_windows(profile, event, order, compiled)
    for absence in compiled.absences.get(event_name(event), ()):
        _fold_timer(profile, event, absence)
    carts.fold_cart(profile.carts, event, order)
    return changes + segments.react(compiled, profile, event_name(event), event.traits, quiet)


def finish(profile: Profile, compiled: Compiled, now: int, read_up_to: int, quiet: Quiet | None = None) -> list[Change]:
    """Let time pass up to `now`, tell campaigns what they should hear, forget what can no longer matter.

    `read_up_to`: when the newest of the records was received that the profile is folded with.
    """
    changes = segments.advance(compiled, profile, now, quiet)
    changes += segments.announce(compiled, profile, read_up_to)
    duplicates.forget_old(profile, now)
    carts.forget_old(profile.carts, now)
    _forget_timers(profile, now)
    _forget_weak_links(profile, now)
    return changes


def event_name(event: Event) -> str:
    """What conditions call the event: a track call's own name, any other call's type (`page`, `identify`, ...)."""
    return event.name if event.type == "track" else event.type


def _fold_windows(profile: Profile, event: Event, order: bytes, compiled: Compiled) -> None:
    for window in compiled.windows.get(event_name(event), ()):
        if window.matches(event.properties):
            marks = {*profile.windows.get(window.slot, ()), Mark(event.time, order)}
            profile.windows[window.slot] = sorted(marks)[-window.at_least :]


def _fold_timer(profile: Profile, event: Event, absence: Absence) -> None:
    key = _key_text(lookup(event.properties, absence.key))
    if not key:
        return
    starts = _matches(event, absence.did)
    cancels = _matches(event, absence.without)
    if not starts and not cancels:
        return
    timers = profile.timers.setdefault(absence.slot, {})
    timer = timers.setdefault(key, Timer())
    if starts:
        timer.did = max(timer.did or 0, event.time)
    if cancels:
        timer.without = max(timer.without or 0, event.time)
    if timer.announced is not None and timer.without is not None and timer.without >= timer.announced:
        timer.announced = None


def _matches(event: Event, filters: tuple[tuple[str, Any], ...]) -> bool:
    name = event_name(event)
    return any(name == wanted and matches(event.properties) for wanted, matches in filters)


def _key_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and len(value) <= MAX_KEY_LENGTH and "\x1f" not in value else ""


def _forget_timers(profile: Profile, now: int) -> None:
    for slot, timers in profile.timers.items():
        touched = {key: max(timer.did or 0, timer.without or 0) for key, timer in timers.items()}
        # those that are over go first: what a campaign has heard of, or may yet hear of, is kept longest
        newest = sorted(touched, key=lambda key: (not cancelled(timers[key]), touched[key], key))[-MAX_TIMERS:]
        kept = {key for key in newest if touched[key] + ABANDONED_LIFETIME > now}
        if len(kept) < len(timers):
            profile.timers[slot] = {key: timer for key, timer in timers.items() if key in kept}
    keys = {key for timers in profile.timers.values() for key in timers}
    for name in [name for name in profile.memberships if "\x1f" in name and name.partition("\x1f")[2] not in keys]:
        del profile.memberships[name]


def _forget_weak_links(profile: Profile, now: int) -> None:
    for namespace in WEAK:
        held = [(link.at, key) for key, link in profile.links.items() if link.identifier.namespace == namespace]
        kept = {key for at, key in sorted(held)[-limit(namespace) :] if at + WEAK_LIFETIME > now}
        for _, key in held:
            if key not in kept:
                del profile.links[key]
