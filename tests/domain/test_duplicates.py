"""What a profile knows of messages and positions: how long, how many, and what it makes of them."""

from __future__ import annotations

import pytest

from attune.domain.events import short_hash
from attune.domain.profiles import memory
from attune.domain.profiles.duplicates import (
    Familiarity,
    advance_cursor,
    event_hash,
    expires_at,
    familiarity,
    forget_old,
    is_behind,
    knows_record,
    position,
    record_hash,
    remember,
    remember_record,
)
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import FINGERPRINT, Profile
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, event, record

CONTENT, OTHER = b"content1", b"content2"
THOUSAND = 1_000


def order(number: int) -> bytes:
    return short_hash(f"message {number}")


def told(count: int, *, every: int = SECOND, batch: int = 10) -> Profile:
    """Somebody who sent so many events, one after the other, folded batch by batch."""
    profile = Profile(profile_id="p")
    for number in range(count):
        remember(profile, order(number), CONTENT, NOW + number * every)
        if (number + 1) % batch == 0:
            forget_old(profile, NOW + number * every)
    return profile


def known(profile: Profile, number: int, content: bytes = CONTENT) -> Familiarity:
    return familiarity([profile], order(number), content)


# -------------------------------------------------------------------------------------------------- message ids


def test_an_id_is_new_then_a_duplicate_and_with_other_content_a_conflict() -> None:
    profile = told(3)
    assert known(profile, 7) is Familiarity.NEW
    assert known(profile, 1) is Familiarity.DUPLICATE
    assert known(profile, 1, OTHER) is Familiarity.CONFLICT


def test_what_any_of_those_whom_an_event_touches_has_met_is_no_news() -> None:
    stranger, met = Profile(profile_id="q"), told(1)
    assert familiarity([stranger, met], order(0), CONTENT) is Familiarity.DUPLICATE
    remember(stranger, order(0), OTHER, NOW)
    for people in ([stranger, met], [met, stranger]):
        assert familiarity(people, order(0), CONTENT) is Familiarity.DUPLICATE
        assert familiarity(people, order(0), OTHER) is Familiarity.DUPLICATE
        assert familiarity(people, order(0), b"content3") is Familiarity.CONFLICT


@pytest.mark.parametrize("received_at", [NOW, NOW + 1, NOW + 999])
@pytest.mark.parametrize("count", [1, 100])
def test_an_id_is_remembered_for_a_day_after_its_receipt(received_at: int, count: int) -> None:
    """Whether it lies in the profile's own item or, with the others, in a page."""
    profile = Profile(profile_id="p")
    for number in range(count):
        remember(profile, order(number), CONTENT, received_at)
    for later, familiar in ((DAY - 1, Familiarity.DUPLICATE), (DAY + SECOND, Familiarity.NEW)):
        forget_old(profile, received_at + later)
        assert {known(profile, number) for number in range(count)} == {familiar}


def test_a_thousand_ids_are_remembered_and_not_many_more() -> None:
    profile = told(4 * THOUSAND, batch=40)
    remembered = [number for number in range(4 * THOUSAND) if known(profile, number) is Familiarity.DUPLICATE]
    assert remembered == list(range(4 * THOUSAND - len(remembered), 4 * THOUSAND))
    assert THOUSAND <= len(remembered) < 1.1 * THOUSAND


def test_of_a_full_batch_of_one_person_the_newest_thousand_are_remembered() -> None:
    profile = told(THOUSAND + 5, batch=THOUSAND + 5)
    forgotten = [number for number in range(THOUSAND + 5) if known(profile, number) is Familiarity.NEW]
    assert forgotten == list(range(5))


def test_few_ids_lie_with_the_profile_and_many_in_pages_that_do_not_change() -> None:
    profile = told(20)
    assert not profile.pages
    profile = told(40)
    [(reference, page)] = profile.pages.items()
    for number in range(40, 60):
        remember(profile, order(number), CONTENT, NOW + number * SECOND)
    forget_old(profile, NOW + HOUR)
    assert profile.pages == {reference: page}
    assert memory.reference(page) == reference != memory.reference(page[::-1])
    assert {known(profile, number) for number in range(60)} == {Familiarity.DUPLICATE}


def test_a_page_lasts_as_long_as_its_newest_id_and_is_kept_a_little_longer() -> None:
    """Seconds, as a table's expiry wants them. A page of ids that come over a day goes when the last is old."""
    profile = told(40, every=30 * MINUTE, batch=40)
    [page] = profile.pages.values()
    newest = NOW + 39 * 30 * MINUTE
    assert (newest + DAY) // SECOND <= expires_at(page) <= (newest + DAY + 2 * HOUR) // SECOND
    forget_old(profile, newest + DAY - 1)
    assert known(profile, 0) is Familiarity.DUPLICATE
    forget_old(profile, newest + DAY)
    assert not profile.pages


# ------------------------------------------------------------------------------------------------------ webhooks

WEEK = 7 * DAY


@pytest.mark.parametrize("count", [1, 100])
def test_a_webhook_is_remembered_for_a_week(count: int) -> None:
    """Whether its id lies in the profile's own item or, with the others, in a page."""
    profile = Profile(profile_id="p")
    for number in range(count):
        remember(profile, order(number), CONTENT, NOW, longer=True)
    for later, familiar in ((WEEK - 1, Familiarity.DUPLICATE), (WEEK + SECOND, Familiarity.NEW)):
        forget_old(profile, NOW + later)
        assert {known(profile, number) for number in range(count)} == {familiar}
        assert bool(profile.pages) == (count == 100 and familiar is Familiarity.DUPLICATE)


def test_other_content_under_a_webhooks_id_is_a_conflict_for_as_long() -> None:
    profile = Profile(profile_id="p")
    for number in range(40):
        remember(profile, order(number), CONTENT, NOW, longer=True)
    forget_old(profile, NOW + WEEK - 1)
    assert known(profile, 7, OTHER) is Familiarity.CONFLICT


def test_what_a_browser_sends_neither_pushes_webhooks_out_nor_lasts_as_long() -> None:
    profile = Profile(profile_id="p")
    for number in range(100):
        remember(profile, order(number), CONTENT, NOW, longer=True)
        forget_old(profile, NOW)
    for number in range(1_000, 1_000 + 2 * THOUSAND):
        remember(profile, order(number), CONTENT, NOW + HOUR)
        if number % 10 == 0:
            forget_old(profile, NOW + HOUR)
    assert {known(profile, number) for number in range(100)} == {Familiarity.DUPLICATE}
    forget_old(profile, NOW + 2 * DAY)
    assert {known(profile, number) for number in range(100)} == {Familiarity.DUPLICATE}
    assert {known(profile, number) for number in range(1_000, 3_000)} == {Familiarity.NEW}


def test_the_newest_thousand_webhooks_are_remembered_and_push_out_nothing_else() -> None:
    profile = told(50)
    for number in range(THOUSAND, 5 * THOUSAND):
        remember(profile, order(number), CONTENT, NOW + number * SECOND, longer=True)
        if number % 10 == 0:
            forget_old(profile, NOW + number * SECOND)
    kept = [number for number in range(THOUSAND, 5 * THOUSAND) if known(profile, number) is Familiarity.DUPLICATE]
    assert kept == list(range(5 * THOUSAND - len(kept), 5 * THOUSAND))
    assert THOUSAND <= len(kept) < 1.1 * THOUSAND
    assert {known(profile, number) for number in range(50)} == {Familiarity.DUPLICATE}


def test_a_page_of_webhooks_expires_a_week_after_its_newest() -> None:
    profile = Profile(profile_id="p")
    for number in range(40):
        remember(profile, order(number), CONTENT, NOW + number * HOUR, longer=True)
    forget_old(profile, NOW + 40 * HOUR)
    [page] = profile.pages.values()
    newest = NOW + 39 * HOUR
    assert (newest + WEEK) // SECOND <= expires_at(page) <= (newest + WEEK + 2 * HOUR) // SECOND


def test_two_who_turn_out_to_be_one_know_the_webhooks_of_either() -> None:
    one, other = told(60), Profile(profile_id="q")
    for number in range(60, 200):
        remember(one if number % 2 else other, order(number), CONTENT, NOW + number, longer=True)
        if number == 180:
            forget_old(other, NOW + MINUTE)
            forget_old(one, NOW + MINUTE)
    assert other.pages
    assert other.webhooks
    merge_profiles(one, other, {})
    forget_old(one, NOW + MINUTE)
    assert {known(one, number) for number in range(200)} == {Familiarity.DUPLICATE}


# ------------------------------------------------------------------------------------------------- message ids, merged


def test_two_who_turn_out_to_be_one_know_what_either_knew() -> None:
    one, other = told(60), Profile(profile_id="q")
    for number in range(60, 140):
        remember(other, order(number), CONTENT, NOW + number)
        if number == 120:
            forget_old(other, NOW + MINUTE)
    assert other.pages
    assert other.seen
    merge_profiles(one, other, {})
    assert {known(one, number) for number in range(140)} == {Familiarity.DUPLICATE}


def test_a_merge_forgets_first_what_was_received_first_by_either() -> None:
    sides = [b"", b""]
    for number in range(30):
        sides[number % 2] = memory.remember(sides[number % 2], order(number), CONTENT, NOW + number * SECOND)
    for one, other in (sides, sides[::-1]):
        left = memory.forget(memory.unite(one, other, FINGERPRINT), 0, 10, FINGERPRINT)
        assert [n for n in range(30) if memory.recall(left, order(n), FINGERPRINT)] == list(range(20, 30))


@pytest.mark.parametrize(("first", "then"), [(CONTENT, OTHER), (OTHER, CONTENT)])
def test_of_two_contents_of_an_id_that_two_met_the_one_received_later_is_remembered(first: bytes, then: bytes) -> None:
    sides = memory.remember(b"", order(1), first, NOW), memory.remember(b"", order(1), then, NOW + SECOND)
    for one, other in (sides, sides[::-1]):
        assert memory.recall(memory.unite(one, other, FINGERPRINT), order(1), FINGERPRINT) == then


def test_pages_of_two_come_oldest_first_whoever_absorbs_whom() -> None:
    pages = [memory.remember(b"", order(number), CONTENT, NOW + number * SECOND) for number in range(12)]
    named = [{memory.reference(page): page for page in pages[start::2]} for start in (0, 1)]
    for one, other in (named, named[::-1]):
        assert list(memory.unite_pages(one, other, FINGERPRINT).values()) == pages
    assert {len(reference) for reference in named[0]} == {memory.REFERENCE}


def test_a_page_whose_newest_id_is_not_its_last_lasts_as_long_as_that() -> None:
    """What a device kept for hours may be received before, and be folded after, what came on another shard."""
    profile = Profile(profile_id="p")
    remember(profile, order(0), CONTENT, NOW + HOUR)
    for number in range(1, 40):
        remember(profile, order(number), CONTENT, NOW)
    forget_old(profile, NOW + HOUR)
    forget_old(profile, NOW + HOUR + DAY - 1)
    assert known(profile, 0) is Familiarity.DUPLICATE
    forget_old(profile, NOW + HOUR + DAY)
    assert known(profile, 0) is Familiarity.NEW


@pytest.mark.parametrize("at", range(1, 13))
def test_the_bytes_of_an_id_may_by_chance_lie_in_other_entries_too(at: int) -> None:
    """In the middle of one, or over the end of one and right before the entry that is meant."""
    wanted = b"\x01" * 8
    other = b"\x02" * at + wanted + b"\x02" * 12
    first = other[:16] + b"\x02\x01\x01\x01"
    assert memory.recall(first, wanted, FINGERPRINT) is None
    both = memory.remember(first, wanted, CONTENT, NOW)
    assert memory.recall(both, wanted, FINGERPRINT) == CONTENT


def test_ids_of_two_sources_are_two() -> None:
    one = event(message_id="m")
    assert event_hash("shop", one) != event_hash("app", one)
    assert event_hash("shop", one) != event_hash("shop", event(message_id="n"))


# ----------------------------------------------------------------------------------------------- whole requests


def test_a_request_that_is_sent_again_is_known_whenever_it_is_received() -> None:
    events = (event(message_id="a"), event(message_id="b"))
    first, again = record(*events, received_at=NOW), record(*events, received_at=NOW + MINUTE)
    assert record_hash(first) == record_hash(again)
    for another in (
        record(*events, source="app"),
        record(events[0]),
        record(*reversed(events)),
        record(events[0], event(message_id="b", fingerprint="another")),
        record(events[0], event(message_id="c", fingerprint=events[1].fingerprint)),
    ):
        assert record_hash(another) != record_hash(first)


def test_a_request_is_remembered_for_a_day_whatever_else_is_sent() -> None:
    profile = Profile(profile_id="p")
    whole = short_hash("request")
    assert not knows_record(profile, whole)
    remember_record(profile, whole, NOW)
    for number in range(3 * THOUSAND):
        remember(profile, order(number), CONTENT, NOW)
    forget_old(profile, NOW + DAY - 1)
    assert knows_record(profile, whole)
    forget_old(profile, NOW + DAY)
    assert not knows_record(profile, whole)


def test_the_newest_fifty_requests_are_remembered() -> None:
    profile = Profile(profile_id="p")
    for number in range(70):
        remember_record(profile, order(number), NOW + number)
    forget_old(profile, NOW + MINUTE)
    assert [number for number in range(70) if knows_record(profile, order(number))] == list(range(20, 70))


# ---------------------------------------------------------------------------------------------------- positions


def test_a_record_lies_behind_from_its_own_position_on() -> None:
    profile = Profile(profile_id="p")
    assert not is_behind(profile, "key", position(1, "5", NOW))
    advance_cursor(profile, "key", position(1, "5", NOW))
    assert is_behind(profile, "key", position(1, "4", NOW))
    assert is_behind(profile, "key", position(1, "5", NOW))
    assert not is_behind(profile, "key", position(1, "6", NOW))
    assert not is_behind(profile, "another", position(1, "4", NOW))


def test_a_position_never_goes_back() -> None:
    profile = Profile(profile_id="p")
    for sequence in ("9", "10", "5"):
        advance_cursor(profile, "key", position(1, sequence, NOW))
    assert is_behind(profile, "key", position(1, "10", NOW))


def test_sequence_numbers_are_numbers_however_long() -> None:
    """Kinesis gives up to 56 digits, of any length: as text 9 would lie after 10."""
    profile = Profile(profile_id="p")
    advance_cursor(profile, "key", position(1, "9" * 55, NOW))
    assert not is_behind(profile, "key", position(1, "1" + "0" * 55, NOW))
    assert is_behind(profile, "key", position(1, "9" * 54, NOW))


def test_a_stream_that_is_made_anew_begins_anew() -> None:
    profile = Profile(profile_id="p")
    advance_cursor(profile, "key", position(1, "500", NOW))
    assert not is_behind(profile, "key", position(2, "1", NOW))
    advance_cursor(profile, "key", position(2, "1", NOW))
    assert is_behind(profile, "key", position(1, "900", NOW))


def test_a_position_is_kept_for_as_long_as_the_stream_may_deliver_again() -> None:
    """A stream keeps records for up to a week."""
    profile = Profile(profile_id="p")
    advance_cursor(profile, "key", position(1, "5", NOW))
    forget_old(profile, NOW + 8 * DAY - 1)
    assert is_behind(profile, "key", position(1, "5", NOW))
    forget_old(profile, NOW + 8 * DAY)
    assert not profile.cursors
