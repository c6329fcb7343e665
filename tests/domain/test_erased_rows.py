"""Lines of the raw lake once people are erased: who and what is gone, what is counted is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest

from attune.domain.erasure.erased_rows import GONE, ErasedRows, Known
from attune.domain.erasure.subjects import Shared, Subject
from attune.domain.events import encode_event
from attune.domain.processing.verdicts import Row, encode_row, erased_id, said_by_nobody
from tests.builders import DAY, HOUR, NOW, Pseudonyms, event, identifiers, key_of, profile_id
from tests.lakes import AFTER, TODAY, LakeOfTests, live, row, tombstone

ANN, BOB, LOSER = 1, 2, 3
PSEUDONYMS = Pseudonyms()


def rules(subject: Subject | None = None, *, stored: tuple[int, ...] = (ANN, BOB)) -> ErasedRows:
    return ErasedRows(
        [subject or Subject(request_id="r", profile_ids=(profile_id(ANN),))],
        key_of=PSEUDONYMS.key,
        unsealed=_open,
        is_nobody=lambda one: one not in {profile_id(number) for number in stored},
    )


def _open(key: bytes, sealed: bytes) -> bytes:
    if not sealed.startswith(key):
        raise ValueError("the seal does not open")
    return sealed.removeprefix(key)


def swept(rows: list[Row], rule: ErasedRows | None = None) -> list[dict[str, Any] | None]:
    """Each row as it lies there from then on; None: it is gone."""
    return [json.loads(line) if line else None for line in swept_lines([encode_row(one) for one in rows], rule)]


def events_of(rule: ErasedRows, lines: Iterable[bytes]) -> dict[str, Known]:
    events: dict[str, Known] = {}
    for pseudonym, known in filter(None, map(rule.event_of, lines)):
        events[pseudonym] = known.joined(events.get(pseudonym))
    return events


def swept_lines(lines: list[bytes], rule: ErasedRows | None = None) -> list[bytes]:
    rule = rule or rules()
    events = events_of(rule, lines)
    judged = ((line, rule.judged(line, events)) for line in lines)
    return [line if found is None else found[0] for line, found in judged]


def as_told(one: Row) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(encode_row(one))
    return told


RICH = {"sealed": b"secret", "properties": {"order_id": "O-1", "total": 12.50, "sku": "a"}, "consent": {"email": True}}


@pytest.fixture
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def test_a_row_of_the_erased_is_counted_and_says_nothing_else() -> None:
    mine = row(**RICH, version=7, copy=2, replayed_at=NOW + 1)
    [left] = swept([mine])
    assert left == {
        "message_id": erased_id(PSEUDONYMS.key, "shop", "m1", "00" * 8),
        "source": "shop",
        "verdict": "erased",
        "reason": "applied",
        "received_at": NOW,
        "processed_at": NOW,
        "version": 7,
        "replayed_at": NOW + 1,
        "copy": 2,
    }


def test_rows_of_others_stay_byte_for_byte() -> None:
    others = [
        encode_row(row(profile_id=profile_id(BOB), **RICH)),
        encode_row(row(message_id="m2", verdict="dropped", reason="consent", profile_id="")),
        b'{"not": "a row"}',
        b'{"message_id": "m1", "total": 1.10',
        b"",
    ]
    assert swept_lines(others) == others


def test_what_else_was_told_of_the_same_event_goes_with_it() -> None:
    """A duplicate, a refusal and a fold under a profile that never came to be name no person, and the same event."""
    rows = [
        row(message_id="m1", verdict="duplicate", profile_id="", received_at=NOW + 5),
        row(message_id="m1", verdict="dropped", reason="consent", profile_id=""),
        row(message_id="m1", profile_id=profile_id(LOSER), **RICH),
        row(message_id="m1", **RICH),
        row(message_id="m1", fingerprint="11" * 8, verdict="duplicate", profile_id=""),
    ]
    pseudonym = erased_id(PSEUDONYMS.key, "shop", "m1", "00" * 8)
    duplicate, dropped, loser, mine, other = swept(rows)
    assert [one and one["message_id"] for one in (duplicate, dropped, loser, mine)] == [pseudonym] * 4
    assert [one and one["verdict"] for one in (duplicate, dropped, loser, mine)] == [
        "duplicate", "dropped", "erased", "erased",
    ]  # fmt: skip
    assert not any({"fingerprint", "profile_id", "sealed"} & set(one or ()) for one in (duplicate, dropped, loser))
    assert other == as_told(rows[-1])


def test_the_same_event_applied_to_somebody_who_is_there_stays_theirs() -> None:
    rows = [row(**RICH), row(profile_id=profile_id(BOB), version=9, **RICH)]
    assert swept(rows)[1] == as_told(rows[1])


def test_a_fold_that_lost_against_the_erasure_goes_though_its_profile_is_there() -> None:
    """It was archived under Bob, never committed, and the event refused when it was folded again."""
    pseudonym = erased_id(PSEUDONYMS.key, "shop", "m1", "00" * 8)

    def with_refusal(at: int, reason: str = "erased") -> dict[str, Any] | None:
        lost = row(profile_id=profile_id(BOB), version=9, processed_at=NOW, **RICH)
        refusal = row(message_id=pseudonym, fingerprint="", profile_id="", type="", event="", time=0)
        refusal = msgspec.structs.replace(refusal, verdict="dropped", reason=reason, processed_at=at)
        return swept([lost, refusal])[0]

    for reason in ("erased", "suppressed"):
        left = with_refusal(NOW + 5, reason)
        assert left is not None
        assert (left["verdict"], left["message_id"], left.get("sealed")) == ("erased", pseudonym, None)
    for late in (NOW + DAY, NOW - 1):
        kept = with_refusal(late)
        assert kept is not None
        assert (kept["verdict"], kept["profile_id"]) == ("applied", profile_id(BOB))


def test_a_profile_that_never_came_to_be_is_theirs_up_to_the_erasure_and_a_new_life_behind_it() -> None:
    subject = Subject(request_id="r", identity_keys=("k",), erased_at=NOW)
    rule = ErasedRows(
        [subject],
        key_of=PSEUDONYMS.key,
        unsealed=_open,
        is_nobody=lambda one: one == profile_id(LOSER),
        unborn={profile_id(LOSER): subject, profile_id(BOB): subject},
    )
    rows = [
        row(message_id="m1", profile_id=profile_id(LOSER), received_at=NOW),
        row(message_id="m2", profile_id=profile_id(LOSER), received_at=NOW + 1),
    ]
    rows.append(row(message_id="m3", profile_id=profile_id(BOB)))
    before, *others = swept(rows, rule)
    assert before is not None
    assert before["verdict"] == "erased"
    assert others == [as_told(one) for one in rows[1:]]


def test_rows_of_merges_and_scores_are_gone() -> None:
    rows = [
        row(verdict="merged", absorbed=profile_id(LOSER), sealed=b"key"),
        row(verdict="merged", profile_id=profile_id(BOB), absorbed=profile_id(ANN), sealed=b"key"),
        row(type="$score", message_id="s1"),
    ]
    assert swept_lines([encode_row(one) for one in rows]) == [GONE] * 3


def test_an_anonymised_row_keeps_what_leads_to_nobody() -> None:
    subject = Subject(request_id="r", variant="anonymise", profile_ids=(profile_id(ANN),))
    rows = [
        row(**RICH),
        row(message_id="m2", type="$consent", **RICH),
        row(message_id="m3", verdict="conflict", **RICH),
    ]
    said, internal, conflict = swept(rows, rules(subject))
    assert said is not None
    assert said.pop("copy") > 0
    hour = NOW - NOW % HOUR
    assert said == {
        "message_id": erased_id(PSEUDONYMS.key, "shop", "m1", "00" * 8),
        "source": "shop",
        "verdict": "applied",
        "received_at": hour,
        "processed_at": hour,
        "version": 1,
        "type": "track",
        "event": "Product Viewed",
        "time": hour,
        "properties": {"total": 12.5, "sku": "a"},
    }
    assert internal is not None
    assert conflict is not None
    assert (internal["verdict"], conflict["verdict"], conflict["reason"]) == ("erased", "erased", "conflict")
    assert not {"type", "event", "properties"} & {*internal, *conflict}


def test_an_anonymised_row_has_no_address_in_its_event_s_name_or_what_it_is_about() -> None:
    subject = Subject(request_id="r", variant="anonymise", profile_ids=(profile_id(ANN),))
    [said] = swept([row(event="Invited ann@x.com", properties={"sku": "+49 170 1234567", "value": 5})], rules(subject))
    assert said is not None
    assert (said.get("event"), said["properties"]) == (None, {"value": 5})


def test_two_anonymised_rows_have_nothing_in_common_that_others_have_not() -> None:
    subject = Subject(request_id="r", variant="anonymise", profile_ids=(profile_id(ANN),))
    one, two = swept([row(message_id=name, version=77, received_at=NOW + 123) for name in "ab"], rules(subject))
    assert one is not None
    assert two is not None
    assert one.pop("copy") != two.pop("copy")
    assert one.pop("message_id") != two.pop("message_id")
    assert one == two
    assert all(value % HOUR == 0 for name, value in one.items() if name in {"received_at", "processed_at", "time"})
    assert one["version"] == 1


def test_what_a_product_says_of_whom_it_is_for_goes() -> None:
    mug = {
        "sku": "mug",
        "price": 5,
        "engraving": "For Ann Miller",
        "recipient_email": "ann@example.com",
        "brand": "a@b",
    }
    said = {"products": [mug, "Ann"], "category": "ann@example.com", "value": 5, "currency": "E" * 101, "order_id": "1"}
    assert said_by_nobody(said) == {"products": [{"sku": "mug", "price": 5}], "value": 5}


def test_arrivals_of_the_anonymised_are_told_apart_as_before(lake: LakeOfTests) -> None:
    subject = Subject(request_id="r", variant="anonymise", profile_ids=(profile_id(ANN),))
    rows = [
        row(message_id="a1"),
        row(message_id="a1", verdict="duplicate", profile_id="", received_at=NOW + 1),
        row(message_id="a1", verdict="duplicate", profile_id="", received_at=NOW + 1, copy=1),
        row(message_id="a2", version=3),
        row(message_id="a2", verdict="duplicate", profile_id="", processed_at=NOW + 5),
    ]
    lake.store(live(ANN))
    name = lake.arrive(*rows).rpartition("/")[2]
    lake.compact(NOW + DAY)
    [before] = lake.ledger()["sources"]
    left = swept_lines([encode_row(one) for one in rows], rules(subject))
    lake.files.lay(TODAY, name, b"".join(line + b"\n" for line in left), NOW)
    lake.compact(NOW + 2 * DAY)
    [after] = lake.ledger()["sources"]
    assert {**after, "told_up_to": ""} == {**before, "told_up_to": ""}


def test_sweeping_again_changes_nothing_and_still_knows_their_events() -> None:
    for variant in ("delete", "anonymise"):
        rule = rules(Subject(request_id="r", variant=variant, profile_ids=(profile_id(ANN),)))
        first = swept_lines([encode_row(row(**RICH))], rule)
        late = encode_row(row(verdict="duplicate", profile_id="", received_at=NOW + 9))
        again = swept_lines([*first, late], rule)
        assert again[:1] == first
        assert json.loads(again[1])["message_id"] == json.loads(first[0])["message_id"]
        assert swept_lines(again, rule) == again


def test_of_rows_shared_with_whom_they_were_unlinked_from_only_theirs_go() -> None:
    key = b"k" * 32
    shared = Shared(profile_id=profile_id(BOB), version=5, data_key=key.hex(), keys=(key_of("email", "ann@x.com"),))
    rule = rules(Subject(request_id="r", shared=(shared,)))

    def told(message_id: str, version: int, sealed_by: bytes = key, **who: str) -> Row:
        sealed = sealed_by + encode_event(event(identifiers=identifiers(**who)))
        return row(message_id=message_id, profile_id=profile_id(BOB), version=version, sealed=sealed)

    rows = [
        told("theirs", 5, email="ann@x.com", anonymous_id="d"),
        told("his", 5, user_id="bob", email="ann@x.com"),
        told("later", 6, email="ann@x.com"),
        told("closed", 5, b"another key", email="ann@x.com"),
    ]
    left = swept(rows, rule)
    assert left[0] is not None
    assert left[0]["verdict"] == "erased"
    assert left[1:] == [as_told(one) for one in rows[1:]]


def test_the_books_balance_and_tables_hold_others_as_before(lake: LakeOfTests) -> None:
    """Every arrival still comes to one end; of the erased the tables hold nothing, of others the same to the byte."""
    rows = [
        row(message_id="a1", **RICH),
        row(message_id="a1", verdict="duplicate", profile_id="", received_at=NOW + 1),
        row(message_id="a2", version=2, received_at=NOW + 2),
        row(message_id="a2", verdict="conflict", fingerprint="22" * 8, version=3, received_at=NOW + 3),
        row(message_id="a2", verdict="conflict", fingerprint="22" * 8, version=4, received_at=NOW + 4),
        row(message_id="a3", verdict="dropped", reason="consent", profile_id="", version=4),
        row(message_id="a4", profile_id=profile_id(LOSER)),
        row(message_id="a4", version=5),
        row(verdict="merged", message_id="a4", absorbed=profile_id(4), sealed=b"key"),
        row(message_id="b1", profile_id=profile_id(BOB), **RICH),
        row(message_id="b2", profile_id=profile_id(BOB), version=2, received_at=NOW + DAY),
    ]
    lake.store(live(ANN), tombstone(4, ANN), live(BOB))
    days = ((TODAY, rows[:6]), (AFTER, rows[6:]))
    keys = [lake.arrive(*part, day=day) for day, part in days]
    lake.compact(NOW + 2 * DAY)
    before, [books] = lake.table(), lake.ledger()["sources"]

    rule = rules()
    lines = [[encode_row(one) for one in part] for _, part in days]
    events = events_of(rule, (line for part in lines for line in part))
    for key, (day, _), part in zip(keys, days, lines, strict=True):
        judged = ((line, rule.judged(line, events)) for line in part)
        left = [line if found is None else found[0] for line, found in judged]
        lake.files.lay(day, key.rpartition("/")[2], b"".join(line + b"\n" for line in left if line), NOW)
    lake.compact(NOW + 3 * DAY)
    [after] = lake.ledger()["sources"]
    dropped_a3 = before[[one["message_id"] for one in before].index("a3")]
    assert lake.table() == [dropped_a3, *(one for one in before if one["message_id"] in {"b1", "b2"})]
    assert after["erased"] == 4
    assert (after["applied"], after["conflict"]) == (books["applied"] - 3, books["conflict"] - 1)
    same = ("received", "accepted", "rejected", "duplicate", "dropped", "quarantined", "told_up_to")
    assert {name: after[name] for name in same} == {name: books[name] for name in same}
