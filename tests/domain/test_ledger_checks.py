"""A ledger that was tampered with is found out, and the record is named, in whichever way it was done."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.domain.privacy.access_records import (
    AccessRecord,
    DayDigest,
    Head,
    day_after,
    day_of,
    digest_of_day,
    entry_of,
    line_of,
    partition_of,
    read_partition,
    seal_day,
    slot_of,
)
from attune.domain.privacy.ledger_checks import check_chain, check_day, check_digests
from attune.domain.profiles.consent import NO_EVIDENCE, Consent, Evidence, LedgerEntry, chain, digest_of
from tests.builders import DAY, NOW, profile_id

ANN = profile_id(1)
#: of a chain of five
LENGTH = 5


def entries(length: int = LENGTH, profile: str = ANN) -> list[LedgerEntry]:
    """Grants and withdrawals in turn."""
    made: list[LedgerEntry] = []
    head = b""
    for number in range(1, length + 1):
        said = Consent(number % 2 == 1, NOW + number, "shop")
        evidence = Evidence(method="banner", notice="1") if number % 2 == 0 else NO_EVIDENCE
        made.append(chain(profile, number, "email", said, recorded_at=NOW + number, previous=head, evidence=evidence))
        head = bytes.fromhex(made[-1].digest)
    return made


def found(tampered: list[LedgerEntry], length: int = LENGTH, head: str | None = None) -> list[tuple[str, str]]:
    anchor = entries()[-1].digest if head is None else head
    assert all(one.where == f"consent of {ANN}" for one in check_chain(ANN, tampered, length, anchor))
    return [(one.what, one.entry) for one in check_chain(ANN, tampered, length, anchor)]


def forged(entry: LedgerEntry, number: int, **changes: Any) -> LedgerEntry:
    """As somebody who knows how digests are made changes an entry."""
    changed = msgspec.structs.replace(entry, **changes)
    return msgspec.structs.replace(changed, digest=digest_of(changed, number))


@pytest.mark.parametrize("length", [0, 1, 2, LENGTH])
def test_a_chain_as_it_was_written_is_right(length: int) -> None:
    made = entries(length)
    assert check_chain(ANN, made, length, made[-1].digest if made else "") == []


@pytest.mark.parametrize("number", range(1, LENGTH + 1))
@pytest.mark.parametrize(
    "change",
    [
        {"granted": True, "purpose": "sms"},
        {"form": 1, "method": "", "notice": "", "source": "crm"},
        {"purpose": "sms"},
        {"effective_at": NOW - DAY},
        {"recorded_at": NOW - DAY},
        {"source": "crm"},
        {"previous": "no hex digits"},
        {"previous": "ab" * 32},
        {"digest": "cd" * 32},
        {"digest": ""},
        {"profile_id": profile_id(2)},
        {"method": "form"},
        {"notice": "2"},
        {"message": "ab" * 8},
        {"expires_at": NOW},
    ],
)
def test_a_changed_entry_is_named(number: int, change: dict[str, Any]) -> None:
    tampered = entries()
    tampered[number - 1] = msgspec.structs.replace(tampered[number - 1], **change)
    assert found(tampered) == [("changed", f"consent#{number:08d}")]


@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_an_entry_that_was_forged_with_its_digest_is_named(number: int) -> None:
    tampered = entries()
    tampered[number - 1] = forged(tampered[number - 1], number, source="crm")
    assert found(tampered) == [("changed", f"consent#{number:08d}")]


@pytest.mark.parametrize("number", range(1, LENGTH + 1))
def test_a_chain_that_was_forged_from_an_entry_on_does_not_lead_to_its_head(number: int) -> None:
    tampered = entries()[: number - 1]
    head = tampered[-1].digest if tampered else ""
    for later in range(number, LENGTH + 1):
        said = Consent(True, NOW, "crm")
        tampered.append(chain(ANN, later, "email", said, recorded_at=NOW, previous=bytes.fromhex(head)))
        head = tampered[-1].digest
    assert found(tampered) == [("changed", f"consent#{LENGTH:08d}")]


@pytest.mark.parametrize("number", range(1, LENGTH))
def test_a_removed_entry_is_named(number: int) -> None:
    tampered = entries()
    del tampered[number - 1]
    assert found(tampered) == [("removed", f"consent#{number:08d}")]


@pytest.mark.parametrize("number", range(1, LENGTH))
def test_who_removes_an_entry_and_moves_the_others_up_is_found_out(number: int) -> None:
    tampered = entries()
    del tampered[number - 1]
    moved = [msgspec.structs.replace(one, entry=f"consent#{at:08d}") for at, one in enumerate(tampered, 1)]
    what = found(moved)
    assert what[-1] == ("cut_off", f"consent#{LENGTH:08d}")
    assert what[:-1] == [("reordered", f"consent#{at:08d}") for at in range(number, LENGTH)]


@pytest.mark.parametrize("left", range(LENGTH))
def test_a_chain_that_was_cut_off_says_where(left: int) -> None:
    assert found(entries()[:left]) == [("cut_off", f"consent#{left + 1:08d}")]


def test_a_tail_that_was_cut_off_is_found_however_well_the_rest_fits() -> None:
    """The head is what the newest must be, so an older one of the same chain does not do."""
    assert found(entries()[:3], length=3) == [("changed", "consent#00000003")]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 4), (1, 5)])
def test_entries_in_another_order_are_named(one: int, other: int) -> None:
    tampered = entries()
    first, second = tampered[one - 1], tampered[other - 1]
    tampered[one - 1] = msgspec.structs.replace(second, entry=first.entry)
    tampered[other - 1] = msgspec.structs.replace(first, entry=second.entry)
    assert found(tampered) == [("reordered", f"consent#{number:08d}") for number in (one, other)]


def test_what_was_inserted_is_named() -> None:
    made = entries()
    behind = chain(ANN, LENGTH + 1, "sms", Consent(True, NOW, "crm"), recorded_at=NOW, previous=b"")
    assert found([*made, behind]) == [("inserted", f"consent#{LENGTH + 1:08d}")]
    strange = [msgspec.structs.replace(behind, entry=entry) for entry in ("consent#00000002x", "zzz", "consent#2")]
    for one in strange:
        assert found([*made, one]) == [("inserted", one.entry)]
    assert found([behind], length=0, head="") == [("inserted", f"consent#{LENGTH + 1:08d}")]


def test_an_entry_of_somebody_else_is_no_entry_of_this_chain() -> None:
    tampered = entries()
    tampered[2] = entries(profile=profile_id(2))[2]
    assert found(tampered) == [("changed", "consent#00000003")]


def test_a_length_that_nobody_could_have_written_costs_nothing() -> None:
    assert found(entries(), length=10**15) == [("cut_off", f"consent#{LENGTH + 1:08d}")]


# the days of access records, and their digests


def record(number: int, **changes: Any) -> AccessRecord:
    fields: dict[str, Any] = {
        "at": NOW + number,
        "record_id": f"{number:02x}" * 8,
        "who": "server key abc",
        "route": "GET /v1/profiles/{profile}",
        "subject": profile_id(number),
        "reason": "support_case:4711",
    }
    return AccessRecord(**(fields | changes))


def lines(*records: AccessRecord) -> list[str]:
    return sorted(line_of(entry_of(one), slot_of(one), one) for one in records)


SEALED = tuple(record(number) for number in range(1, 6))


def differences(*now: str) -> list[tuple[str, str]]:
    return [(one.what, one.entry) for one in check_day("2025-06-15", lines(*SEALED), sorted(now))]


def place(one: AccessRecord) -> str:
    return f"{entry_of(one)}#{slot_of(one)}"


def test_a_day_as_it_was_sealed_is_right() -> None:
    assert differences(*lines(*SEALED)) == []


@pytest.mark.parametrize("field", ["who", "route", "subject", "reason"])
def test_a_changed_access_record_is_named(field: str) -> None:
    changed = msgspec.structs.replace(SEALED[2], **{field: "another"})
    rest = lines(*SEALED[:2], *SEALED[3:])
    assert differences(*rest, *lines(changed)) == [("changed", place(SEALED[2]))]


@pytest.mark.parametrize("index", range(len(SEALED)))
def test_a_removed_access_record_is_named_also_the_last(index: int) -> None:
    rest = [one for number, one in enumerate(SEALED) if number != index]
    assert differences(*lines(*rest)) == [("removed", place(SEALED[index]))]


def test_an_inserted_access_record_is_named() -> None:
    strange = record(9)
    assert differences(*lines(*SEALED, strange)) == [("inserted", place(strange))]


def test_records_in_another_order_are_named() -> None:
    one, other = SEALED[0], SEALED[1]
    swapped = [line_of(entry_of(other), slot_of(other), one), line_of(entry_of(one), slot_of(one), other)]
    assert differences(*swapped, *lines(*SEALED[2:])) == [("reordered", place(one)), ("reordered", place(other))]
    moved = line_of(entry_of(record(9)), slot_of(record(9)), one)
    rest = lines(*SEALED[1:])
    assert differences(moved, *rest) == [("reordered", place(one)), ("reordered", place(record(9)))]


def test_a_record_that_lies_there_twice_was_inserted_once() -> None:
    again = line_of(entry_of(record(9)), slot_of(record(9)), SEALED[0])
    assert differences(*lines(*SEALED), again) == [("inserted", place(record(9)))]


def test_a_partition_is_a_day_and_a_slot() -> None:
    assert read_partition(partition_of(record(1))) == day_of(NOW) == "2025-06-15"
    strange = ("", ANN, "access#2025-02-30#1", "access#2025-06-15#8", "access#2025-06-15", "access#20250615#1")
    assert [read_partition(one) for one in strange] == [None] * len(strange)


FIRST = "2025-06-28"


def digests(days: int = LENGTH) -> dict[str, DayDigest]:
    """Of days with as many records as their number says, also over the end of a month."""
    made: dict[str, DayDigest] = {}
    previous = ""
    for number in range(days):
        day = day_after(FIRST, number)
        made[day], _ = seal_day(day, lines(*(record(one) for one in range(number))), previous)
        previous = made[day].digest
    return made


HEAD = Head(first=FIRST, day=day_after(FIRST, LENGTH - 1), digest=digests()[day_after(FIRST, LENGTH - 1)].digest)


def broken(tampered: dict[str, DayDigest | None], head: Head | None = HEAD) -> list[tuple[str, str]]:
    assert {one.where for one in check_digests(tampered, head)} <= {"digests"}
    return [(one.what, one.entry) for one in check_digests(tampered, head)]


def test_digests_as_they_were_written_are_right() -> None:
    assert broken({**digests()}) == []
    assert broken({}, None) == []


@pytest.mark.parametrize("number", range(LENGTH))
@pytest.mark.parametrize("change", [{"count": 99}, {"records": "ab" * 32}, {"previous": "ab" * 32}, {"digest": "ab"}])
@pytest.mark.parametrize("is_forged", [False, True])
def test_a_changed_digest_is_named(number: int, change: dict[str, Any], is_forged: bool) -> None:
    day = day_after(FIRST, number)
    changed = msgspec.structs.replace(digests()[day], **change)
    if is_forged and "digest" not in change:
        changed = msgspec.structs.replace(changed, digest=digest_of_day(changed))
    assert broken({**digests(), day: changed}) == [("changed", day)]
    assert broken({**digests(), day: None}) == [("changed", day)]


@pytest.mark.parametrize("number", range(LENGTH))
def test_a_removed_digest_is_named_and_so_is_where_they_were_cut_off(number: int) -> None:
    day = day_after(FIRST, number)
    rest = {other: seal for other, seal in digests().items() if other != day}
    assert broken({**rest}) == [("removed" if number < LENGTH - 1 else "cut_off", day)]
    left = {other: seal for other, seal in digests().items() if other < day}
    assert broken({**left}) == [("cut_off", day)]


def test_digests_in_another_order_are_named() -> None:
    one, other = FIRST, day_after(FIRST, 2)
    swapped = {**digests(), one: digests()[other], other: digests()[one]}
    assert broken({**swapped}) == [("reordered", one), ("reordered", other)]


def test_a_digest_that_nobody_wrote_is_named() -> None:
    before, long_after = day_after(FIRST, -3), day_after(FIRST, 99)
    strange, _ = seal_day(before, [], "")
    assert broken({**digests(), before: strange}) == [("inserted", before)]
    late, _ = seal_day(long_after, [], HEAD.digest)
    assert broken({**digests(), long_after: late}) == [("inserted", long_after)]


def test_a_writer_that_died_before_it_wrote_the_head_has_broken_nothing() -> None:
    following = day_after(HEAD.day)
    seal, _ = seal_day(following, [], HEAD.digest)
    assert broken({**digests(), following: seal}) == []
    other, _ = seal_day(following, [], "ab" * 32)
    assert broken({**digests(), following: other}) == [("inserted", following)]


def test_a_head_that_is_gone_or_changed_is_noticed() -> None:
    assert broken({**digests()}, None) == [("removed", "head")]
    assert broken({**digests()}, Head(first="", day="", digest="")) == [("changed", "head")]
    assert broken({}) == [("cut_off", FIRST)]
    earlier = day_after(HEAD.day, -1)
    moved_back = msgspec.structs.replace(HEAD, day=earlier, digest="ab" * 32)
    assert ("changed", earlier) in broken({**digests()}, moved_back)


def test_who_begins_the_digests_later_is_found_out() -> None:
    later = day_after(FIRST, 2)
    left = {day: seal for day, seal in digests().items() if day >= later}
    assert broken({**left}, msgspec.structs.replace(HEAD, first=later)) == [("changed", later)]
