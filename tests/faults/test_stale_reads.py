"""What a function remembers may be out of date. A write finds out by its condition; what is decided without a write
must look again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attune.domain.events import Event, encode_record
from attune.use_cases.processing.process_events import StreamRecord
from tests.builders import NOW, SECOND, consent_event, event, identifiers, record
from tests.faults.books import Books, Sender
from tests.faults.world import World

ME = identifiers(anonymous_id="me")


class TwoEnvironments:
    """Two warm instances of process_events, each with its own memory, fed by hand."""

    def __init__(self) -> None:
        self.world = World()
        self._sequence = 0
        self.one, self.other = self._environment(), self._environment()

    def _environment(self) -> Callable[[Event], None]:
        process: Any = self.world._process_events()

        def apply(one: Event) -> None:
            self._sequence += 1
            sent = record(one, received_at=self.world.time.now)
            assert process([StreamRecord(sent.key, str(self._sequence), encode_record(sent), NOW)]) == []

        return apply

    def state(self) -> dict[str, Any]:
        [state] = self.world.states()
        return state


def view(number: int, **overrides: Any) -> Event:
    fields: dict[str, Any] = {"message_id": f"view-{number}", "identifiers": ME, "time": NOW + number, "consent": None}
    return event("Product Viewed", **(fields | overrides))


def test_consent_given_elsewhere_is_seen_before_an_event_is_dropped() -> None:
    both = TwoEnvironments()
    both.one(consent_event({"analytics": False}, message_id="no", identifiers=ME, time=NOW - 2 * SECOND))
    both.other(
        consent_event({"analytics": True, "personalization": True}, message_id="yes", identifiers=ME, time=NOW - SECOND)
    )
    both.one(view(1))
    assert both.state()["events"] == 1


def test_consent_withdrawn_elsewhere_is_seen_before_an_event_is_stored() -> None:
    both = TwoEnvironments()
    both.one(view(1, consent={"analytics": True}))
    both.other(consent_event({"analytics": False}, message_id="no", identifiers=ME, time=NOW + SECOND))
    both.one(view(2))
    assert both.state()["events"] == 1


def test_an_event_that_was_applied_elsewhere_is_a_duplicate_here() -> None:
    both = TwoEnvironments()
    both.one(view(1, consent={"analytics": True}))
    both.other(view(2))
    both.one(view(2))
    both.one(view(3))
    assert both.state()["events"] == 3


def test_a_profile_merged_away_elsewhere_is_found_where_it_went() -> None:
    both = TwoEnvironments()
    device, name = {"anonymous_id": "me"}, {"user_id": "u"}
    granted = {"analytics": True}
    both.one(view(1, consent=granted))
    both.one(view(2, identifiers=identifiers(**name), consent=granted))
    both.other(view(3, identifiers=identifiers(**device, **name), consent=granted))
    both.one(view(4))
    both.one(view(5, identifiers=identifiers(**name)))
    assert both.state()["events"] == 5


def test_an_archived_event_whose_commit_lost_to_a_withdrawal_counts_as_dropped() -> None:
    both = TwoEnvironments()
    both.one(view(1, consent={"analytics": True}))
    both.other(consent_event({"analytics": False}, message_id="no", identifiers=ME, time=NOW + SECOND))
    # Stored on stale knowledge, found out by the condition, folded again and refused: two rows, one of which counts.
    both.one(view(2))
    sender = Sender()
    for message in ("view-1", "view-2", "no"):
        sender.sent(message, message)
    books = Books(sender, rows=both.world.lake.rows, quarantined=[], profiles=both.world.states(), tombstones={})
    balance = books.check()
    assert (balance.applied, balance.dropped) == (2, 1)
