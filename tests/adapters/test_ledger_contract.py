"""The ledger's ports: records by day and by person, chains, the head of the digests."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.privacy.access_records import AccessRecord, Head, day_of, entry_of, slot_of
from attune.ports import ConflictError
from attune.ports.ledger import Found, Ledger
from tests.adapters.cloud import Cloud
from tests.adapters.ledgers import LedgerDesk, chained
from tests.builders import DAY, HOUR, NOW, key_of, profile_id

ANN, BEN = key_of("email", "ann@example.com"), key_of("user_id", "ben")


@pytest.fixture
def desk(backend: Cloud | None) -> LedgerDesk:
    return LedgerDesk(backend)


@pytest.fixture
def ledger(desk: LedgerDesk) -> Ledger:
    kept: Ledger = desk.room.ledger
    return kept


def access(number: int, **overrides: Any) -> AccessRecord:
    fields: dict[str, Any] = {
        "at": NOW + number,
        "record_id": f"{number:02x}" + "0" * 14,
        "who": "server key abc",
        "route": "GET /v1/profiles/{profile}",
        "subject": ANN,
    }
    return AccessRecord(**(fields | overrides))


def test_a_day_is_read_in_order_whatever_slot_each_lies_in(ledger: Ledger) -> None:
    kept = [access(number, reason="support_case:4711" if number % 2 else "") for number in range(20)]
    for one in reversed(kept):
        ledger.keep([one])
    ledger.keep([access(1, at=NOW + DAY), access(2, at=NOW - DAY)])
    assert len({slot_of(one) for one in kept}) > 1
    assert list(ledger.of_day(day_of(NOW))) == [Found(entry_of(one), slot_of(one), one) for one in kept]
    assert list(ledger.of_day("2020-02-29")) == []


def test_many_are_kept_at_once_and_none_is_nothing(ledger: Ledger) -> None:
    kept = [access(number % 250, at=NOW + number, subject=key_of("user_id", str(number))) for number in range(250)]
    ledger.keep(kept)
    ledger.keep([])
    assert [found.record for found in ledger.of_day(day_of(NOW))] == kept


def test_what_is_kept_twice_is_there_once(ledger: Ledger) -> None:
    ledger.keep([access(1)])
    ledger.keep([access(1)])
    assert [found.record for found in ledger.of_day(day_of(NOW))] == [access(1)]


def test_the_records_of_a_person_are_found_over_all_days(ledger: Ledger) -> None:
    kept = [access(number, at=NOW + number * 10 * HOUR) for number in range(6)]
    ledger.keep([*kept, access(7, subject=BEN), access(8, subject="privacy requests")])
    assert ledger.of_subjects([ANN]) == kept
    assert ledger.of_subjects([ANN, BEN, ANN]) == sorted([*kept, access(7, subject=BEN)], key=entry_of)
    assert ledger.of_subjects([]) == ledger.of_subjects([key_of("user_id", "nobody")]) == []


def test_a_record_at_a_place_that_nobody_seals_is_none_of_a_person(desk: LedgerDesk, ledger: Ledger) -> None:
    ledger.keep([access(1)])
    place = f"access#{day_of(NOW)}#{slot_of(access(1))}", entry_of(access(1))
    desk.room.copy(*place, "access#2025-06-15#99", place[1])
    assert ledger.of_subjects([ANN]) == [access(1)]


def test_a_chain_is_read_in_its_order(desk: LedgerDesk, ledger: Ledger) -> None:
    ann = desk.live(1, 12)
    desk.live(2, 1)
    assert ledger.chain(ann) == chained(ann, 12)
    assert ledger.chain(profile_id(9)) == []


def test_the_head_moves_on_from_what_was_read(ledger: Ledger) -> None:
    first = Head(first="2025-06-15", day="2025-06-15", digest="ab" * 32)
    second = Head(first="2025-06-15", day="2025-06-16", digest="cd" * 32)
    other = Head(first="2025-06-15", day="2025-06-16", digest="ef" * 32)
    assert ledger.head() is None
    ledger.set_head(first, None)
    ledger.set_head(first, None)  # as the SDK repeats it
    ledger.set_head(second, first)
    ledger.set_head(second, first)
    for read in (None, first, other):
        with pytest.raises(ConflictError):
            ledger.set_head(other, read)
    assert ledger.head() == second


def test_every_partition_is_told_of(desk: LedgerDesk, ledger: Ledger) -> None:
    people = {desk.live(number, number) for number in range(1, 5)}
    ledger.keep([access(3)])
    told, place = ledger.some_partitions("")
    while place:
        more, place = ledger.some_partitions(place)
        told |= more
    assert told - {"digest#access"} == people | {f"access#{day_of(NOW)}#{slot_of(access(3))}"}
