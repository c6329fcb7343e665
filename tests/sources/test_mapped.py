"""What a mapping makes of a document, and that no document, however odd, is lost or breaks anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.checks.mappings import mapping_problems
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event
from attune.domain.identifiers import Identifier
from attune.sources.mapped import MAX_ITEMS, read_document
from attune.sources.webhooks import Reading
from tests.builders import HOUR, NOW
from tests.cpu import HANG, timed
from tests.faults.effort import examples

TILL = Source(id="till", type="webhook", consent={"analytics": True})
ORDER: dict[str, Any] = {
    "id": 17,
    "at": "2025-06-15T10:00:00+02:00",
    "customer": {"email": " Ada@Example.com", "card": "L-1", "phones": ["+44 20 7946 0000", "+44 20 7946 0001"]},
    "total": 12.5,
    "lines": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}],
    "newsletter": True,
    "vip": None,
}
MAPPING = Mapping(
    event="'Order Completed'",
    message_id="id",
    time="at",
    identifiers={"loyalty_id": "customer.card", "email": "customer.email", "phone": "customer.phones"},
    properties={"total": "total", "products": "lines[].{product_id: sku, quantity: n}", "coupon": "coupon"},
    traits={"vip": "vip", "email": "customer.email"},
    consent={"email": "newsletter"},
)
AT = 1_749_974_400_000


def read(document: object, mapping: Mapping = MAPPING, **more: Any) -> Reading:
    return read_document(document, mapping, TILL, NOW, **more)


def event(document: object, mapping: Mapping = MAPPING) -> Event:
    found = read(document, mapping)
    assert found.rejected == ()
    (only,) = found.events
    return only


def reason(document: object, mapping: Mapping = MAPPING) -> str:
    found = read(document, mapping, raw=b"as it came")
    assert (found.events, found.made) == ((), ())
    (refused,) = found.rejected
    assert refused.raw == b"as it came"
    return refused.reason


def but(**changes: Any) -> Mapping:
    return msgspec.structs.replace(MAPPING, **changes)


def test_each_part_of_a_mapping_becomes_its_part_of_an_event() -> None:
    found = event(ORDER)
    assert (found.type, found.name, found.time) == ("track", "Order Completed", AT)
    assert found.identifiers == (
        Identifier("loyalty_id", "L-1"),
        Identifier("email", "ada@example.com"),
        Identifier("phone", "+442079460000"),
        Identifier("phone", "+442079460001"),
    )
    products = [{"product_id": "a", "quantity": 2}, {"product_id": "b", "quantity": 1}]
    assert found.properties == {"total": 12.5, "products": products}
    assert found.traits == {"email": " Ada@Example.com"}
    assert (found.basis, found.notes) == ({"analytics": True}, ())


def test_the_example_may_be_applied() -> None:
    assert list(mapping_problems("$.mapping", MAPPING)) == []


def test_the_same_document_again_is_the_same_event_and_another_is_not() -> None:
    first, again = event(ORDER), event(dict(ORDER))
    assert (first.message_id, first.fingerprint) == (again.message_id, again.fingerprint)
    other = event({**ORDER, "id": 18})
    assert other.message_id != first.message_id
    assert event({**ORDER, "id": "17"}).message_id == first.message_id
    assert event({**ORDER, "total": 1}).message_id == first.message_id
    assert event({**ORDER, "total": 1}).fingerprint != first.fingerprint


def test_two_sources_may_count_alike_and_a_message_id_names_nobody() -> None:
    elsewhere = msgspec.structs.replace(TILL, id="web")
    (other,) = read_document(ORDER, MAPPING, elsewhere, NOW).events
    assert other.message_id != event(ORDER).message_id
    assert "ada" not in event({**ORDER, "id": "ada@example.com"}).message_id


@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_message_id_one_is_made_of_the_content(missing: object) -> None:
    first, again = event({**ORDER, "id": missing}), event({**ORDER, "id": missing})
    assert first.message_id == again.message_id != ""
    assert first.notes == ("message_id_derived",)
    assert event({**ORDER, "id": missing, "total": 1}).message_id != first.message_id


@pytest.mark.parametrize(
    "stamp", ["2025-06-15T08:00:00Z", "2025-06-15 08:00:00", "20250615T080000Z", AT, AT // 1000, str(AT), AT / 1000]
)
def test_times_are_taken_in_any_notation_that_is_not_ambiguous(stamp: object) -> None:
    assert event({**ORDER, "at": stamp}).time == AT


@pytest.mark.parametrize("stamp", ["yesterday", "15/06/2025", True, [], {}, "1999-12-31", NOW + 400 * 24 * HOUR, -1])
def test_a_time_that_is_none_is_a_reason_to_look_at_it(stamp: object) -> None:
    assert reason({**ORDER, "at": stamp}) == "invalid_time"


def test_a_document_without_a_time_happened_when_it_came_and_none_happened_later() -> None:
    silent = event({**ORDER, "at": None, "newsletter": None})
    assert (silent.time, silent.notes) == (NOW, ("time_of_receipt",))
    ahead = event({**ORDER, "at": NOW + HOUR})
    assert (ahead.time, ahead.notes) == (NOW, ("time_clamped",))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"customer": {}}, "no_identifier"),
        ({"customer": None}, "no_identifier"),
        ({"customer": {"email": "nobody", "card": "0", "phones": ["", None, 1.5]}}, "no_identifier"),
        ({"id": [1]}, "invalid_message_id"),
        ({"id": 1.5}, "invalid_message_id"),
        ({"id": "x" * 1001}, "invalid_message_id"),
        ({"newsletter": "perhaps"}, "invalid_consent"),
        ({"newsletter": 2}, "invalid_consent"),
        ({"newsletter": []}, "invalid_consent"),
        ({"total": float("inf")}, "invalid_number"),
        ({"total": 2**64}, "invalid_number"),
        ({"total": "x" * 100_000}, "event_too_large"),
        ({"total": "\udcff"}, "invalid_event"),
    ],
)
def test_what_cannot_be_an_event_is_kept_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason({**ORDER, **changes}) == why


@pytest.mark.parametrize("document", [None, [], "text", 1, True, [ORDER]])
def test_what_is_no_object_is_no_event(document: object) -> None:
    assert reason(document) == "invalid_event"


def test_nesting_beyond_sixteen_levels_is_refused() -> None:
    deep: Any = 1
    for _ in range(15):
        deep = [deep]
    assert event({**ORDER, "total": deep}).properties["total"] == deep
    assert reason({**ORDER, "total": [[deep]]}) == "too_deep"
    for _ in range(100_000):
        deep = [deep]
    assert reason({**ORDER, "total": deep}) == "too_deep"


def test_the_call_may_be_said_by_the_document() -> None:
    mapping = but(type="kind", event="name")
    assert event({**ORDER, "kind": "identify"}, mapping).type == "identify"
    assert event({**ORDER, "kind": "track", "name": "Paid"}, mapping).name == "Paid"
    assert reason({**ORDER, "kind": "buy"}, mapping) == "invalid_type"
    assert reason({**ORDER, "kind": ["track"]}, mapping) == "invalid_type"
    assert reason({**ORDER, "kind": "$consent"}, mapping) == "reserved_name"
    assert reason({**ORDER, "kind": "track", "name": " $wake"}, mapping) == "reserved_name"
    for name in (None, "", "  ", 1, "x" * 1001):
        assert reason({**ORDER, "kind": "track", "name": name}, mapping) == "invalid_name"


# -------------------------------------------------------------------------------------------------------------- consent
def stated(document: object, mapping: Mapping = MAPPING) -> list[tuple[Any, int, tuple[Identifier, ...]]]:
    made = read(document, mapping).made
    assert {one.type for one in made} <= {CONSENT}
    return [(one.consent, one.time, one.identifiers) for one in made]


def test_consent_is_stated_with_the_time_it_was_given() -> None:
    assert stated(ORDER) == [({"email": True}, AT, (Identifier("loyalty_id", "L-1"),))]
    earlier = but(consent_time="asked_at")
    assert stated({**ORDER, "asked_at": AT - HOUR}, earlier)[0][1] == AT - HOUR


@pytest.mark.parametrize(
    ("said", "granted"),
    [(True, True), ("yes", True), ("TRUE", True), (1, True), ("1", True), (False, False), ("no", False), ("0", False)],
)
def test_files_say_yes_and_no_in_words(said: object, granted: bool) -> None:
    assert stated({**ORDER, "newsletter": said})[0][0] == {"email": granted}


@pytest.mark.parametrize("said", [None, ""])
def test_silence_is_no_statement(said: object) -> None:
    assert stated({**ORDER, "newsletter": said}) == []


def test_nobody_is_taken_to_consent_now_because_no_time_was_given() -> None:
    assert reason({**ORDER, "at": None}) == "invalid_consent"
    assert reason(ORDER, but(consent_time="asked_at")) == "invalid_consent"
    assert stated({**ORDER, "at": None, "newsletter": False})[0][:2] == ({"email": False}, NOW)


def test_a_statement_is_made_once_however_often_it_is_repeated() -> None:
    mapping = but(consent_time="asked_at")
    first, later = ({**ORDER, "asked_at": AT, "id": number} for number in (1, 2))
    ids = {one.message_id for document in (first, later) for one in read(document, mapping).made}
    assert len(ids) == 1


def test_a_cart_cannot_consent() -> None:
    mapping = but(identifiers={"cart_token": "customer.card"})
    assert reason(ORDER, mapping) == "invalid_consent"


# ---------------------------------------------------------------------------------------------------------------- items
EACH = but(each="orders")


def test_a_document_of_several_items_is_several_events_and_its_bad_ones_are_kept_alone() -> None:
    bad = {**ORDER, "id": 2, "customer": None}
    found = read({"orders": [{**ORDER, "id": 1}, bad, 3, {**ORDER, "id": 4}]}, EACH)
    assert [one.properties["total"] for one in found.events] == [12.5, 12.5]
    assert [json.loads(raw)["id"] for raw in found.raws] == [1, 4]
    assert [(one.reason, json.loads(one.raw), one.how) for one in found.rejected] == [
        ("no_identifier", bad, {"item": True}),
        ("invalid_event", 3, {"item": True}),
    ]
    assert len(found.made) == 2


def test_an_item_out_of_quarantine_is_read_as_it_was_among_the_others() -> None:
    found = read({"orders": [ORDER]}, EACH)
    again = read(json.loads(found.raws[0]), EACH, item=True)
    assert again.events == found.events


@pytest.mark.parametrize("orders", [None, {}, "text", 1])
def test_where_the_list_is_missing_the_whole_is_kept(orders: object) -> None:
    assert reason({"orders": orders}, EACH) == "invalid_event"
    assert reason({}, EACH) == "invalid_event"


def test_more_items_than_a_document_may_hold_are_kept_as_they_came() -> None:
    assert len(read({"orders": [{}] * MAX_ITEMS}, EACH).rejected) == MAX_ITEMS
    assert reason({"orders": [{}] * (MAX_ITEMS + 1)}, EACH) == "too_many_items"


def test_after_a_change_of_the_mapping_a_document_has_other_content_as_the_manual_says() -> None:
    before, after = event(ORDER, but(properties={"total": "total"})), event(ORDER, but(properties={"sum": "total"}))
    assert before.message_id == after.message_id
    assert before.fingerprint != after.fingerprint
    manual = (Path(__file__).parents[2] / "docs/collect.md").read_text().partition("## Duplicates")[2]
    unchanged, others = manual.partition("\n## ")[0].split("\n\n")[-2:]
    assert "do not make an event another one" in unchanged
    assert "mapping" not in unchanged
    assert "mapping" in others


def test_an_empty_list_says_nothing() -> None:
    assert read({"orders": []}, EACH) == Reading()


# --------------------------------------------------------------------------------------------------------------- bounds
def test_an_expression_that_does_not_fit_the_document_is_a_reason() -> None:
    mapping = but(properties={"lines": "length(lines)"})
    assert event(ORDER, mapping).properties == {"lines": 2}
    assert reason({**ORDER, "lines": None}, mapping) == "unmappable"


HEAVY = {
    "doubling": "|".join(["[@,@]"] * 25),
    "flattening": "|".join(["[@,@][]"] * 25),
    "written out": "to_string(" + "|".join(["[@,@]"] * 25) + ")",
    "compared": f"({'|'.join(['[@,@]'] * 25)}) == ({'|'.join(['[@,@]'] * 25)})",
    "joined": "join(to_string(@), keys(@))",
    "filtered": "lines[?a > `1` && b > `2`].{x: a, y: b}",
    "multiplied": "a" + ".not_null(`[1,2,3,4]`)[]" * 12,
    "sorted": "sort_by(lines, &a)[*].a",
}
LARGE = {**ORDER, "lines": [{"a": 5, "b": 5}] * 20_000, **{f"k{n}": "x" for n in range(20_000)}}


@pytest.mark.parametrize("heavy", HEAVY)
def test_no_expression_hangs_on_any_document(heavy: str) -> None:
    mapping = but(properties={"heavy": HEAVY[heavy]})
    assert list(mapping_problems("$.mapping", mapping)) == []
    found, spent = timed(lambda: reason(LARGE, mapping))
    assert found in {"unmappable", "event_too_large", "too_deep"}
    assert spent < HANG


def test_items_share_what_a_document_may_take() -> None:
    document = {"orders": [{**ORDER, "lines": [{"sku": "a", "n": 1}] * 100}] * MAX_ITEMS}
    found, spent = timed(lambda: read(document, EACH))
    assert spent < HANG
    assert {one.reason for one in found.rejected} == {"unmappable"}
    assert 0 < len(found.events) < MAX_ITEMS
    assert len(found.events) + len(found.rejected) == MAX_ITEMS


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([AT, "yes", "$x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ORDER, "email", "sku"]), inner),
    max_leaves=10,
)
mutated = st.dictionaries(st.sampled_from([*ORDER, "kind", "orders"]), odd).map(lambda changes: {**ORDER, **changes})
mappings = st.sampled_from([MAPPING, but(type="kind", event="name"), EACH, but(consent_time="asked"), but(each="@")])


@settings(max_examples=examples(300), deadline=None)
@given(document=odd | mutated, mapping=mappings, item=st.booleans())
def test_no_document_breaks_a_reader_and_none_is_lost(document: Any, mapping: Mapping, item: bool) -> None:
    found = read(document, mapping, item=item)
    several = mapping.each is not None and not item
    if not several:
        assert len(found.events) + len(found.rejected) == 1
    for one in found.events:
        assert one.identifiers
        assert one.message_id
        assert 0 < one.time <= NOW
        msgspec.json.decode(msgspec.json.encode(one))
    assert len(found.raws) == (len(found.events) if several else 0)
