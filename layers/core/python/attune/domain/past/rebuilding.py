"""A profile folded anew from what the lake holds of it, as of the instant that the stored one has reached. Pure.

**Kept** from the stored profile is what no event's content tells again: ids, generation, links, consent, scores, the
key, the ledger's head, cursors, both memories of ids, merges, the count of events, which words of where they are were
past their time, and the instant `as_of`. **Folded
anew**, by the code that folds live, in order of event time: traits, windows, timers, carts, activity, when the person
was first and last seen, and which segments they are and were in.

**An event counts once**, however often its producer told it. Live, what is told again after more than 24 hours counts
again; the count of events stays, which is of all that was applied.

**Left out** is what was withdrawn after it had been accepted: events dated at or after a withdrawal from storing. Not
what was corrected meanwhile (`$rectify`): else what was wrong would come back.

**Nothing is told.** A rebuild has no changes to report. Of stays in segments:

- One that the stored profile has and that still lasts stays as it is, to the millisecond: if campaigns have heard of it
  they will hear of its end, if its announcement is still to come it will come, once.
- One that the stored profile has and that no longer holds ends; nobody is told of this end.
- One that only the rebuild finds (a segment defined since) is recorded: if it is over, as it was; if it lasts, as
  announced (to nobody), so that no later event tells a campaign of something old; nor will its end be told.

What is due after `as_of` is left to the live path, which goes on from there as if nothing had happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain import segments
from attune.domain.events import LIST, RECTIFY, Event
from attune.domain.learning.scores import fold_score
from attune.domain.processing.fold import finish, fold_event
from attune.domain.profiles import memory
from attune.domain.profiles.consent import RESTRICTION, SEGMENT, STORE, Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.profile import FINGERPRINT, NOBODY, Membership, Profile, Score, set_trait
from attune.domain.profiles.state import decode_profile, encode_profile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from attune.domain.segments import Compiled

#: at one instant: consent holds already, and a score was reckoned from what had happened
_CONSENT, _EVENT, _SCORE = range(3)
#: whoever refused one of these is in no segment, whatever a policy permits
_DECISIVE: Final = (SEGMENT, RESTRICTION)
#: no doing of the person's, and no withdrawal of theirs keeps it out: lists, and corrections that they asked for
SAID_OF_THEM: Final = frozenset({LIST, RECTIFY})
#: nobody has read the stream: no entry's grace is over
_NOT_READ: Final = -1


class Told(msgspec.Struct, frozen=True):
    """An event that was applied, as the lake kept it. `order` is its hash, as in the fold that applied it.

    `repeated`: applied more than once, and only this once in the lake.
    """

    event: Event
    order: bytes
    repeated: bool = False

    @property
    def is_call(self) -> bool:
        """Whether the profile counts it; consent and scores it does not."""
        return not self.event.type.startswith("$")


type _Step = Told | Consent | tuple[str, Score]


def open_told(source: str, plain: bytes, *, repeated: bool = False) -> Told:
    """From an opened row. Raises `msgspec.MsgspecError` for what is no event."""
    event = _decoder.decode(plain)
    return Told(event, event_hash(source, event), repeated)


def is_whole(stored: Profile, told: Sequence[Told], since: int = 0, gone: Iterable[Told] = ()) -> bool:
    """Whether `told` are exactly the events that the stored profile was folded from.

    As many as it counts, and among them all whose ids it remembers, consent included, and all that its traits are by.
    Fewer: rows that have not arrived yet, or never will; but for events that were counted again. More: rows of events
    that are not committed, and may never be. `since`: what was remembered before may be another's; `gone`: what is, by
    now.
    """
    calls = [one for one in told if one.is_call]
    if not len(calls) <= stored.events <= len(calls) + sum(one.repeated for one in calls):
        return False
    everything = (*told, *gone)
    if not _are_told(stored, everything):
        return False
    known = {(one.order, bytes.fromhex(one.event.fingerprint)) for one in everything}
    return all(entry in known for entry in _remembered(stored, since))


def _are_told(stored: Profile, told: Sequence[Told]) -> bool:
    """Whether nothing is missing that a trait is by: a correction, which no count counts, and whose id is forgotten.

    What is older than all that is told nobody can have said: it is wrong, and is mended.
    """
    orders, first = {one.order for one in told}, min((one.event.time for one in told), default=0)
    return all(trait.order in orders or trait.time < first for trait in stored.traits.values())


def rebuild(
    stored: Profile, told: Sequence[Told], compiled: Compiled, untold: Collection[str] = frozenset()
) -> Profile:
    """The profile anew; `told` must be whole. The stored one stays as it is.

    `untold`: stays that only the rebuild finds and that campaigns are to hear of all the same.
    """
    kept = that_count(stored, told)
    fresh = _copied(stored)
    fresh.events, fresh.first_seen, fresh.last_seen, fresh.as_of = 0, _first_seen(stored, kept, told), 0, 0
    fresh.samples, fresh.sessions = {}, None
    fresh.traits, fresh.windows, fresh.timers, fresh.carts, fresh.activity = {}, {}, {}, {}, None
    fresh.gone = {}
    fresh.consent = {name: stored.consent[name] for name in _DECISIVE if _is_refused(stored.consent, name)}
    fresh.scores, fresh.lists, fresh.memberships = {}, {}, {}
    said = [one for one in _once(told) if one.event.type in SAID_OF_THEM]
    quiet = segments.Quiet()
    for _, _, step in sorted(_steps(stored, [*kept, *said]), key=_place):
        _live_through(fresh, step, compiled, quiet)
    segments.advance(compiled, fresh, stored.as_of)
    fresh.consent, fresh.scores, fresh.lists = dict(stored.consent), dict(stored.scores), dict(stored.lists)
    fresh.events = stored.events
    for name, word in stored.gone.items():
        set_trait(fresh.gone, name, word)
    _take_stays(fresh, stored, compiled, untold)
    finish(fresh, compiled, stored.as_of, _NOT_READ)
    return fresh


def that_count(stored: Profile, told: Sequence[Told]) -> list[Told]:
    """The calls that the profile is made of: each once, without what was withdrawn from storing."""
    return [one for one in _once(told) if one.is_call and not _was_withdrawn(stored.consent, one.event.time)]


def _once(told: Sequence[Told]) -> list[Told]:
    """One of each, the earliest: where its producer told it again much later, the lake has two rows of it."""
    latest_first = sorted(told, key=lambda one: one.event.time, reverse=True)
    return list({(one.order, one.event.fingerprint): one for one in latest_first}.values())


def _copied(profile: Profile) -> Profile:
    copy = decode_profile(encode_profile(profile))
    copy.pages = dict(profile.pages)
    return copy


def _remembered(profile: Profile, since: int) -> Iterator[tuple[bytes, bytes]]:
    """Hash and fingerprint of the message ids that were noted after an instant; all where it is 0."""
    for part in (profile.seen, profile.webhooks, *profile.pages.values()):
        for entry in memory.entries(part, FINGERPRINT):
            if since and memory.is_over(entry, since + 999, FINGERPRINT):
                continue  # noted in seconds, rounded up
            yield entry[: memory.HASH], entry[memory.HASH : memory.HASH + FINGERPRINT]


def _was_withdrawn(consent: Mapping[str, Consent], at: int) -> bool:
    """Whether a withdrawal from storing was in force then. What it does not reach was accepted on an older word."""
    record = consent.get(STORE)
    return record is not None and record.withdrawn(at)


def _is_refused(consent: Mapping[str, Consent], name: str) -> bool:
    return name in consent and not consent[name].granted


def _first_seen(stored: Profile, kept: Sequence[Told], told: Sequence[Told]) -> int:
    """A person may have been founded by their consent; of consent that came later the profile takes no time."""
    founding = [one.event.time for one in told if not one.is_call and one.event.time == stored.first_seen]
    return min([*founding, *(one.event.time for one in kept)], default=stored.first_seen)


def _steps(stored: Profile, kept: Sequence[Told]) -> list[tuple[int, int, _Step]]:
    """Everything that segments look at, each at its instant. Of consent and scores only the last word is known."""
    steps: list[tuple[int, int, _Step]] = [(one.event.time, _EVENT, one) for one in kept]
    consent = stored.consent.get(SEGMENT)
    if consent is not None and consent.granted:
        steps.append((consent.at, _CONSENT, consent))
    steps += [(score.at, _SCORE, (model, score)) for model, score in stored.scores.items()]
    return steps


def _place(step: tuple[int, int, _Step]) -> tuple[int, int, bytes]:
    at, kind, what = step
    return at, kind, what.order if isinstance(what, Told) else b""


def _live_through(fresh: Profile, step: _Step, compiled: Compiled, quiet: segments.Quiet) -> None:
    """As `process_events` would at that instant, campaigns aside; what is forgotten live is forgotten here."""
    match step:
        case Told():
            fold_event(fresh, step.event, step.order, compiled, quiet)
            finish(fresh, compiled, fresh.as_of, _NOT_READ, quiet)
        case Consent():
            segments.advance(compiled, fresh, step.at - 1, quiet)
            fresh.as_of = max(fresh.as_of, step.at)
            fresh.consent = fresh.consent | {SEGMENT: step}
            quiet.whole = False  # with another consent any membership may be another
            quiet.until = 0
            if fresh.events:
                segments.evaluate(compiled, fresh)
        case (model, score):
            quiet.whole, quiet.until = False, 0
            fold_score(fresh, model, score, compiled)


def _take_stays(fresh: Profile, stored: Profile, compiled: Compiled, untold: Collection[str]) -> None:
    """Join the stays that were found with those that are known, and close what no longer holds."""
    for slot, timers in stored.timers.items():
        for key, timer in timers.items():
            if key in (mine := fresh.timers.get(slot, {})):
                mine[key].announced = timer.announced
    stays = _copied(stored).memberships
    for name, found in fresh.memberships.items():
        known = stays.get(name)
        if known is not None and known.left_at is None:
            continue
        since = 0 if known is None or known.left_at is None else known.left_at
        if found.left_at is None and name in untold:
            stays[name] = Membership(max(found.entered_at, since))
        elif found.left_at is None:
            stays[name] = Membership(max(found.entered_at, since), None, announced=True, told=NOBODY)
            _silence(fresh, name, compiled)
        elif found.entered_at > since:
            stays[name] = found
    fresh.memberships = stays
    segments.evaluate(compiled, fresh)


def _silence(fresh: Profile, name: str, compiled: Compiled) -> None:
    """Take a keyed thing (a cart) as told, until an order closes it."""
    segment_id, _, key = name.partition("\x1f")
    segment = compiled.segments[segment_id]
    if segment.keyed is not None:
        timer = fresh.timers[segment.keyed.slot][key]
        timer.announced = timer.did if timer.announced is None else timer.announced


_decoder: Final = msgspec.json.Decoder(Event)
