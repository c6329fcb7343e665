"""Somebody tampers with a table or a bucket: whichever way, the check finds it, and names the record."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.domain.erasure.receipts import HEAD, Head, Receipt, encode_receipt, receipt_key, sealed
from attune.domain.errors import AttuneError
from attune.domain.privacy.access_records import (
    SLOTS,
    day_after,
    decode_digest,
    digest_key,
    digest_of_day,
    encode_digest,
    list_key,
    partition_of,
    seal_day,
)
from attune.domain.privacy.requests import PrivacyRequest
from attune.domain.profiles.consent import LedgerEntry
from attune.ports.ledger import Found
from attune.use_cases.erasure.read_receipts import PAGE
from attune.use_cases.privacy.digest_access import BrokenDigestsError
from tests.adapters.cloud import Cloud
from tests.adapters.conftest import MEMORY, MOTO
from tests.adapters.ledgers import CALLER, Contents, LedgerDesk
from tests.builders import DAY, HOUR, NOW, profile_id
from tests.domain.test_receipts import receipt

FIRST, SECOND, THIRD = "2025-06-15", "2025-06-16", "2025-06-17"
ENTRY = "consent#{:08d}".format


@pytest.fixture(params=[MEMORY, MOTO])
def backend(request: pytest.FixtureRequest) -> Cloud | None:
    """The local cloud is tampered with by tests/journeys/test_ledger.py."""
    return None if request.param == MEMORY else request.getfixturevalue("moto_cloud")


@pytest.fixture(scope="module")
def furnished() -> dict[Cloud, tuple[Contents, int]]:
    """What a desk's room holds and what time it is there, once one has been put up on a cloud."""
    return {}


@pytest.fixture
def desk(backend: Cloud | None, furnished: dict[Cloud, tuple[Contents, int]]) -> LedgerDesk:
    """Three people and two tombstones, whom somebody looked at on three days."""
    desk = LedgerDesk(backend)
    if backend in furnished:
        contents, desk.now = furnished[backend]
        desk.room.furnish(contents)
        return desk
    desk.live(1, 5)
    desk.live(2, 1)
    desk.live(3, 0)
    desk.tombstone(4, 4, merged_into=profile_id(1))
    desk.tombstone(5, 3, erased_at=NOW)
    assert desk.use() == [FIRST, SECOND, THIRD]
    if backend is not None:
        furnished[backend] = desk.room.contents(), desk.now
    return desk


def of_day(desk: LedgerDesk, day: str) -> list[Found]:
    return list(desk.room.ledger.of_day(day))


def place(found: Found) -> tuple[str, str]:
    return partition_of(found.record), found.entry


def named(found: Found) -> str:
    return f"{found.entry}#{found.slot}"


def test_an_untouched_ledger_is_right_and_says_what_was_looked_at(desk: LedgerDesk) -> None:
    answer = desk.answer()
    newest = decode_digest(desk.room.documents.get(digest_key(THIRD)))
    assert newest is not None
    assert answer == {
        "findings": [],
        "left_out": 0,
        "days": 3,
        "access_records": 12,
        "profiles": 5,
        "consent_records": 13,
        "receipts": 0,
        "newest": {"day": THIRD, "digest": newest.digest},
        "next": None,
    }


# chains


@pytest.mark.parametrize(("number", "length"), [(1, 5), (4, 4), (5, 3)], ids=["live", "merged", "erased"])
def test_of_a_chain_everything_is_noticed(desk: LedgerDesk, number: int, length: int) -> None:
    who, room = profile_id(number), desk.room

    def found() -> list[tuple[str, str]]:
        findings = desk.findings()
        assert {where for _, where, _ in findings} <= {f"consent of {who}"}
        return [(what, entry) for what, _, entry in findings]

    one, two, last = (room.take(who, ENTRY(at)) for at in (1, 2, length))
    room.change(who, ENTRY(2), source="crm")
    assert found() == [("changed", ENTRY(2))]
    room.remove(who, ENTRY(2))
    assert found() == [("removed", ENTRY(2))]
    room.put(who, ENTRY(2), one)
    room.put(who, ENTRY(1), two)
    assert found() == [("reordered", ENTRY(1)), ("reordered", ENTRY(2))]
    room.put(who, ENTRY(1), one)
    room.put(who, ENTRY(2), two)
    assert found() == []
    room.put(who, ENTRY(length + 1), last)
    assert found() == [("inserted", ENTRY(length + 1))]
    room.remove(who, ENTRY(length + 1))
    room.remove(who, ENTRY(length))
    assert found() == [("cut_off", ENTRY(length))]


def test_a_chain_that_is_gone_is_missed(desk: LedgerDesk) -> None:
    for number in range(1, 4):
        desk.room.remove(profile_id(5), ENTRY(number))
    assert desk.findings() == [("cut_off", f"consent of {profile_id(5)}", ENTRY(1))]


def test_a_profile_that_is_gone_leaves_its_chain_behind(desk: LedgerDesk) -> None:
    desk.room.remove_profile(profile_id(1))
    assert desk.findings() == [("inserted", f"consent of {profile_id(1)}", "")]


def test_a_chain_under_an_unknown_profile_was_inserted(desk: LedgerDesk) -> None:
    desk.room.copy(profile_id(1), ENTRY(1), profile_id(8), ENTRY(1))
    assert desk.findings() == [("inserted", f"consent of {profile_id(8)}", "")]


def test_a_profile_that_changes_while_it_is_looked_at_is_no_finding(desk: LedgerDesk) -> None:
    """Its chain is read after the profile, which has heard more by then, and more again when it is looked at anew."""
    busy = desk.live(6, 1)
    ledger = desk.room.ledger
    growing = iter((2, 3))

    class Growing:
        def chain(self, profile_id: str) -> list[LedgerEntry]:
            if profile_id == busy and (length := next(growing, 0)):
                desk.grow(busy, length)
            entries: list[LedgerEntry] = ledger.chain(profile_id)
            return entries

        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

    checking = desk.verifying(Growing())
    assert checking({})["findings"] == []
    assert next(growing, None) is None
    desk.room.remove(busy, ENTRY(3))
    assert checking({})["findings"] == [{"what": "cut_off", "where": f"consent of {busy}", "entry": ENTRY(3)}]


# days


@pytest.mark.parametrize("field", ["who", "route", "subject", "reason"])
def test_a_changed_access_record_is_named(desk: LedgerDesk, field: str) -> None:
    one = of_day(desk, SECOND)[1]
    desk.room.change(*place(one), **{field: "another"})
    assert desk.findings() == [("changed", f"access records of {SECOND}", named(one))]


def test_an_access_record_that_can_no_longer_be_read_is_changed(desk: LedgerDesk, backend: Cloud | None) -> None:
    if backend is None:
        pytest.skip("memory holds nothing but records")
    one = of_day(desk, SECOND)[1]
    desk.room.change(*place(one), at="yesterday")
    assert desk.findings() == [("changed", f"access records of {SECOND}", named(one))]


@pytest.mark.parametrize("index", range(4))
def test_a_removed_access_record_is_named_also_at_the_end_of_its_day(desk: LedgerDesk, index: int) -> None:
    one = of_day(desk, FIRST)[index]
    desk.room.remove(*place(one))
    assert desk.findings() == [("removed", f"access records of {FIRST}", named(one))]


def test_a_day_without_records_is_missed(desk: LedgerDesk) -> None:
    gone = of_day(desk, FIRST)
    for one in gone:
        desk.room.remove(*place(one))
    assert desk.findings() == [("removed", f"access records of {FIRST}", named(one)) for one in gone]


def test_an_access_record_of_a_sealed_day_was_inserted(desk: LedgerDesk) -> None:
    now, desk.now = desk.now, NOW + 7
    desk.record(CALLER, [profile_id(1)])
    desk.now = now
    [strange] = [one for one in of_day(desk, FIRST) if one.record.at == NOW + 7]
    assert desk.findings() == [("inserted", f"access records of {FIRST}", named(strange))]


def test_reordered_access_records_are_named(desk: LedgerDesk) -> None:
    one, other = of_day(desk, FIRST)[:2]
    first, second = desk.room.take(*place(one)), desk.room.take(*place(other))
    desk.room.put(*place(one), second)
    desk.room.put(*place(other), first)
    where = f"access records of {FIRST}"
    assert desk.findings() == [("reordered", where, named(one)), ("reordered", where, named(other))]


def test_an_access_record_that_was_moved_to_another_day_is_told_of_twice(desk: LedgerDesk) -> None:
    one = of_day(desk, FIRST)[0]
    partition, entry = place(one)
    desk.room.move(partition, entry, partition.replace(FIRST, SECOND), entry)
    assert desk.findings() == [
        ("removed", f"access records of {FIRST}", named(one)),
        ("inserted", f"access records of {SECOND}", named(one)),
    ]


@pytest.mark.parametrize("strange", [f"access#{FIRST}#{SLOTS}", "access#2025-02-31#1", "access#never#1", "digest#x"])
def test_a_partition_that_nobody_seals_is_named(desk: LedgerDesk, strange: str) -> None:
    one = of_day(desk, FIRST)[0]
    desk.room.copy(*place(one), strange, one.entry)
    assert desk.findings() == [("inserted", "ledger", strange)]


def test_records_of_days_before_the_first_digest_or_after_today_are_named(desk: LedgerDesk) -> None:
    one = of_day(desk, FIRST)[0]
    desk.room.copy(*place(one), "access#2024-12-24#1", one.entry)
    desk.room.copy(*place(one), "access#2031-12-24#1", one.entry)
    assert desk.findings() == [("missing", "digests", "2024-12-24"), ("inserted", "ledger", "access#2031-12-24#1")]


# digests and their chain


def changed(desk: LedgerDesk, day: str, *, forged: bool, **said: Any) -> None:
    documents = desk.room.documents
    seal = decode_digest(documents.get(digest_key(day)))
    assert seal is not None
    other = msgspec.structs.replace(seal, **said)
    if forged:
        other = msgspec.structs.replace(other, digest=digest_of_day(other))
    documents.put(digest_key(day), encode_digest(other))


@pytest.mark.parametrize("day", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("is_forged", [False, True], ids=["changed", "forged"])
def test_a_changed_digest_is_named(desk: LedgerDesk, day: str, is_forged: bool) -> None:
    changed(desk, day, forged=is_forged, count=3)
    assert ("changed", "digests", day) in desk.findings()


@pytest.mark.parametrize("day", [FIRST, SECOND, THIRD])
def test_a_day_that_was_sealed_anew_after_it_was_changed_is_found(desk: LedgerDesk, day: str) -> None:
    """Whoever knows how it is done removes a record and makes the day's list and digest to match."""
    one = of_day(desk, day)[0]
    desk.room.remove(*place(one))
    known = decode_digest(desk.room.documents.get(digest_key(day)))
    assert known is not None
    listed = desk.room.documents.get(list_key(day)).decode().splitlines()[1:]
    seal, text = seal_day(day, listed, known.previous)
    desk.room.documents.put(list_key(day), text)
    desk.room.documents.put(digest_key(day), encode_digest(seal))
    assert desk.findings() == [("changed", "digests", day)]


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_a_removed_digest_is_named(desk: LedgerDesk, day: str) -> None:
    desk.room.remove_document(digest_key(day))
    assert desk.findings() == [("removed", "digests", day)]


def test_digests_that_were_cut_off_are_missed_and_never_written_again(desk: LedgerDesk) -> None:
    """Else whoever takes the newest away would have it made anew, of what they left of its day."""
    desk.room.remove(*place(of_day(desk, THIRD)[0]))
    desk.room.remove_document(digest_key(THIRD))
    assert desk.findings() == [("cut_off", "digests", THIRD)]
    desk.now += DAY
    with pytest.raises(BrokenDigestsError):
        desk.seal()
    assert ("cut_off", "digests", THIRD) in desk.findings()


def test_a_head_that_is_gone_does_not_let_the_digests_begin_anew(desk: LedgerDesk) -> None:
    desk.room.remove_head()
    assert desk.findings()[0] == ("removed", "digests", "head")
    desk.now += DAY
    with pytest.raises(BrokenDigestsError):
        desk.seal()


def test_a_head_that_was_moved_back_is_found(desk: LedgerDesk) -> None:
    second = decode_digest(desk.room.documents.get(digest_key(SECOND)))
    assert second is not None
    desk.room.remove_document(digest_key(THIRD))
    desk.room.change_head(day=SECOND, digest=second.digest)
    desk.now += 2 * DAY
    assert ("missing", "digests", day_after(THIRD, 2)) in desk.findings()


@pytest.mark.parametrize("head", [{"digest": "ab" * 32}, {"day": "never"}, {"first": SECOND}, {"day": "9999-12-31"}])
def test_a_changed_head_is_found(desk: LedgerDesk, head: dict[str, str]) -> None:
    desk.room.change_head(**head)
    assert [one for one in desk.findings() if one[1] == "digests"]


def test_digests_in_another_order_are_named(desk: LedgerDesk) -> None:
    documents = desk.room.documents
    one, other = documents.get(digest_key(FIRST)), documents.get(digest_key(SECOND))
    documents.put(digest_key(FIRST), other)
    documents.put(digest_key(SECOND), one)
    assert {("reordered", "digests", FIRST), ("reordered", "digests", SECOND)} <= set(desk.findings())


@pytest.mark.parametrize("key", ["digests/access/2031-01-01.json", "digests/access/copy.json", "digests/access/x"])
def test_a_digest_that_nobody_wrote_is_named(desk: LedgerDesk, key: str) -> None:
    desk.room.documents.put(key, desk.room.documents.get(digest_key(FIRST)))
    [(what, where, entry)] = [one for one in desk.findings() if one[1] == "digests"]
    assert (what, where) == ("inserted", "digests")
    assert entry in key


def test_what_is_no_digest_any_more_is_changed(desk: LedgerDesk) -> None:
    desk.room.documents.put(digest_key(SECOND), b"\xff not JSON")
    assert desk.findings() == [("changed", "digests", SECOND)]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", None])
def test_a_list_that_does_not_belong_to_its_digest_is_named(desk: LedgerDesk, text: bytes | None) -> None:
    if text is None:
        desk.room.remove_document(list_key(SECOND))
    else:
        desk.room.documents.put(list_key(SECOND), text)
    assert desk.findings() == [("removed" if text is None else "changed", "lists", SECOND)]
    desk.room.remove(*place(of_day(desk, SECOND)[0]))
    assert ("changed", f"access records of {SECOND}", "") in desk.findings()


def test_a_day_that_was_never_sealed_is_missed(desk: LedgerDesk) -> None:
    desk.now += DAY - 10 * HOUR  # five hours after the day: it is sealed within six
    assert desk.findings() == []
    desk.now += HOUR
    assert desk.findings() == [("missing", "digests", "2025-06-18")]
    desk.seal()
    assert desk.findings() == []


def test_what_was_noted_down_elsewhere_is_held_against_it(desk: LedgerDesk) -> None:
    noted = desk.answer()["newest"]
    known = f"{noted['day']}:{noted['digest']}"
    assert desk.findings(known=known) == []
    assert desk.findings(known=f"{FIRST}:{noted['digest']}") == [("changed", "digests", FIRST)]


def test_of_very_many_findings_the_first_are_named(desk: LedgerDesk) -> None:
    desk.live(9, 0)
    for number in range(1, 121):
        desk.room.copy(profile_id(1), ENTRY(1), profile_id(9), ENTRY(number))
    answer = desk.answer()
    assert (len(answer["findings"]), answer["left_out"]) == (100, 20)


def test_the_whole_is_told_in_parts(desk: LedgerDesk) -> None:
    """As where each part may take no time."""
    for number in range(10, 30):
        desk.live(number, 1)
    whole = desk.answer()
    ticking = iter(range(desk.now, desk.now + 10**9, 20_000))
    verify = desk.verifying(desk.room.ledger, clock=lambda: next(ticking))
    parts = 1
    answer = verify({})
    total = answer["profiles"], answer["access_records"]
    while answer["next"]:
        answer = verify({"after": answer["next"]})
        total = total[0] + answer["profiles"], total[1] + answer["access_records"]
        assert answer["findings"] == []
        parts += 1
    assert parts > 3
    assert total == (whole["profiles"], whole["access_records"])


# receipts of erasures


def chained(length: int, **said: Any) -> list[Receipt]:
    chain: list[Receipt] = []
    for number in range(1, length + 1):
        chain.append(receipt(number, chain[-1].digest if chain else "", **said))
    return chain


def put_end(desk: LedgerDesk, last: Receipt) -> None:
    end = Head(number=last.number, request_id=last.request_id, digest=last.digest)
    desk.room.documents.put(HEAD, msgspec.json.encode(end))


def erased(desk: LedgerDesk, length: int) -> list[Receipt]:
    """So many erasures that are done, each with its receipt."""
    chain = chained(length)
    for one in chain:
        key = receipt_key(one.request_id)
        desk.room.documents.put(key, encode_receipt(one))
        noted = {"receipt": key, "digest": one.digest}
        request = PrivacyRequest(request_id=one.request_id, kind="erasure", source="", received_at=NOW, state="done")
        assert desk.room.requests.keep(msgspec.structs.replace(request, outcome=noted))
    put_end(desk, chain[-1])
    return chain


def test_of_receipts_everything_is_noticed(desk: LedgerDesk) -> None:
    documents = desk.room.documents
    chain = chained(3)
    keys = [receipt_key(one.request_id) for one in chain]

    def write(*receipts: Receipt) -> None:
        for one in receipts:
            documents.put(receipt_key(one.request_id), encode_receipt(one))

    write(*chain)
    put_end(desk, chain[-1])
    assert (desk.answer()["receipts"], desk.findings()) == (3, [])
    write(sealed(msgspec.structs.replace(chain[1], profiles=0)))
    assert desk.findings() == [("changed", "receipts", keys[1])]
    documents.put(keys[1], b"no receipt")
    assert desk.findings() == [("changed", "receipts", keys[1]), ("removed", "receipts", "number 2")]
    write(chain[1], receipt(4, "00" * 32))
    assert desk.findings() == [("inserted", "receipts", receipt_key(f"{4:032x}"))]


def test_receipts_that_go_with_their_chains_end_are_missed(desk: LedgerDesk) -> None:
    """Whoever may write the bucket may remove all of it, or write all of it anew: what was asked lies elsewhere."""
    documents = desk.room.documents
    chain = erased(desk, 3)
    keys = [receipt_key(one.request_id) for one in chain]
    assert desk.findings() == []
    documents_before = {key: documents.get(key) for key in keys}
    desk.room.remove_document(keys[2])
    put_end(desk, chain[1])
    assert desk.findings() == [("removed", "receipts", keys[2])]
    for key in (*keys[:2], HEAD):
        desk.room.remove_document(key)
    assert desk.findings() == [("removed", "receipts", key) for key in keys]
    forged = chained(3, profiles=0)
    for one in forged:
        documents.put(receipt_key(one.request_id), encode_receipt(one))
    put_end(desk, forged[2])
    assert desk.findings() == [("changed", "receipts", key) for key in keys]
    for key, data in documents_before.items():
        documents.put(key, data)
    put_end(desk, chain[2])
    assert desk.findings() == []


def test_of_many_erasures_every_receipt_is_looked_for(desk: LedgerDesk, backend: Cloud | None) -> None:
    """More than one page holds, and each call has time for one."""
    if backend is not None:
        pytest.skip("how a table pages is told of all requests, elsewhere")
    chain = erased(desk, PAGE + 1)
    gone = receipt_key(chain[-1].request_id)
    desk.room.remove_document(gone)
    put_end(desk, chain[-2])
    ticking = iter(range(desk.now, desk.now + 10**9, 20_000))
    verify = desk.verifying(desk.room.ledger, clock=lambda: next(ticking))
    answer, found = verify({}), []
    while answer["next"]:
        answer = verify({"after": answer["next"]})
        found += [one["entry"] for one in answer["findings"] if one["where"] == "receipts"]
    assert found == [gone]


@pytest.mark.parametrize("after", ["requests.yesterday", "requests.1.x", "erasures"])
def test_a_place_that_no_answer_gave_is_refused(desk: LedgerDesk, after: str) -> None:
    with pytest.raises(AttuneError) as refused:
        desk.verify({"after": after})
    assert refused.value.code == "invalid_after"
