"""Every refusal of the gate is counted, by edge, purpose and reason."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.profiles.consent import RESTRICTION
from tests.builders import NOW, consent_event, event, identifiers
from tests.use_cases.campaign_story import Story
from tests.use_cases.test_process_events import Processor

ME = identifiers(anonymous_id="me")


@pytest.fixture
def processor() -> Processor:
    return Processor()


def refused(processor: Processor) -> list[tuple[int, str, str, str]]:
    """How many, at which edge, for want of which purpose, and why; since this was last asked."""
    told = [
        (number, said["edge"], said["purpose"], said["reason"])
        for name, number, said in processor.counted
        if name == "Refusals"
    ]
    processor.counted.clear()
    return told


def test_an_event_is_counted_where_it_is_refused(processor: Processor) -> None:
    processor.send(event(identifiers=ME, consent=None))
    assert refused(processor) == [(1, "store", "analytics", "no_consent")]
    processor.send(event(identifiers=ME, consent={"analytics": True}))
    assert refused(processor) == [(1, "segment", "personalization", "no_consent")]
    processor.send(consent_event({"analytics": False, "personalization": True}, identifiers=ME, time=NOW + 1))
    refused(processor)
    processor.send(event(identifiers=ME, consent=None, time=NOW + 2))
    assert refused(processor) == [(1, "store", "analytics", "withdrawn")]
    processor.send(event(identifiers=identifiers(anonymous_id="other")))
    assert refused(processor) == []


def test_what_a_restricted_person_does_is_counted_at_what_it_does_not_reach(processor: Processor) -> None:
    processor.send(event(identifiers=ME))
    processor.send(consent_event({RESTRICTION: False}, identifiers=ME, time=NOW + 1))
    refused(processor)
    processor.send(event(identifiers=ME, time=NOW + 2))
    assert refused(processor) == [(1, "lake", "none", "restricted"), (1, "segment", "none", "restricted")]


def counted(story: Story) -> list[dict[str, Any]]:
    return [said for name, said in story.counted if name == "Refusals"]


def test_a_decision_and_a_send_that_are_refused_are_counted() -> None:
    story = Story()
    story.withdraw()
    story.claimed()
    assert counted(story) == [{"edge": "decide", "purpose": "email", "reason": "withdrawn"}]
    story = Story()
    story.claimed()
    story.withdraw("personalization")
    story.deliver()
    assert counted(story) == [{"edge": "send", "purpose": "personalization", "reason": "withdrawn"}]
