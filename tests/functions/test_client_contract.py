"""What the clients of Segment, RudderStack and Jitsu expect of an endpoint, beside taking their events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from attune.domain.collection.api_keys import BROWSER
from attune.domain.definitions.sources import RateLimit, Source
from attune.domain.events import Event
from tests.builders import DAY, NOW
from tests.functions.door import Door, basic, collect_module
from tests.functions.gateway import Answer, OutOfReach, call, http_event

TRACK: dict[str, Any] = {"type": "track", "event": "Viewed", "userId": "u1", "messageId": "m1"}
LETTERS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
LIMITED = Source(id="limited", rate_limit=RateLimit(per_second=1, burst=2))
SETTINGS = "/v1/projects/{key}/settings"


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with collect_module() as loaded:
        yield loaded


@pytest.fixture
def door(module: Any) -> Door:
    return Door(module, LIMITED)


def posted(door: Door, route: str, body: object, parameters: dict[str, str] | None = None, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(door.module.handler, http_event(f"POST {route}", json.dumps(body).encode(), sent, parameters))


@pytest.mark.parametrize("letter", LETTERS)
def test_the_browsers_short_paths_are_the_calls(door: Door, letter: str) -> None:
    assert door.post(letter, TRACK).body == {"success": True}
    assert [event.type for event in door.events()] == [LETTERS[letter]]


def test_the_browsers_batch_has_a_short_path_too(door: Door) -> None:
    assert door.post("b", {"batch": [TRACK, {**TRACK, "messageId": "m2"}]}).body == {"success": True}
    assert [event.message_id for event in door.events()] == ["m1", "m2"]


@pytest.mark.parametrize("route", ["/api/s/{type}", "/api/s/s2s/{type}"])
@pytest.mark.parametrize("name", LETTERS.values())
def test_jitsus_paths_are_the_calls(door: Door, route: str, name: str) -> None:
    key = ":".join(door.browser.rsplit("_", 1))
    masked = f"{key.partition(':')[0]}:***"
    answer = posted(door, route, {**TRACK, "type": name, "writeKey": masked}, {"type": name}, x_write_key=key)
    assert answer.body == {"success": True}
    assert [event.type for event in door.events()] == [name]


@pytest.mark.parametrize("name", ["jump", "$wake", "s2s", "", "track/x", "../v1/track"])
def test_jitsus_paths_know_no_other_call(door: Door, name: str) -> None:
    assert posted(door, "/api/s/{type}", TRACK, {"type": name}, x_write_key=door.browser).code == "not_found"
    assert door.records() == []


@pytest.mark.parametrize("key", ["", ":", "a:b", "atn_w_aaaa:", "atn_w:aaaaaaaaaaaa:bb", "{key}:x", "x:{key}"])
def test_a_key_with_a_colon_elsewhere_is_unknown(door: Door, key: str) -> None:
    answer = posted(door, "/v1/track", TRACK, x_write_key=key.format(key=door.browser))
    assert (answer.status, answer.code) == (401, "unknown_write_key")


@pytest.mark.parametrize("path", ["/v1/track/", "/v1/batch/", "/api/s/track/", "/api/s/s2s/page/"])
def test_a_slash_at_the_end_changes_nothing(door: Door, path: str) -> None:
    event = http_event("$default", json.dumps({**TRACK, "batch": [TRACK]}).encode(), {"x-write-key": door.browser})
    event["rawPath"] = path
    event["requestContext"]["http"]["method"] = "POST"
    assert call(door.module.handler, event).body == {"success": True}
    assert len(door.events()) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_events_are_posted_and_not_sent_otherwise(door: Door, method: str) -> None:
    event = http_event("$default", json.dumps(TRACK).encode(), {"x-write-key": door.browser})
    event["rawPath"] = "/v1/track"
    event["requestContext"]["http"]["method"] = method
    assert call(door.module.handler, event).code == "not_found"


def imported(door: Door, **fields: Any) -> Event:
    assert door.post("import", {"batch": [{**TRACK, **fields}], "sentAt": "2019-03-01T00:00:00Z"}).status == 200
    return door.events()[-1]


def test_times_of_an_import_stand_as_they_were_said(door: Door) -> None:
    assert imported(door, timestamp="2012-12-02T00:30:08.276Z").time == 1_354_408_208_276
    assert imported(door, timestamp="2012-12-02T00:30:08.276Z", sentAt="2012-12-03T00:00:00Z").time == 1_354_408_208_276


def test_an_import_is_a_batch_otherwise(door: Door) -> None:
    for body, code in (({"batch": {}}, "invalid_batch"), ({"batch": [{"x": "y" * 33_000}]}, "too_large")):
        assert door.post("import", body).code == code
    assert door.post("import", {"batch": [7, {**TRACK, "timestamp": "1970-01-01"}]}).status == 200
    assert [reason for reason, _ in door.rejected()] == ["invalid_event", "invalid_time"]


def test_ids_that_are_null_are_absent(door: Door) -> None:
    nothing = {"anonymousId": None, "messageId": None, "timestamp": None, "context": None, "properties": None}
    assert door.post("track", {**TRACK, **nothing}).status == 200
    (event,) = door.events()
    assert [identifier.namespace for identifier in event.identifiers] == ["user_id"]
    assert event.message_id.startswith("derived-")


def test_traits_come_from_the_call_and_from_its_context(door: Door) -> None:
    context = {"traits": {"plan": "pro", "city": "Rome"}}
    door.post("identify", {"userId": "u1", "context": context, "traits": {"city": "Oslo"}})
    assert [event.traits for event in door.events()] == [{"plan": "pro", "city": "Oslo"}]


@pytest.mark.parametrize(("said", "counted"), [("1", 1), ("17", 1), ("0", 0), ("", 0), ("-1", 0), ("x", 0), ("²", 0)])
def test_requests_that_clients_sent_before_are_counted(door: Door, said: str, counted: int) -> None:
    assert door.post("track", TRACK, x_retry_count=said).status == 200
    assert door.counted.count(("RequestsRetried", 1, {})) == counted


def settings_for(door: Door, key: str, **headers: str) -> Answer:
    return door.get(SETTINGS, {"key": key}, **headers)


def test_analytics_js_is_told_to_send_here_and_nowhere_else(door: Door) -> None:
    answer = settings_for(door, door.browser, host="events.shop.example")
    assert answer.status == 200
    assert answer.body["integrations"] == {
        "Segment.io": {
            "apiKey": door.browser,
            "apiHost": "events.shop.example/v1",
            "protocol": "https",
            "retryQueue": True,
        }
    }
    assert answer.body["metrics"] == {"sampleRate": 0}
    assert answer.body["remotePlugins"] == []
    assert answer.headers["cache-control"].startswith("private")


def test_behind_another_name_analytics_js_is_told_that_name(door: Door) -> None:
    forwarded = {"x_forwarded_host": "127.0.0.1:8080", "x_forwarded_proto": "http"}
    ours = settings_for(door, door.browser, host="gateway", **forwarded).body["integrations"]["Segment.io"]
    assert (ours["protocol"], ours["apiHost"]) == ("http", "127.0.0.1:8080/v1")


@pytest.mark.parametrize("host", ["", "a b", "evil.example/x?", "a" * 256, "é"])
def test_a_name_that_is_none_is_not_passed_on(door: Door, host: str) -> None:
    ours = settings_for(door, door.browser, host="", x_forwarded_host=host).body["integrations"]["Segment.io"]
    assert "apiHost" not in ours


def test_rudder_is_told_that_its_source_lives_and_to_report_to_nobody(door: Door) -> None:
    for headers, parameters in (({"authorization": basic(f"{door.browser}:")}, {}), ({}, {"writeKey": door.browser})):
        event = http_event("GET /sourceConfig", headers=headers)
        event["queryStringParameters"] = parameters
        answer = call(door.module.handler, event)
        told = answer.body["source"]
        assert (answer.status, told["id"], told["enabled"], told["destinations"]) == (200, "shop", True, [])
        silent = {"enabled": False}
        assert told["config"] == {"statsCollection": {"errors": silent, "metrics": silent}}


def test_rudder_asks_with_a_slash_at_the_end(door: Door) -> None:
    event = http_event("$default", headers={"authorization": basic(door.browser)})
    event["rawPath"] = "/sourceConfig/"
    event["requestContext"]["http"]["method"] = "GET"
    assert call(door.module.handler, event).body["source"]["id"] == "shop"


@pytest.mark.parametrize("key", ["nobody", "atn_w_aaaaaaaaaaaa_" + "a" * 52, "$default"])
def test_settings_are_told_to_whoever_has_a_key(door: Door, key: str) -> None:
    assert settings_for(door, key).code == "unknown_write_key"
    assert door.get("/sourceConfig", authorization=basic(key)).code == "unknown_write_key"
    assert door.get("/sourceConfig").code == "unknown_write_key"


def test_settings_are_told_to_the_sources_own_pages(door: Door) -> None:
    for origin, status in (("https://shop.example", 200), ("https://evil.example", 403), ("null", 403)):
        assert settings_for(door, door.browser, origin=origin).status == status
        assert door.get("/sourceConfig", authorization=basic(door.browser), origin=origin).status == status


@pytest.mark.parametrize(
    "route", ["/v1/t", "/v1/b", "/v1/i", "/v1/import", "/api/s/{type}", "/api/s/s2s/{type}", "/v1/track", "/v1/batch"]
)
def test_every_route_checks_the_browsers_origin_and_takes_a_public_key_for_no_proof(door: Door, route: str) -> None:
    parameters = {"type": "track"} if "{" in route else None
    body = {**TRACK, "batch": [TRACK]}
    refused = posted(door, route, body, parameters, x_write_key=door.browser, origin="https://evil.example")
    assert (refused.status, refused.code) == (403, "origin_not_allowed")
    unknown = posted(door, route, body, parameters, x_write_key="nobody")
    assert (unknown.status, unknown.code) == (401, "unknown_write_key")
    assert door.records() == []
    for key, trusted in ((door.browser, False), (door.server, True)):
        assert posted(door, route, body, parameters, x_write_key=key).status == 200
        assert door.records()[-1].trusted is trusted


@pytest.mark.parametrize("name", ["$consent", "$list", "$score", "$wake", "$unlink"])
@pytest.mark.parametrize("route", ["/v1/t", "/v1/b", "/v1/import", "/api/s/s2s/{type}"])
def test_no_route_lets_a_client_say_what_only_we_say(door: Door, route: str, name: str) -> None:
    call_of_ours = {"type": name, "event": name, "userId": "u1", "consent": {"email": True}}
    parameters = {"type": "track"} if "{" in route else None
    body = {**call_of_ours, "batch": [call_of_ours]}
    assert posted(door, route, body, parameters, x_write_key=door.server).status == 200
    assert (door.events(), [reason for reason, _ in door.rejected()]) == ([], ["reserved_name"])


@pytest.mark.parametrize("port", ["keys", "definitions"])
def test_settings_that_cannot_be_told_now_are_to_be_asked_again(door: Door, port: str) -> None:
    door.rebuild(**{port: OutOfReach()})
    answer = settings_for(door, door.browser)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_source_above_its_limit_is_asked_to_come_again(door: Door, where: str) -> None:
    key = door.new_key(BROWSER, "limited", seed=5)
    answers = [
        door.post("track", TRACK, key=key) if where == "header" else door.post("t", {**TRACK, "writeKey": key}, key="")
        for _ in range(3)
    ]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].code == "rate_limited"
    assert int(answers[2].headers["retry-after"]) >= 1
    assert len(door.events()) == 2
    assert ("RequestsLimited", 1, {"source": "limited"}) in door.counted
    # another source has a limit of its own, or none
    assert door.post("track", TRACK).status == 200


def test_events_pass_when_nobody_can_say_how_many_there_were(door: Door) -> None:
    door.rebuild(allowances=OutOfReach())
    key = door.new_key(BROWSER, "limited", seed=5)
    assert [door.post("track", TRACK, key=key).status for _ in range(5)] == [200] * 5
    assert ("LimitsUnreachable", 1, {}) in door.counted


def test_a_call_of_the_past_is_corrected_by_the_clock_of_its_sender_outside_an_import(door: Door) -> None:
    said = {"timestamp": NOW - DAY, "sentAt": NOW - DAY + 1_000}
    door.post("batch", {"batch": [{**TRACK, **said}]})
    (event,) = door.events()
    assert event.time == door.records()[0].received_at - 1_000
