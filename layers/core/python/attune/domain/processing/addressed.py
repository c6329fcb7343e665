"""Internal events that name their profile: `$wake`, `$score`, `$unlink`. Early, late or twice, they do no harm.

They need no cursor: time passes once, a score replaces only an older one, and what left a profile cannot leave it
again. Nobody but our own functions may send them, which is asked here because they do not go the way of calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.consent.gate import Edge
from attune.domain.events import ADDRESSED, SCORE, UNLINK, WAKE, Origin
from attune.domain.learning.scores import fold_score, may_score, read_score
from attune.domain.processing.verdicts import Verdict

if TYPE_CHECKING:
    from attune.domain.events import Event, Record
    from attune.domain.processing.working_set import WorkingSet


def addressees(record: Record) -> set[str]:
    """The profile ids that the record names; of a record that is not internal nobody's, so that it is read as calls."""
    if record.origin is not Origin.INTERNAL:
        return set()
    return {_profile_id(event) for event in record.events if event.type in ADDRESSED}


def is_unlinking(record: Record) -> bool:
    """Whether it is to be folded by itself: it makes two profiles of one, which are written together."""
    return record.origin is Origin.INTERNAL and any(event.type == UNLINK for event in record.events)


def apply_addressed(work: WorkingSet, record: Record) -> None:
    """Apply the events of a record that has addressees, in order."""
    for event in record.events:
        if event.type == WAKE:
            _wake(work, event)
        elif event.type == SCORE:
            _score(work, event, record)
        elif event.type == UNLINK and len(record.events) == 1:
            _unlink(work, event, record)
        else:
            work.put_aside(event, record, "wrong_partition")


def _wake(work: WorkingSet, event: Event) -> None:
    """Let a profile's time pass; harmless when it is early, late or double. An unknown profile is none of ours."""
    working = work.people.live(_profile_id(event))
    if working is None:
        work.outcomes["dropped", "unknown_profile"] += 1
    elif working.dirty or (working.due_at is not None and working.due_at <= work.now):
        working.dirty = True
        work.outcomes["applied", "wake"] += 1
    else:
        work.outcomes["duplicate", "wake"] += 1


def _score(work: WorkingSet, event: Event, record: Record) -> None:
    """A refused score leaves no row: its message id names the profile, and it was never the person's own doing."""
    said = read_score(event, record.received_at)
    working = work.people.live(_profile_id(event))
    if said is None:
        work.put_aside(event, record, "invalid_score")
    elif working is None:
        work.outcomes["dropped", "unknown_profile"] += 1
    elif not (answer := may_score(working.profile, said[1].at, work.compiled, work.now)):
        work.outcomes["dropped", "consent"] += 1
        work.note_refusal(Edge.RECOMMEND, answer)
    elif (changes := fold_score(working.profile, *said, work.compiled)) is None:
        work.outcomes["duplicate", "score"] += 1
    else:
        working.changes += changes
        working.keep_row(event, record, Verdict.APPLIED, work.now)
        working.dirty = True
        work.outcomes["applied", "score"] += 1


def _unlink(work: WorkingSet, event: Event, record: Record) -> None:
    """All of it or nothing: who was named is one person, and what is not this profile's any more says otherwise."""
    working = work.people.live(_profile_id(event))
    if working is None:
        work.outcomes["dropped", "unknown_profile"] += 1
    elif work.unlink(working, event, record):
        work.outcomes["applied", "unlink"] += 1
    else:
        work.outcomes["dropped", "not_linked"] += 1


def _profile_id(event: Event) -> str:
    return str(event.properties.get("profile_id"))
