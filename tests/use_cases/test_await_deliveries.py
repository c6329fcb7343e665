"""Everywhere something is withdrawn, messages that are leaving are waited for: after the hold, before the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.adapters.memory import MemoryDeliveries, MemoryHolds
from attune.domain.campaigns import deliveries
from attune.domain.campaigns.deliveries import LEASE
from attune.use_cases.consent.manage_preferences import ManagePreferences
from attune.use_cases.privacy.await_deliveries import AwaitDeliveries
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.manage_privacy import ManagePrivacy
from tests.builders import HOUR, NOW, Pseudonyms, delivery, event, identifiers, key_of
from tests.use_cases.privacy_desk import ANN, PrivacyDesk
from tests.use_cases.test_manage_preferences import Desk as PreferenceDesk
from tests.use_cases.test_process_events import Processor


class Waiting:
    """What is being sent to whom a processor knows; every pause moves the clock and looks at the holds."""

    def __init__(self, processor: Processor, holds: MemoryHolds | None = None) -> None:
        self.processor, self.holds = processor, holds or MemoryHolds()
        self.deliveries = MemoryDeliveries()
        self.paused = 0.0
        #: identity keys to look at, and what was held against them at the first pause
        self.keys: list[str] = []
        self.held: dict[str, int] | None = None
        self.answered_after: float | None = None
        self._leaving: Any = None
        self.waits = AwaitDeliveries(
            profiles=processor.store,
            deliveries=self.deliveries,
            pseudonyms=Pseudonyms(),
            clock=lambda: processor.now,
            pause=self._pause,
        )

    def begin(self, profile_id: str) -> None:
        """A sender's first write."""
        claimed = delivery(profile_id=profile_id)
        self.deliveries.claim(claimed)
        self._leaving = deliveries.begun(claimed, holder="h", now=self.processor.now)
        self._settle(self._leaving, claimed)

    def _settle(self, new: Any, read: Any) -> None:
        self.deliveries.settle(new, read_state=read.state, read_attempts=read.attempts)

    def _pause(self, seconds: float) -> None:
        if self.held is None:
            self.held = self.holds.held(self.keys)
        self.paused += seconds
        self.processor.now += int(seconds * 1_000)
        if self.answered_after is not None and self.paused >= self.answered_after:
            self._settle(
                deliveries.answered(self._leaving, status=200, jitter=0, now=self.processor.now), self._leaving
            )


def test_a_message_caused_under_a_profile_that_was_merged_since_is_waited_for() -> None:
    processor = Processor()
    processor.send(event(identifiers=identifiers(anonymous_id="visitor"), time=NOW - 2 * HOUR))
    processor.send(event(identifiers=identifiers(email="ada@example.com"), time=NOW - HOUR))
    people = [("anonymous_id", "visitor"), ("email", "ada@example.com")]
    founded = [processor.profile(*who).profile_id for who in people]
    processor.send(event(identifiers=identifiers(email="ada@example.com", anonymous_id="visitor")))
    for owner in founded:
        waiting = Waiting(processor)
        waiting.begin(owner)
        assert waiting.waits([key_of("email", "ada@example.com")])


def test_the_message_of_somebody_else_is_not_waited_for() -> None:
    processor = Processor()
    processor.send(event(identifiers=identifiers(email="ada@example.com")), event(identifiers=ANN, message_id="m2"))
    waiting = Waiting(processor)
    waiting.begin(processor.profile("email", "ann@example.com").profile_id)
    assert not waiting.waits([key_of("email", "ada@example.com")])
    assert waiting.paused == 0


def test_what_waits_for_its_next_attempt_is_not_waited_for() -> None:
    processor = Processor()
    processor.send(event(identifiers=ANN))
    waiting = Waiting(processor)
    waiting.begin(processor.profile("email", "ann@example.com").profile_id)
    known = waiting.deliveries.all()[0]
    failed = deliveries.answered(known, status=429, retry_after=LEASE // 1_000, jitter=0, now=processor.now)
    waiting.deliveries.settle(failed, read_state=known.state, read_attempts=known.attempts)
    assert not waiting.waits([key_of("email", "ann@example.com")])


@pytest.mark.parametrize(("answered_after", "told"), [(3.0, False), (None, True)])
@pytest.mark.parametrize("kind", ["erasure", "restriction"])
def test_a_request_is_answered_when_nothing_leaves_any_more(
    kind: str, answered_after: float | None, told: bool
) -> None:
    desk = PrivacyDesk()
    desk.processor.send(event(identifiers=ANN))
    waiting = Waiting(desk.processor, desk.holds)
    waiting.keys, waiting.answered_after = [key_of("email", "ann@example.com")], answered_after
    waiting.begin(desk.processor.profile("email", "ann@example.com").profile_id)
    shared: dict[str, Any] = {
        "documents": desk.documents,
        "definitions": desk.processor.definitions,
        "pseudonyms": Pseudonyms(),
    }
    begin = BeginRequests(
        **shared, profiles=desk.processor.store, holds=desk.holds, stream=desk.stream, in_flight=waiting.waits
    )
    manage = ManagePrivacy(
        **shared, requests=desk.requests, begin=begin, runs=desk.runs, admin_key=lambda: "", clock=desk.clock
    )
    body = json.dumps({"kind": kind, "subject": ["email:ann@example.com"]}).encode()
    answer = manage.ask(body, lambda _: None)
    assert answer.get("in_flight", False) == told
    assert waiting.held
    assert waiting.paused >= 3


@pytest.mark.parametrize(("answered_after", "told"), [(3.0, False), (None, True)])
def test_the_preference_page_is_answered_when_nothing_leaves_any_more(answered_after: float | None, told: bool) -> None:
    desk = PreferenceDesk()
    desk.processor.send(event(identifiers=identifiers(email="ada@example.com"), time=NOW - HOUR))
    link = desk.made()
    waiting = Waiting(desk.processor, desk.holds)
    waiting.keys, waiting.answered_after = [key_of("email", "ada@example.com")], answered_after
    waiting.begin(desk.processor.profile("email", "ada@example.com").profile_id)
    shared = desk.shared | {"in_flight": waiting.waits}
    manage = ManagePreferences(**shared, holds=desk.holds, stream=desk.stream)
    left = manage.unsubscribe(link)
    assert left is not None
    assert left.in_flight == told
    assert (waiting.held or {}).keys() == {"email"}
    waiting.paused = 0
    saved = manage.save(link, {"email": True}, desk.seen(link))
    assert saved is not None
    assert (saved.in_flight, waiting.paused) == (False, 0)
