"""One event into one profile: traits, windows, timers and carts, then what that does to segments. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain import segments
from attune.domain.consent.policies import PLACES, tells_place
from attune.domain.events import LIST, RECTIFY
from attune.domain.identifiers import WEAK, WEAK_LIFETIME, limit
from attune.domain.learning.scores import forget_scores
from attune.domain.profiles import carts, duplicates
from attune.domain.profiles.activity import observe
from attune.domain.profiles.profile import Trait, newer, set_trait
from attune.domain.segments import Quiet
from attune.domain.segments.nodes import list_key, trait_key

if TYPE_CHECKING:
    from attune.domain.consent.policies import Policies
    from attune.domain.events import Event
    from attune.domain.profiles.changes import Change
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled


def fold_event(
    profile: Profile, event: Event, order: bytes, compiled: Compiled, quiet: Quiet | None = None
) -> list[Change]:
    """Apply an accepted event; `order` is its hash. Answers the exits it caused; entries are announced by `finish`.

    What is said of lists, and a correction, is no event of the person's: nothing is counted.
    """
    quiet = quiet or Quiet()
    # up to the event and not beyond: at its own instant it already counts
    changes = segments.advance(compiled, profile, event.time - 1, quiet)
    in_order = event.time > profile.as_of
    profile.as_of = max(profile.as_of, event.time)
    if event.type == LIST:
        said = event.properties
        set_trait(profile.lists, said["list"], Trait(said["on"], event.time, order))
        return changes + segments.react(compiled, profile, {list_key(said["list"]): ()}, quiet, in_order=in_order)
    if event.type == RECTIFY:
        _set_traits(profile, event, order, compiled, quiet)
        corrected = dict.fromkeys(map(trait_key, event.traits), ())
        return changes + segments.react(compiled, profile, corrected, quiet, in_order=in_order)
    profile.events += 1
    profile.first_seen = min(profile.first_seen or event.time, event.time)
    profile.last_seen = max(profile.last_seen, event.time)
    profile.activity = observe(profile.activity, event)
    if event.traits:
        _set_traits(profile, event, order, compiled, quiet)
    carts.fold_cart(profile.carts, event, order)
    touched = segments.keep(compiled, profile, event, event_name(event), order)
    return changes + segments.react(compiled, profile, touched, quiet, in_order=in_order)


def finish(profile: Profile, compiled: Compiled, now: int, read_up_to: int, quiet: Quiet | None = None) -> list[Change]:
    """Let time pass up to `now`, tell campaigns what they should hear, forget what can no longer matter.

    `read_up_to`: when the newest of the records was received that the profile is folded with.
    """
    changes = segments.advance(compiled, profile, now, quiet)
    if compiled.policies.traits or profile.gone:
        _forget_traits(profile, compiled.policies)
    forget_scores(profile, compiled, profile.as_of)
    changes += segments.announce(compiled, profile, read_up_to)
    duplicates.forget_old(profile, now)
    carts.forget_old(profile.carts, now)
    segments.forget(compiled, profile)
    changes += segments.forget_stays(compiled, profile)
    _forget_weak_links(profile, now)
    return changes


def event_name(event: Event) -> str:
    """What conditions call the event: a track call's own name, any other call's type (`page`, `identify`, ...)."""
    return event.name if event.type == "track" else event.type


def _set_traits(profile: Profile, event: Event, order: bytes, compiled: Compiled, quiet: Quiet) -> None:
    policies = compiled.policies
    before = policies.places_of(profile) if policies.permissive else ()
    for name, value in event.traits.items():
        set_trait(profile.traits, name, Trait(value, event.time, order))
    if policies.permissive and policies.places_of(profile) != before:
        quiet.whole = False  # where another policy holds any membership may be another


def _forget_traits(profile: Profile, policies: Policies) -> None:
    """Those whose time is up. Of what told where somebody is it stays that it did, until that trait is said again."""
    held = policies.traits.held(profile.traits, profile.as_of)
    for name in PLACES:
        if name in profile.traits and name not in held:
            word = profile.traits[name]
            set_trait(profile.gone, name, Trait(tells_place(name, word.value), word.time, word.order))
        elif name in held and name in profile.gone and newer(held[name], profile.gone[name]) is held[name]:
            del profile.gone[name]
    profile.traits = dict(held)


def _forget_weak_links(profile: Profile, now: int) -> None:
    for namespace in WEAK & {link.identifier.namespace for link in profile.links.values()}:
        held = [(link.at, key) for key, link in profile.links.items() if link.identifier.namespace == namespace]
        kept = {key for at, key in sorted(held)[-limit(namespace) :] if at + WEAK_LIFETIME > now}
        for _, key in held:
            if key not in kept:
                del profile.links[key]
