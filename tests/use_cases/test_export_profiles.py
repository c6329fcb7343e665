"""Somebody asks what is held of them: all of theirs is there, from every store, and nothing of anybody else's."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from attune.domain.collection.quarantine import Came
from attune.domain.definitions.computations import Counter
from attune.domain.definitions.kinds import ComputedTrait
from attune.domain.events import Origin, encode_record
from attune.domain.privacy.access_records import AccessRecord
from attune.domain.privacy.exports import PARTS, page_head, page_part
from attune.domain.profiles.state import encode_profile
from attune.use_cases.erasure.sweep_batches import FAILED
from attune.use_cases.profiles.unlink_profiles import UnlinkProfiles
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    Pseudonyms,
    definition_list,
    delivery,
    event,
    identifiers,
    identify,
    key_of,
    record,
)
from tests.failed_batches import document, kinesis_record, table_record
from tests.faults.unlinking import unlink_event
from tests.use_cases.privacy_desk import ANN, PrivacyDesk
from tests.use_cases.test_privacy_requests import EMAIL, later, refused, signs_up

ORDER = {"order_id": "o-77", "total": 12.5}
SCRIPT = "<script>alert('Ann')</script>"


@pytest.fixture
def desk() -> PrivacyDesk:
    """Ann, of whom every store holds something, and Ben, of whom so does every store."""
    desk = PrivacyDesk(*definition_list(ComputedTrait(id="orders", compute=Counter(event="Order Completed"))))
    signs_up(desk)
    desk.processor.send(identify({"first_name": "Ben"}, identifiers=identifiers(user_id="ben", email="ben@b.com")))
    for name in ("ann", "ben"):
        order = ORDER | {"order_id": f"order of {name}"}
        desk.processor.send(event("Order Completed", identifiers=identifiers(user_id=name), properties=order))
        profile = desk.processor.profile("user_id", name)
        desk.deliveries.claim(delivery(profile_id=profile.profile_id, body=f"Dear {name}"))
        raw = json.dumps({"userId": name, "email": f"{name}@example.com"}).encode()
        desk.processor.quarantine.keep("no_identifier", "shop", NOW, raw)
        batch_told = Came(origin=Origin.CLIENT, how={"call": "batch", "context": {"traits": {"userId": name}}})
        desk.processor.quarantine.keep("invalid_json", "shop", NOW + 1, b"{", batch_told)
        keep_as_it_came(desk, name)
        key = key_of("user_id", name)
        desk.ledger.keep(
            [AccessRecord(at=NOW, record_id=name.rjust(16, "0"), who=f"looks at {name}", route="GET /", subject=key)]
        )
        desk.received("erasure", identifiers=identifiers(user_id=name), reference=f"of {name}")
    later(desk)
    return desk


def keep_as_it_came(desk: PrivacyDesk, name: str) -> None:
    """In a batch that was given up, in a file, among what the lake could not take, and that nothing is taken in of."""
    waiting = record(event("Waits", identifiers=identifiers(user_id=name), properties={"of": name}))
    desk.failures.put(f"{FAILED}{name}", io.BytesIO(document([kinesis_record("key", encode_record(waiting))])))
    changed = table_record(desk.processor.profile("user_id", name).profile_id, f"[{name}]")
    desk.failures.put(f"{FAILED}{name}-table", io.BytesIO(document([changed], function="run-campaigns")))
    desk.failures.put(f"{FAILED}{name}-torn", io.BytesIO(json.dumps({"userId": name}).encode()))
    rows = f"customer_id,text\n7,of nobody\n{name}@example.com,{name} said so\n"
    desk.imports.put(f"imports/till/{name}.csv", io.BytesIO(rows.encode()))
    desk.imports.put(f"taken/till/{name}.ndjson.gz", io.BytesIO(gzip.compress(json.dumps({"userId": name}).encode())))
    desk.imports.put(f"imports/till/{name}.csv.report.json", io.BytesIO(b"{}"))
    missed = next(line for line in desk.processor.lake.rows if f"order of {name}".encode() in line)
    told = {"errorCode": "x", "rawData": base64.b64encode(missed).decode()}
    desk.lake.put(f"errors/processing-failed/{name}", io.BytesIO(json.dumps(told).encode() + b"\n"))


def shown(desk: PrivacyDesk, *subject: str) -> tuple[dict[str, Any], str]:
    asked = desk.ask("access", *(subject or (EMAIL,)))["request_id"]
    assert desk.run(asked) == ["read", "finish", "over"]
    urls = desk.manage.export(asked)
    data, page = (
        desk.documents.documents[urls[kind].removeprefix("memory:").partition("?")[0]][0] for kind in ("json", "html")
    )
    return json.loads(data), page.decode()


def test_every_store_is_asked(desk: PrivacyDesk) -> None:
    data, _ = shown(desk)
    [profile] = data["profiles"]
    assert {one["value"] for one in profile["identifiers"]} == {"ann", "ann@example.com", "tablet"}
    assert [(one["trait"], one["value"]) for one in profile["traits"]] == [("first_name", "Ann"), ("orders", 1)]
    assert profile["workings"]["activity"]
    assert {one["purpose"]: one["granted"] for one in profile["consent"]}["email"] is True
    assert [one.get("name") or one["type"] for one in data["events"]] == ["identify", "Order Completed"]
    assert data["events"][1]["properties"] == ORDER | {"order_id": "order of ann"}
    assert [one["message"] for one in data["messages"]] == ["Dear ann"]
    assert {one["purpose"] for one in data["consent_history"]} == {"analytics", "personalization", "email"}
    assert [one["who"] for one in data["who_looked"]] == ["looks at ann"]
    assert [json.loads(one["input"])["userId"] for one in data["refused_input"][:1]] == ["ann"]
    assert [one["came_with"]["call"] for one in data["refused_input"][1:]] == ["batch"]
    assert [one["properties"]["order_id"] for one in data["missed_rows"]] == ["order of ann"]
    changed, waiting = data["failed_batches"]
    assert changed == {"at": "", "change": "MODIFY", "batch": f"{FAILED}ann-table"}
    assert [one["properties"] for one in waiting["events"]] == [{"of": "ann"}]
    assert [(one["file"], one["row"]) for one in data["dropped_files"]] == [
        ("imports/till/ann.csv", 3),
        ("taken/till/ann.ndjson.gz", 1),
    ]
    assert data["dropped_files"][0]["columns"] == "customer_id,text\n"
    assert data["left_out"] == [{"part": "failed_batches", "code": "unreadable", "entries": 1}]
    assert [one["kind"] for one in data["requests"]] == ["erasure"]
    assert data["holds"] == []
    kept = {one["purpose"]: one["kept"] for one in data["purposes"]}  # Art. 15(1)d
    assert kept["email"] == "messages 90 days"
    assert "what you did until you are erased" in kept["analytics"]
    assert [one["source"] for one in data["sources"]] == ["shop"]


@pytest.mark.parametrize(
    ("purpose", "traits"), [("personalization", ["first_name"]), ("email", ["first_name", "orders"])]
)
def test_computed_traits_are_told_as_far_as_they_may_be_used(
    desk: PrivacyDesk, purpose: str, traits: list[str]
) -> None:
    desk.holds.place(key_of("user_id", "ann"), {purpose: NOW + 1}, NOW)
    data, _ = shown(desk)
    assert [one["trait"] for one in data["profiles"][0]["traits"]] == traits
    assert [one["purpose"] for one in data["holds"]] == [purpose]


def test_who_is_suppressed_is_told_so(desk: PrivacyDesk) -> None:
    desk.ask("suppression", EMAIL)
    desk.run()
    later(desk)
    data, _ = shown(desk)
    assert len(data["suppressions"]) == 1


def test_of_the_unlinked_each_is_shown_their_own(desk: PrivacyDesk) -> None:
    desk.processor.send(event("Browsed", identifiers=identifiers(user_id="ann", anonymous_id="phone")))
    desk.processor.send(event("Of the phone", identifiers=identifiers(anonymous_id="phone")))
    unlink = UnlinkProfiles(
        profiles=desk.processor.store,
        stream=desk.stream,
        pseudonyms=Pseudonyms(),
        admin_key=lambda: "",
        clock=desk.clock,
    )
    unlink("user_id:ann", b'{"identifiers": ["anonymous_id:phone"], "reason": "no"}', lambda _: None)
    desk.carry()
    later(desk)
    for number, line in enumerate(one for one in desk.processor.lake.rows if b"phone" in one or b'"track"' in one):
        told_by_firehose = json.dumps({"rawData": base64.b64encode(line).decode()}).encode()
        desk.lake.put(f"errors/late/{number}", io.BytesIO(told_by_firehose))
    data, other = (shown(desk, subject)[0] for subject in (EMAIL, "anonymous_id:phone"))
    ann, phone = data["events"], other["events"]
    missed = [one["name"] for one in data["missed_rows"]]
    assert sorted(missed) == ["Browsed", "Order Completed", "Order Completed"]  # one of them as every store holds it
    assert {one["name"] for one in phone if "name" in one} == {"Of the phone"}
    assert {"Browsed", "Order Completed"} <= {one["name"] for one in ann if "name" in one}
    assert "Of the phone" not in {one.get("name") for one in ann}
    assert "$unlink" not in {one["type"] for one in ann}  # it names the other's


def test_as_long_as_they_are_not_folded_apart_each_is_shown_what_is_surely_theirs(desk: PrivacyDesk) -> None:
    both = identifiers(user_id="ann", loyalty_id="zoe")
    bag = {"cart_id": "bag", "products": [{"product_id": "of zoe"}]}
    desk.processor.send(
        identify({"illness": "of zoe"}, identifiers=both), event("Cart Viewed", identifiers=both, properties=bag)
    )
    later(desk)
    whole = desk.processor.profile("user_id", "ann").profile_id
    desk.processor.send(unlink_event(whole, *identifiers(loyalty_id="zoe"), time=desk.clock()))
    later(desk)
    desk.processor.send(identify({"shoe": 43}, identifiers=identifiers(user_id="ann"), time=desk.clock()))
    data, _ = shown(desk)
    [profile] = data["profiles"]
    assert "of zoe" not in json.dumps(profile)
    assert [one["trait"] for one in profile["traits"]] == ["shoe"]
    assert (profile["carts"], profile["segments"], profile["workings"]) == ([], [], {})
    [left_out] = [one for one in data["left_out"] if one["part"] == "profiles"]
    assert left_out["code"] == "not_told_apart"
    assert left_out["entries"] >= 3  # two traits and a cart


def test_no_key_and_nobody_else_is_in_a_change_of_a_profile(desk: PrivacyDesk) -> None:
    profile = desk.processor.profile("user_id", "ann")
    image = {"state": {"B": base64.b64encode(encode_profile(profile)).decode()}, "other": {"S": "of Zoe"}}
    change = table_record(profile.profile_id, "[]")
    change["dynamodb"]["NewImage"] |= image
    change["dynamodb"]["ApproximateCreationDateTime"] = 1_750_000_000.5
    for name, content in (("one", document([change])), ("torn", document([change])[:-20])):
        desk.failures.put(f"{FAILED}state-{name}", io.BytesIO(content))
    data, page = shown(desk)
    told = [one for one in data["failed_batches"] if one["batch"] == f"{FAILED}state-one"]
    assert told == [{"at": "2025-06-15T15:06:40.500Z", "change": "MODIFY", "batch": f"{FAILED}state-one"}]
    assert data["left_out"][0]["entries"] == 2
    for secret in ("of Zoe", image["state"]["B"], base64.b64encode(profile.data_key).decode(), profile.data_key.hex()):
        assert secret not in json.dumps(data) + page


def test_nothing_of_anybody_else_is_there(desk: PrivacyDesk) -> None:
    data, page = shown(desk)
    for text in (json.dumps(data), page):
        assert "ben" not in text.lower().replace("benefit", "")
        assert "ann" in text


def test_who_was_merged_is_part_of_it(desk: PrivacyDesk) -> None:
    desk.processor.send(event("Browsed", identifiers=identifiers(anonymous_id="phone")))
    old = desk.processor.profile("anonymous_id", "phone").profile_id
    desk.deliveries.claim(delivery(profile_id=old, delivery_id="msg_old", body="Dear visitor"))
    desk.processor.send(event("Linked", identifiers=identifiers(user_id="ann", anonymous_id="phone")))
    data, _ = shown(desk)
    assert len(data["profiles"]) == 1
    assert {one.get("name") for one in data["events"]} >= {"Browsed", "Linked", "Order Completed"}
    assert "Dear visitor" in {one["message"] for one in data["messages"]}


def test_a_message_that_is_past_its_time_is_not_among_them(desk: PrivacyDesk) -> None:
    ann = desk.processor.profile("user_id", "ann").profile_id
    for name, seconds in (("gone", NOW // 1_000), ("kept", (NOW + DAY) // 1_000)):
        desk.deliveries.claim(delivery(profile_id=ann, delivery_id=name, body=name, expires_at=seconds))
    assert [one["message"] for one in shown(desk)[0]["messages"]] == ["Dear ann", "kept"]


def test_of_somebody_unknown_it_says_that_nothing_is_held(desk: PrivacyDesk) -> None:
    data, page = shown(desk, "email:nobody@example.com")
    assert (data["profiles"], data["events"], data["messages"], data["refused_input"]) == ([], [], [], [])
    assert page.count("<p>Nothing.</p>") >= 7


def test_who_is_erased_meanwhile_is_shown_nothing(desk: PrivacyDesk) -> None:
    desk.ask("erasure", EMAIL)
    desk.run()
    later(desk, HOUR)
    data, _ = shown(desk)
    assert (data["profiles"], data["events"]) == ([], [])


def test_the_request_is_over_and_names_nobody_but_what_it_has_gathered_can_be_shown(desk: PrivacyDesk) -> None:
    asked = desk.ask("access", EMAIL)["request_id"]
    assert refused(lambda: desk.manage.export(asked)) == (404, "no_export")
    desk.run()
    assert desk.manage.one(asked)["subject"] == []
    assert desk.manage.export(asked)["request_id"] == asked
    desk.documents.documents.clear()  # a week later
    assert refused(lambda: desk.manage.export(asked)) == (404, "no_export")


def test_a_browser_that_calls_itself_by_somebodys_name_is_not_shown_their_input(desk: PrivacyDesk) -> None:
    sly = identifiers(user_id="mallory", anonymous_id="ann")
    desk.processor.send(identify({}, identifiers=sly), trusted=False)
    desk.processor.send(identify({}, identifiers=identifiers(user_id="mallory", email="mallory@m.com")))
    data, _ = shown(desk, "email:mallory@m.com")
    assert (data["refused_input"], data["dropped_files"], data["failed_batches"]) == ([], [], [])


def test_whoever_has_the_address_after_an_erasure_is_shown_nothing_of_the_life_before(desk: PrivacyDesk) -> None:
    desk.ask("erasure", EMAIL)
    desk.run()
    later(desk, HOUR)
    data, _ = shown(desk)
    assert (data["consent_history"], data["who_looked"], data["holds"]) == ([], [], [])
    signs_up(desk, time=desk.clock())
    later(desk)
    data, _ = shown(desk)
    assert len(data["profiles"]) == 1
    assert {one["profile_id"] for one in data["consent_history"]} == {data["profiles"][0]["profile_id"]}
    assert (data["who_looked"], data["holds"]) == ([], [])


class Tags(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_the_page_runs_and_fetches_nothing_whatever_somebody_has_said(desk: PrivacyDesk) -> None:
    said = {SCRIPT: SCRIPT, "list": [SCRIPT, {"a": SCRIPT}], "none": None, "yes": True}
    desk.processor.send(event(SCRIPT, identifiers=ANN, properties=said))
    desk.processor.send(identify({"nickname": SCRIPT}, identifiers=ANN))
    _, page = shown(desk)
    tags = page_of(page)
    assert "script" not in tags.tags
    assert "default-src 'none'" in page
    assert SCRIPT in tags.texts
    assert [one for one in tags.tags if one == "section"] == ["section"] * len(PARTS)


def leaves(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, one in value.items():
                yield name
                yield from leaves(one)
        case list():
            for one in value:
                yield from leaves(one)
        case None | "" | bool():
            return
        case _:
            yield str(value)


def test_whatever_is_in_the_data_stands_on_the_page(desk: PrivacyDesk) -> None:
    deep: dict[str, Any] = {"bottom": "of it"}
    for number in range(40):
        deep = {f"level {number}": deep}
    desk.processor.send(event("Deep", identifiers=ANN, properties={"sizes": ["S", {"width": 7}], "deep": deep}))
    data, page = shown(desk)
    texts = " ".join(page_of(page).texts)
    said = {text for entries in data.values() if isinstance(entries, list) for text in leaves(entries)}
    assert {text for text in said if text not in texts and text.replace("_", " ") not in texts} == set()


def test_a_page_of_nothing_is_a_page() -> None:
    assert page_head("r", "now").startswith("<!doctype html>")
    assert "<p>Nothing.</p>" in "".join(page_part("events", []))
