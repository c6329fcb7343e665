"""The days of access records are sealed one after the other, once each, whatever becomes of a run."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.privacy.access_records import Head, day_of, decode_digest, digest_key, list_key
from attune.use_cases.privacy.digest_access import SETTLED, BrokenDigestsError, DigestAccess
from tests.adapters.ledgers import CALLER, LedgerDesk
from tests.builders import DAY, HOUR, NOW, profile_id

#: midnight behind `NOW`
MIDNIGHT = NOW - NOW % DAY + DAY
TODAY, TOMORROW = day_of(NOW), day_of(NOW + DAY)


@pytest.fixture
def desk() -> LedgerDesk:
    return LedgerDesk(None)


def access(desk: LedgerDesk, people: int = 1) -> None:
    desk.record(CALLER, [profile_id(number) for number in range(people)])


def test_a_day_is_sealed_when_nobody_writes_records_of_it_any_more(desk: LedgerDesk) -> None:
    access(desk, 3)
    desk.now = MIDNIGHT + SETTLED - 1
    assert desk.seal() == [day_of(NOW - DAY)]  # the first is the last that is over
    desk.now += 1
    assert desk.seal() == [TODAY]
    assert desk.seal() == []
    seal = decode_digest(desk.room.documents.get(digest_key(TODAY)))
    assert seal is not None
    assert seal.count == 3
    assert desk.room.documents.get(list_key(TODAY)).count(b"\n") == 3


def test_days_that_were_missed_are_sealed_in_order_also_empty_ones(desk: LedgerDesk) -> None:
    access(desk)
    desk.now += 3 * DAY
    access(desk)
    desk.now += 2 * DAY
    days = [day_of(NOW + number * DAY) for number in range(5)]
    assert desk.seal() == days
    seals = [decode_digest(desk.room.documents.get(digest_key(day))) for day in days]
    assert [seal.count for seal in seals if seal] == [1, 0, 0, 1, 0]
    assert [seal.previous for seal in seals if seal] == ["", *(seal.digest for seal in seals[:-1] if seal)]
    assert desk.findings() == []


def test_a_run_without_time_leaves_the_rest_to_the_next(desk: LedgerDesk) -> None:
    access(desk)
    desk.now += 4 * DAY
    left = iter([True, True, False])
    assert len(desk.seal(lambda: next(left))) == 2
    assert len(desk.seal()) == 2
    assert desk.findings() == []


@pytest.mark.parametrize("failing", ["put", "set_head"])
@pytest.mark.parametrize("calls", [1, 2, 3, 4])
@pytest.mark.parametrize("is_applied", [False, True])
def test_a_run_that_dies_anywhere_is_made_up_for(desk: LedgerDesk, failing: str, calls: int, is_applied: bool) -> None:
    access(desk, 2)
    desk.now += DAY
    access(desk, 2)
    desk.now += 2 * DAY
    room = desk.room
    store = room.documents if failing == "put" else room.ledger
    made = iter(range(1, 100))

    class Dying:
        def __getattr__(self, name: str) -> Any:
            method = getattr(store, name)
            if name != failing:
                return method

            def call(*arguments: Any) -> Any:
                dies = next(made) == calls
                answer = method(*arguments) if is_applied or not dies else None
                if dies:
                    raise TimeoutError
                return answer

            return call

    ledger, documents = (room.ledger, Dying()) if failing == "put" else (Dying(), room.documents)
    dying = DigestAccess(ledger=ledger, documents=documents, clock=lambda: desk.now)
    try:
        dying()
    except TimeoutError:
        assert [one for one in desk.findings() if one[0] != "missing"] == []
    desk.seal()
    assert desk.findings() == []


def test_two_runs_at_once_seal_the_same(desk: LedgerDesk) -> None:
    access(desk, 2)
    desk.now += 2 * DAY
    other = DigestAccess(ledger=desk.room.ledger, documents=desk.room.documents, clock=lambda: desk.now)
    ran: list[list[str]] = []

    def meanwhile() -> bool:
        if not ran:
            ran.append([])
            ran[0] = other()
        return True

    with pytest.raises(Exception, match=r"^$"):  # the later one finds that the head has moved on
        desk.seal(meanwhile)
    assert ran == [[TODAY, TOMORROW]]
    assert desk.findings() == []


def test_a_sealed_day_is_never_sealed_otherwise(desk: LedgerDesk) -> None:
    """Of a first run that died before it wrote the head: what has changed since is no longer what it sealed."""
    access(desk)
    desk.now += DAY
    desk.seal()
    desk.room.remove_head()
    now, desk.now = desk.now, NOW + HOUR
    access(desk)
    desk.now = now
    with pytest.raises(BrokenDigestsError):
        desk.seal()


@pytest.mark.parametrize("head", [{"day": "never"}, {"digest": "ab" * 32}, {"day": "2031-01-01"}])
def test_over_a_head_that_was_changed_nothing_goes_on(desk: LedgerDesk, head: dict[str, str]) -> None:
    access(desk)
    desk.now += DAY
    desk.seal()
    desk.room.change_head(**head)
    desk.now += DAY
    with pytest.raises(BrokenDigestsError):
        desk.seal()


def test_who_sealed_nothing_yet_begins_with_the_first_day_there_is(desk: LedgerDesk) -> None:
    access(desk)
    desk.now += 40 * DAY
    assert desk.seal()[0] == TODAY
    assert desk.room.ledger.head() == Head(
        first=TODAY, day=day_of(desk.now - DAY), digest=desk.answer()["newest"]["digest"]
    )
