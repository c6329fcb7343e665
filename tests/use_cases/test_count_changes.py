"""Who enters and leaves which segment, as operators count it, and how late."""

from __future__ import annotations

import pytest

from attune.ports import Due
from attune.use_cases.processing.wake_profiles import wake
from tests.builders import HOUR, MINUTE, NOW, SECOND, event, record
from tests.use_cases.test_process_events import Processor

ENTRIES, EXITS = "SegmentEntries", "SegmentExits"


@pytest.fixture
def processor() -> Processor:
    return Processor()


def counted(processor: Processor) -> list[tuple[str, str]]:
    """Entries and exits, each once for each that was counted."""
    return [
        (name, dimensions["segment"])
        for name, number, dimensions in processor.counted
        if name in {ENTRIES, EXITS}
        for _ in range(number)
    ]


def test_entries_and_exits_are_counted_by_segment(processor: Processor) -> None:
    processor.send(*(event(time=NOW - hours * HOUR) for hours in (3, 2, 1, 0)))
    assert counted(processor) == [(ENTRIES, "keen")]
    processor.now = NOW + 21 * HOUR
    processor.wake(processor.profile().profile_id)
    assert counted(processor) == [(ENTRIES, "keen"), (EXITS, "keen")]


def test_what_changes_nothing_counts_nothing(processor: Processor) -> None:
    delivered = processor.send(*(event(time=NOW - hours * HOUR) for hours in (3, 2, 1, 0)))
    processor.send(event())
    assert processor.process(delivered) == []
    assert counted(processor) == [(ENTRIES, "keen")]
    assert len(processor.delays) == 1


def test_an_entry_counts_when_campaigns_hear_of_it(processor: Processor) -> None:
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p1"}))
    for minutes, heard in ((15, []), (17, [(ENTRIES, "abandoned_cart")])):
        processor.now = NOW + minutes * MINUTE
        processor.wake(processor.profile().profile_id)
        assert counted(processor) == heard


def test_a_change_by_an_event_is_as_late_as_the_event_was_received_ago(processor: Processor) -> None:
    """However long ago it happened: the phone was offline."""
    views = (event(time=NOW - hours * HOUR) for hours in (5, 4, 3, 2))
    sent = record(*views, received_at=NOW - 3 * SECOND)
    processor(sent)
    assert processor.delays == [("ChangeDelay", 3 * SECOND)]


def test_a_change_by_the_clock_is_as_late_as_it_was_due_ago(processor: Processor) -> None:
    """Not as the `$wake` was put onto the stream ago; of an entry the grace is not counted as lateness."""
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p1"}))
    processor.now = NOW + 17 * MINUTE + 10 * SECOND
    woken = wake(Due(processor.now, processor.profile().profile_id), processor.now)
    processor.now += 30 * SECOND
    processor(woken)
    assert processor.delays == [("ChangeDelay", 40 * SECOND)]


def test_who_is_in_several_is_counted_for_each(processor: Processor) -> None:
    processor.send(*(event(time=NOW - hours * HOUR) for hours in (3, 2, 1, 0)))
    for cart in ("c1", "c2"):
        processor.send(event("Product Added", properties={"cart_id": cart, "product_id": "p1"}))
    processor.now = NOW + 18 * MINUTE
    processor.wake(processor.profile().profile_id)
    assert sorted(counted(processor)) == [(ENTRIES, "abandoned_cart"), (ENTRIES, "abandoned_cart"), (ENTRIES, "keen")]
