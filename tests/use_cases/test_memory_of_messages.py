"""What a profile remembers of messages: a day of them, in pages that are written once, without weighing on a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attune.adapters.memory import MemoryProfiles
from attune.domain.events import decode_record
from attune.domain.profiles.duplicates import MAX_LOOSE, MAX_SEEN
from attune.ports import UnstorableError
from attune.sources.content import fingerprinted, with_message_id
from attune.use_cases.collection.write_records import intake_entries, stream_entries
from attune.use_cases.processing.process_events import StreamRecord
from tests.builders import HOUR, MINUTE, NOW, Pseudonyms, event, identifiers, record
from tests.use_cases.test_process_events import Processor

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.events import Event
    from attune.ports import Commit

DAY = 24 * HOUR


class Written(MemoryProfiles):
    """Notes the pages that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[bytes] = []

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self.references += [page.reference for page in commit.pages]


@pytest.fixture
def processor() -> Processor:
    return Processor()


def visit(processor: Processor, first: int, last: int, *, each: int = 5) -> None:
    """Pages viewed by one visitor, a second apart, `each` to a record."""
    for start in range(first, last, each):
        processor.send(*(viewed(number) for number in range(start, min(start + each, last))))


def viewed(number: int) -> Event:
    return event("Page", message_id=f"m{number}", time=NOW + number)


def outcomes(processor: Processor) -> dict[tuple[str, str], int]:
    """Of what was delivered since this was last asked."""
    told = {
        (counted["outcome"], counted["reason"]): value for name, value, counted in processor.counted if name == "Events"
    }
    processor.counted.clear()
    return told


def test_the_newest_thousand_events_are_known_whatever_comes_in_between(processor: Processor) -> None:
    visit(processor, 0, 1_200)
    outcomes(processor)
    for number in (200, 700, 1_199):
        processor.send(viewed(number))
        assert outcomes(processor) == {("duplicate", "event"): 1}
    assert processor.profile().events == 1_200


def test_another_content_under_an_id_of_long_ago_is_still_a_conflict(processor: Processor) -> None:
    visit(processor, 0, 300)
    outcomes(processor)
    processor.send(event("Other", message_id="m1", time=NOW))
    assert outcomes(processor) == {("conflict", ""): 1}


def test_a_commit_does_not_grow_with_what_is_remembered(processor: Processor) -> None:
    visit(processor, 0, 1_500)
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert len(item.state) < 1_500
    assert 20 * MAX_LOOSE < sum(map(len, processor.store.pages(item.pages).values())) < 20 * (MAX_SEEN + MAX_LOOSE)


def test_a_page_is_written_once() -> None:
    store = Written()
    visit(processor := Processor(store=store), 0, 1_000)
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert len(store.references) == len(set(store.references))
    assert set(item.pages) <= set(store.references)


def test_an_id_is_forgotten_a_day_after_it_was_received_and_not_before(processor: Processor) -> None:
    visit(processor, 0, 100)
    processor.now = NOW + DAY - 2 * MINUTE
    processor.send(viewed(0))
    assert outcomes(processor)["duplicate", "event"] == 1
    processor.now = NOW + DAY + 2 * MINUTE
    processor.send(event("Page", message_id="later", time=processor.now))
    outcomes(processor)
    processor.send(event("Page", message_id="m0", time=processor.now))
    assert outcomes(processor) == {("applied", "track"): 1}
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert item.pages == ()


def test_who_turn_out_to_be_one_remember_what_each_has_met(processor: Processor) -> None:
    for device in ("phone", "laptop"):
        for number in range(100):
            named = identifiers(anonymous_id=device)
            processor.send(event("Page", message_id=f"{device}-{number}", time=NOW + number, identifiers=named))
    processor.send(
        event("Page", message_id="login", time=NOW, identifiers=identifiers(anonymous_id="phone", user_id="u"))
    )
    both = identifiers(anonymous_id="laptop", user_id="u")
    processor.send(event("Page", message_id="again", time=NOW, identifiers=both))
    outcomes(processor)
    for device in ("phone", "laptop"):
        processor.send(
            event("Page", message_id=f"{device}-3", time=NOW + 3, identifiers=identifiers(anonymous_id=device))
        )
        assert outcomes(processor) == {("duplicate", "event"): 1}
    assert processor.profile("user_id", "u").events == 202


def test_pages_that_have_expired_in_the_table_are_forgotten() -> None:
    """Time to live may take them before the item that names them is written again."""

    class Expired(MemoryProfiles):
        def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
            return {}

    processor = Processor(store=Expired())
    visit(processor, 0, 100)
    processor.now = NOW + 2 * DAY
    processor.send(event("Page", message_id="later", time=processor.now))
    assert processor.profile().events == 101


def test_what_waited_for_a_day_is_remembered_for_a_day_from_then_on(processor: Processor) -> None:
    """A failed batch that is replayed, and replayed again, because the first time ended before it was noted down."""
    processor.send(event("Page", message_id="first", time=NOW))
    processor.now = NOW + 25 * HOUR
    for _ in range(2):
        processor.send(event("Page", message_id="late", time=NOW), received_at=NOW)
        processor.now += 23 * HOUR
    assert processor.profile().events == 2


class Dying(MemoryProfiles):
    """Refuses one commit: the one after so many."""

    def __init__(self, commits: int) -> None:
        super().__init__()
        self._left = commits

    def commit(self, commit: Commit) -> None:
        self._left -= 1
        if self._left == -1:
            raise ConnectionError
        super().commit(commit)


@pytest.mark.parametrize("died_after", range(6))
def test_the_largest_request_of_one_visitor_counts_once_wherever_its_records_are_cut_off(died_after: int) -> None:
    """Records that must be folded in parts, for they name too many carts for one transaction."""
    processor = Processor(store=Dying(died_after))
    named = [
        identifiers(anonymous_id="visitor", **({"cart_token": f"t{n}"} if n % 5 == 0 else {})) for n in range(2_500)
    ]
    did = [event("Page", message_id=f"m{n}", time=NOW + n, identifiers=them) for n, them in enumerate(named)]
    entries = stream_entries(Pseudonyms(), record(received_at=NOW), did)
    assert max(len(decode_record(data).events) for _, data in entries) <= MAX_SEEN / 2
    batch = [StreamRecord(key, str(10**55 + n), data) for n, (key, data) in enumerate(entries)]
    failed = processor.process(batch)
    assert failed
    again = [one for one in batch if one.sequence >= failed[0]]
    assert processor.process(again) == []
    assert processor.profile().events == len(did)


def test_a_record_whose_last_event_is_put_aside_is_known_by_its_position(processor: Processor) -> None:
    """Its ids may be forgotten by then, for somebody who does much under another name."""
    did = [event("Page", message_id=f"m{n}", time=NOW + n) for n in range(50)]
    bad = event("Page", message_id="bad", time=NOW + 60, fingerprint="not hexadecimal")
    delivered = processor.send(*did, bad)
    assert [kept.reason for kept in processor.quarantine.all()] == ["unprocessable"]
    login = identifiers(user_id="u", anonymous_id="visitor")
    processor.send(event("Page", message_id="login", time=NOW + 70, identifiers=login))
    for start in range(0, 1_200, 300):
        named = [event("Page", message_id=f"u{start + n}", time=NOW + 100 + n, identifiers=login) for n in range(300)]
        processor.send(*named)
    events = processor.profile().events
    assert processor.process(delivered) == []
    assert processor.profile().events == events == 50 + 1 + 1_200


def test_a_position_that_cannot_be_written_ends_in_a_report_and_not_in_a_loop() -> None:
    """The end of a split record is put aside, and then the store takes nothing of this person any more."""

    class Full(Dying):
        def commit(self, commit: Commit) -> None:
            if self._left == 0:
                raise UnstorableError
            super().commit(commit)

    processor = Processor(store=Full(1))
    did = [event("Page", message_id=f"m{n}", time=NOW + n) for n in range(2)]
    processor.send(did[0], event("Page", message_id="bad", time=NOW + 60, fingerprint="not hexadecimal"))
    assert [kept.reason for kept in processor.quarantine.all()] == ["unprocessable"]
    assert processor.profile().events == 1


def test_nobody_can_test_a_guess_by_what_an_event_is_known_by_and_a_retry_has_the_same() -> None:
    bare = event("", type="identify", identifiers=identifiers(email="ada@example.com"), message_id="")
    said = with_message_id(fingerprinted(bare, None), "shop")
    sent = []
    for received_at in (NOW, NOW + HOUR):
        request = record(said, received_at=received_at)
        [(_, data)] = intake_entries(Pseudonyms(), request, (), [said])
        [arrived] = decode_record(data).events
        sent.append((arrived.message_id, arrived.fingerprint))
    assert sent[0] == sent[1]
    assert {said.message_id, said.fingerprint}.isdisjoint(sent[0])
    assert len(sent[0][1]) == len(said.fingerprint)
