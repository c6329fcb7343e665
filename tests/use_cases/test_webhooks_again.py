"""A webhook that comes again within 7 days counts once, whatever has become of its customer meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from attune.domain.events import Origin
from tests.builders import DAY, HOUR, MINUTE, NOW, consent_event, event, identifiers
from tests.use_cases.test_memory_of_messages import outcomes
from tests.use_cases.test_process_events import Processor

if TYPE_CHECKING:
    from attune.domain.events import Event

WEEK = 7 * DAY
SHOPPER = identifiers(shopify_customer_id="7", email="ada@example.com")


@pytest.fixture
def processor() -> Processor:
    return Processor()


def order(number: int = 1, **fields: Any) -> Event:
    said = {"message_id": f"order-{number}", "time": NOW + number, "identifiers": SHOPPER}
    return event("Order Completed", **(said | {"properties": {"total": number}} | fields))


def receive(processor: Processor, *events: Event) -> dict[tuple[str, str], int]:
    """As its entrance puts a webhook onto the stream."""
    processor.send(*events, origin=Origin.WEBHOOK, source="store")
    return outcomes(processor)


@pytest.mark.parametrize("later", [MINUTE, 25 * HOUR, 3 * DAY, WEEK - 2 * MINUTE])
def test_it_counts_once(processor: Processor, later: int) -> None:
    assert receive(processor, order()) == {("applied", "track"): 1}
    processor.now += later
    receive(processor, order(2))  # whatever is written forgets what is old
    assert receive(processor, order()) == {("duplicate", "event"): 1}
    assert processor.profile("email", "ada@example.com").events == 2


def test_after_a_week_it_is_new(processor: Processor) -> None:
    """What a window cannot tell, the lake marks as repeated."""
    receive(processor, order())
    processor.now += WEEK + 2 * MINUTE
    receive(processor, order(2))
    assert receive(processor, order()) == {("applied", "track"): 1}


def test_other_content_is_a_conflict_after_days_and_is_kept(processor: Processor) -> None:
    receive(processor, order())
    processor.now += 5 * DAY
    assert receive(processor, order(properties={"total": 99})) == {("conflict", ""): 1}
    assert [row["verdict"] for row in processor.rows()] == ["applied", "conflict"]


def test_what_a_client_sends_is_still_remembered_for_a_day_only(processor: Processor) -> None:
    processor.send(event(message_id="view", identifiers=SHOPPER))
    receive(processor, order())
    processor.now += 25 * HOUR
    receive(processor, order(2))
    processor.send(event(message_id="view", identifiers=SHOPPER))
    assert outcomes(processor) == {("applied", "track"): 1}


def test_the_statement_of_consent_that_a_webhook_makes_is_remembered_as_long(processor: Processor) -> None:
    said = consent_event({"email": True}, message_id="consent-1", identifiers=SHOPPER[:1])
    processor.send(said, source="store")
    processor.now += 6 * DAY
    receive(processor, order())
    processor.send(said, source="store")
    assert outcomes(processor) == {("duplicate", "event"): 1}


def test_after_a_merge_it_is_known(processor: Processor) -> None:
    device = identifiers(anonymous_id="phone")
    receive(processor, order())
    receive(processor, order(2, identifiers=device))
    processor.send(event(message_id="login", identifiers=(*SHOPPER, *device)))
    processor.now += 6 * DAY
    outcomes(processor)
    assert receive(processor, order()) == {("duplicate", "event"): 1}
    assert receive(processor, order(2, identifiers=device)) == {("duplicate", "event"): 1}
    assert processor.profile("email", "ada@example.com").events == 3


def test_of_a_customer_with_many_webhooks_all_are_known_and_the_item_stays_small(processor: Processor) -> None:
    for number in range(300):
        processor.now += 10 * MINUTE
        receive(processor, order(number))
    for number in range(300):
        assert receive(processor, order(number)) == {("duplicate", "event"): 1}, number
    item = processor.item("email", "ada@example.com")
    assert item is not None
    assert len(item.state) < 2_500


def test_a_stream_that_delivers_the_repetition_again_after_a_week_finds_its_position(processor: Processor) -> None:
    """The id is forgotten by then; the repetition has moved the position."""
    receive(processor, order())
    processor.now += WEEK - HOUR
    again = processor.send(order(), origin=Origin.WEBHOOK, source="store")
    processor.now += 2 * HOUR
    receive(processor, order(2))
    outcomes(processor)
    assert processor.process(again) == []
    assert outcomes(processor) == {("redelivered", ""): 1}
    assert processor.profile("email", "ada@example.com").events == 2
