"""Somebody asks what is held of them: all of theirs is there, from every store, and nothing of anybody else's."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from attune.domain.access_records import AccessRecord
from attune.domain.exports import PARTS, as_page
from tests.builders import HOUR, NOW, delivery, event, identifiers, identify, key_of
from tests.use_cases.privacy_desk import ANN, PrivacyDesk
from tests.use_cases.test_privacy_requests import EMAIL, later, refused, signs_up

ORDER = {"order_id": "o-77", "total": 12.5}
SCRIPT = "<script>alert('Ann')</script>"


@pytest.fixture
def desk() -> PrivacyDesk:
    """Ann, of whom every store holds something, and Ben, of whom so does every store."""
    desk = PrivacyDesk()
    signs_up(desk)
    desk.processor.send(identify({"first_name": "Ben"}, identifiers=identifiers(user_id="ben", email="ben@b.com")))
    for name in ("ann", "ben"):
        order = ORDER | {"order_id": f"order of {name}"}
        desk.processor.send(event("Order Completed", identifiers=identifiers(user_id=name), properties=order))
        profile = desk.processor.profile("user_id", name)
        desk.deliveries.claim(delivery(profile_id=profile.profile_id, body=f"Dear {name}"))
        raw = json.dumps({"userId": name, "email": f"{name}@example.com"}).encode()
        desk.processor.quarantine.keep("no_identifier", "shop", NOW, raw)
        key = key_of("user_id", name)
        desk.ledger.keep(
            [AccessRecord(at=NOW, record_id=name.rjust(16, "0"), who=f"looks at {name}", route="GET /", subject=key)]
        )
        desk.received("erasure", identifiers=identifiers(user_id=name), reference=f"of {name}")
    later(desk)
    return desk


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
    assert [(one["trait"], one["value"]) for one in profile["traits"]] == [("first_name", "Ann")]
    assert {one["purpose"]: one["granted"] for one in profile["consent"]}["email"] is True
    assert [one.get("name") or one["type"] for one in data["events"]] == ["identify", "Order Completed"]
    assert data["events"][1]["properties"] == ORDER | {"order_id": "order of ann"}
    assert [one["message"] for one in data["messages"]] == ["Dear ann"]
    assert {one["purpose"] for one in data["consent_history"]} == {"analytics", "personalization", "email"}
    assert [one["who"] for one in data["who_looked"]] == ["looks at ann"]
    assert [json.loads(one["input"])["userId"] for one in data["refused_input"]] == ["ann"]
    assert [one["kind"] for one in data["requests"]] == ["erasure"]
    assert data["holds"] == []
    assert {one["purpose"] for one in data["purposes"]} >= {"analytics", "email"}
    assert [one["source"] for one in data["sources"]] == ["shop"]


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


def test_a_browser_that_calls_itself_by_a_common_word_is_not_shown_everybodys_input(desk: PrivacyDesk) -> None:
    sly = identifiers(user_id="mallory", anonymous_id="userId")
    desk.processor.send(identify({}, identifiers=sly), trusted=False)
    desk.processor.send(identify({}, identifiers=identifiers(user_id="mallory", email="mallory@m.com")))
    data, _ = shown(desk, "email:mallory@m.com")
    assert data["refused_input"] == []


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


def test_the_page_runs_and_fetches_nothing_whatever_somebody_has_said(desk: PrivacyDesk) -> None:
    said = {SCRIPT: SCRIPT, "list": [SCRIPT, {"a": SCRIPT}], "none": None, "yes": True}
    desk.processor.send(event(SCRIPT, identifiers=ANN, properties=said))
    desk.processor.send(identify({"nickname": SCRIPT}, identifiers=ANN))
    _, page = shown(desk)
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert "default-src 'none'" in page
    assert SCRIPT in tags.texts
    assert [one for one in tags.tags if one == "section"] == ["section"] * len(PARTS)


def test_a_page_of_nothing_is_a_page() -> None:
    assert as_page({}).startswith("<!doctype html>")
