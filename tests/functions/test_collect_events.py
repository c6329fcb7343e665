"""collect_events from the gateway's event to the stream: who may send what, and what is answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from attune.domain.collection.api_keys import BROWSER
from attune.domain.events import Origin
from tests.builders import identifiers, key_of
from tests.functions.door import Door, basic, collect_module
from tests.functions.gateway import OutOfReach, call, http_event

KB = 1024
TRACK: dict[str, Any] = {"type": "track", "event": "Viewed", "userId": "u1", "messageId": "m1"}


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with collect_module() as loaded:
        yield loaded


@pytest.fixture
def door(module: Any) -> Door:
    return Door(module)


def padded(size: int, **fields: Any) -> bytes:
    """A call of exactly `size` bytes."""
    empty = json.dumps({**TRACK, **fields, "properties": {"pad": ""}}).encode()
    return empty.replace(b'"pad": ""', b'"pad": "' + b"x" * (size - len(empty)) + b'"')


def batch_of(items: Sequence[bytes]) -> bytes:
    return b'{"batch":[' + b",".join(items) + b"]}"


def test_a_stored_batch_is_answered_with_exactly_success(door: Door) -> None:
    answer = door.post("batch", {"batch": [TRACK, {**TRACK, "messageId": "m2"}], "sentAt": "2025-06-15T15:06:40Z"})
    assert (answer.status, answer.body) == (200, {"success": True})
    assert [event.message_id for event in door.events()] == ["m1", "m2"]


@pytest.mark.parametrize("path", ["track", "identify", "page", "screen", "group", "alias"])
def test_every_call_has_an_endpoint_of_its_own(door: Door, path: str) -> None:
    assert door.post(path, {**TRACK, "type": "ignored"}).status == 200
    assert [event.type for event in door.events()] == [path]


def test_a_request_becomes_one_record_for_each_person_in_the_order_sent(door: Door) -> None:
    calls = [{**TRACK, "userId": f"u{n % 3}", "messageId": f"m{n}"} for n in range(9)]
    door.post("batch", {"batch": calls})
    assert [(record.key, [event.message_id for event in record.events]) for record in door.records()] == [
        (key_of("user_id", f"u{n}"), [f"m{n}", f"m{n + 3}", f"m{n + 6}"]) for n in range(3)
    ]
    assert [record.partition_key for record in door.stream.records] == [record.key for record in door.records()]


def test_records_say_where_they_come_from_and_whether_anyone_vouches(door: Door) -> None:
    door.post("track", TRACK)
    door.post("track", TRACK, authorization=f"Bearer {door.server}")
    door.post("track", TRACK, key=door.server)
    assert [(r.source, r.origin, r.trusted) for r in door.records()] == [
        ("shop", Origin.CLIENT, False),
        ("shop", Origin.CLIENT, True),
        ("shop", Origin.CLIENT, True),
    ]


def test_the_write_key_is_found_wherever_clients_put_it(door: Door) -> None:
    assert door.post("track", TRACK, authorization=basic(door.browser)).status == 200
    assert door.post("track", TRACK, authorization=basic(f"{door.browser}:")).status == 200
    assert door.post("track", TRACK, key="", x_write_key=door.browser).status == 200
    assert door.post("track", {**TRACK, "writeKey": door.browser}, key="").status == 200
    assert door.post("batch", {"batch": [TRACK], "writeKey": door.browser}, key="").status == 200
    assert len(door.events()) == 5
    assert door.browser not in str(door.records())


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !!!", "Basic //8=", "Bearer", "Bearer x", "Digest x", basic("atn_w_aaaaaaaaaaaa_" + "a" * 52)],
)
def test_an_unknown_write_key_is_refused(door: Door, authorization: str) -> None:
    answer = door.post("track", TRACK, authorization=authorization)
    assert (answer.status, answer.code) == (401, "unknown_write_key")
    assert door.records() == []


def test_a_key_with_one_character_changed_is_unknown(door: Door) -> None:
    changed = door.browser[:-1] + ("b" if door.browser[-1] != "b" else "c")
    assert door.post("track", TRACK, key=changed).code == "unknown_write_key"
    assert door.post("track", TRACK, key=door.browser.replace("_w_", "_s_")).code == "unknown_write_key"


def test_a_key_whose_source_is_gone_is_unknown(door: Door) -> None:
    assert door.post("track", TRACK, key=door.new_key(BROWSER, "gone", seed=9)).code == "unknown_write_key"


@pytest.mark.parametrize("key", [None, 7, {}, "", ["x"]])
def test_a_write_key_in_the_body_that_is_none_is_refused(door: Door, key: object) -> None:
    assert door.post("batch", {"batch": [TRACK], "writeKey": key}, key="").code == "unknown_write_key"


def test_bad_events_are_put_aside_with_their_bytes_and_their_neighbours_go_on(door: Door) -> None:
    bad = [b'{"type":"track","event":"A"}', b"[ 1 ]", b'{"type":"jump", "userId":"u1"}', b'"x"']
    bad += [
        b'{"type":"track","event":"$wake","userId":"u1"}',
        b'{"type":"track","event":"A","userId":"u1","timestamp":1}',
    ]
    good = [padded(200, messageId="m1"), padded(300, messageId="m2")]
    assert door.post("batch", batch_of([good[0], *bad, good[1]])).status == 200
    assert [event.message_id for event in door.events()] == ["m1", "m2"]
    reasons = ["no_identifier", "invalid_event", "invalid_type", "invalid_event", "reserved_name", "invalid_time"]
    assert door.rejected() == list(zip(reasons, bad, strict=True))


def test_what_came_is_counted_as_accepted_or_rejected_by_reason(door: Door) -> None:
    door.post("batch", {"batch": [TRACK, TRACK, {}, {}, 7]})
    assert sorted(door.counted, key=str) == [
        ("EventsAccepted", 2, {"source": "shop"}),
        ("EventsRejected", 1, {"source": "shop", "reason": "invalid_event"}),
        ("EventsRejected", 2, {"source": "shop", "reason": "invalid_type"}),
    ]


def test_an_event_of_32_kb_passes_and_one_byte_more_is_too_large(door: Door) -> None:
    assert door.post("track", padded(32 * KB)).status == 200
    assert door.post("batch", batch_of([padded(32 * KB), padded(200)])).status == 200
    stored = len(door.records())
    for path, body in (("track", padded(32 * KB + 1)), ("batch", batch_of([padded(200), padded(32 * KB + 1)]))):
        answer = door.post(path, body)
        assert (answer.status, answer.code) == (413, "too_large")
    assert len(door.records()) == stored


def test_a_batch_of_500_kb_passes_and_one_byte_more_is_too_large(door: Door) -> None:
    def batch(size: int) -> bytes:
        items = [padded(30 * KB, messageId=f"m{n}") for n in range(16)]
        rest = size - len(batch_of([*items, b""]))
        return batch_of([*items, padded(rest, messageId="last")])

    assert len(batch(500 * KB)) == 500 * KB
    assert door.post("batch", batch(500 * KB)).status == 200
    assert len(door.events()) == 17
    for body, headers in (
        (batch(500 * KB + 1), {}),
        (gzip.compress(batch(500 * KB + 1)), {"content_encoding": "gzip"}),
    ):
        answer = door.post("batch", body, **headers)
        assert (answer.status, answer.code) == (413, "too_large")
    assert len(door.events()) == 17


def test_a_batch_holds_2500_events_and_no_more(door: Door) -> None:
    tiny = b'{"type":"page","userId":"u1"}'
    assert door.post("batch", batch_of([tiny] * 2_500)).status == 200
    assert door.post("batch", batch_of([tiny] * 2_501)).code == "too_large"
    assert len(door.events()) == 2_500


def test_a_context_shared_by_a_batch_counts_for_every_event(door: Door) -> None:
    context = {"page": "x" * 30 * KB}
    assert door.post("batch", {"batch": [TRACK] * 16, "context": context}).status == 200
    assert door.post("batch", {"batch": [TRACK] * 17, "context": context}).code == "too_large"
    assert door.post("batch", {"batch": [TRACK], "context": {"page": "x" * 33 * KB}}).code == "too_large"


def test_a_record_stays_within_what_the_stream_takes(door: Door) -> None:
    # Numbers grow when they are written again: `1e15` becomes `1000000000000000.0`.
    calls = [{**TRACK, "messageId": f"m{n}"} for n in range(15)]
    body = batch_of(
        [json.dumps(one).encode()[:-1] + b',"properties":{"n":[' + b"1e15," * 6_000 + b"1]}}" for one in calls]
    )
    assert door.post("batch", body).status == 200
    assert len(door.records()) > 1
    assert max(len(record.data) for record in door.stream.records) <= 1024 * KB - 32
    assert [event.message_id for event in door.events()] == [f"m{n}" for n in range(15)]


def test_gzip_is_read_with_its_header_and_known_without(door: Door) -> None:
    body = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    assert door.post("batch", body, content_encoding="gzip").status == 200
    assert door.post("batch", body, content_type="application/octet-stream").status == 200
    # Rudder's clients send gzip and call it a form.
    form = "application/x-www-form-urlencoded"
    assert door.post("batch", body, content_encoding="gzip", content_type=form).status == 200
    assert len(door.events()) == 3


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "", "x"])
def test_the_content_type_does_not_matter(door: Door, content_type: str) -> None:
    assert door.post("track", TRACK, content_type=content_type).status == 200


def test_damaged_gzip_and_malformed_json_are_refused(door: Door) -> None:
    zipped = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    for body in (zipped[:-3], zipped + zipped, b"{}", zipped[:10] + b"\xff" * 20):
        answer = door.post("batch", body, content_encoding="gzip")
        assert (answer.status, answer.code) == (400, "invalid_gzip")
    for body in (b"", b"{", b'{"batch":[}', b"\xef\xbb\xbf{}", b'{"batch":[NaN]}', b'{"batch":["\xff"]}'):
        answer = door.post("batch", body)
        assert (answer.status, answer.code) == (400, "invalid_json")
    assert door.post("batch", gzip.compress(bytes(10_000_000)), content_encoding="gzip").code == "too_large"
    assert door.records() == []


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b'{"batch":{}}', b'{"batch":null}', b'{"batch":[],"context":[]}'])
def test_what_is_no_batch_is_refused(door: Door, body: bytes) -> None:
    answer = door.post("batch", body)
    assert (answer.status, answer.code) == (400, "invalid_batch")


def test_a_second_batch_in_one_body_is_refused_and_not_dropped(door: Door) -> None:
    body = b'{"batch":[{"type":"page","userId":"u1"}],"b\\u0061tch":[]}'
    assert door.post("batch", body).code == "invalid_json"


def test_an_empty_batch_is_nothing_to_store(door: Door) -> None:
    assert door.post("batch", {"batch": []}).status == 200
    assert door.records() == []


def test_an_unknown_key_learns_nothing_about_its_body(door: Door) -> None:
    assert door.post("batch", b"{", key="nobody").code == "unknown_write_key"


def test_a_browser_from_another_site_is_refused(door: Door) -> None:
    assert door.post("track", TRACK, origin="https://shop.example").status == 200
    assert door.post("track", TRACK).status == 200
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", ""):
        answer = door.post("track", TRACK, origin=origin)
        assert (answer.status, answer.code) == (403, "origin_not_allowed")
    assert len(door.events()) == 2


def test_a_source_without_origins_takes_any(door: Door) -> None:
    key = door.new_key(BROWSER, "open", seed=7)
    assert door.post("track", TRACK, key=key, origin="https://evil.example").status == 200


def test_a_stream_that_is_down_is_answered_with_503_and_when_to_come_again(door: Door) -> None:
    door.stream.is_down = True
    answer = door.post("batch", {"batch": [TRACK]})
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert door.counted == []


@pytest.mark.parametrize("port", ["keys", "definitions", "pseudonyms", "stream"])
def test_whatever_is_out_of_reach_is_answered_with_503_and_nothing_is_stored(door: Door, port: str) -> None:
    door.rebuild(**{port: OutOfReach()})
    answer = door.post("batch", {"batch": [TRACK]})
    assert (answer.status, answer.code, door.stream.records) == (503, "unavailable", [])
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("route", ["$default", "GET /v1/profiles/{profile}"])
def test_an_unknown_route_is_not_found(door: Door, route: str) -> None:
    answer = call(door.module.handler, http_event(route))
    assert (answer.status, answer.code) == (404, "not_found")


def test_what_fails_unexpectedly_is_a_500_that_tells_and_logs_nothing_of_the_person(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object, __: int) -> None:
        raise ValueError("ada@example.com")

    door.module.collect = fail
    answer = door.post("track", {**TRACK, "traits": {"email": "ada@example.com"}})
    assert (answer.status, answer.code) == (500, "internal")
    (logged,) = caplog.records
    assert logged.__dict__["error"] == "ValueError"
    assert "ada@example.com" not in f"{logged.__dict__}{answer.body}"


def test_one_person_under_two_names_is_two_records_under_the_stronger_each(door: Door) -> None:
    door.post("batch", {"batch": [{**TRACK, "anonymousId": "d1"}, {"type": "page", "anonymousId": "d1"}]})
    assert [record.key for record in door.records()] == [key_of("user_id", "u1"), key_of("anonymous_id", "d1")]
    assert door.events()[0].identifiers == identifiers(user_id="u1", anonymous_id="d1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)
FIELDS = [
    *("type", "event", "userId", "anonymousId", "previousId", "groupId", "name", "messageId", "traits", "properties"),
    *("context", "integrations", "extra", "timestamp", "originalTimestamp", "sentAt"),
]
calls = st.fixed_dictionaries(
    {},
    optional={
        name: json_values | st.sampled_from(["track", "identify", "group", "alias", "$x", 1_750_000_000, "2025-01-01"])
        for name in FIELDS
    },
)
bodies = (
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | calls.map(lambda one: json.dumps(one).encode())
    | st.lists(calls | json_values, max_size=4).map(lambda items: json.dumps({"batch": items}).encode())
    | st.binary(max_size=40).map(gzip.compress)
)


@example(path="batch", body=b'{"batch":[' + b"[" * 90_000 + b"]" * 90_000 + b"]}", encoding="")
@example(path="track", body=b'{"userId":"u1","event":"\\ud800"}', encoding="")
@example(path="track", body=b'{"userId":"\\u0000","event":"A","properties":{"a":' + b"9" * 5_000 + b"}}", encoding="")
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.sampled_from(["batch", "track", "identify", "page", "screen", "group", "alias"]),
    body=bodies,
    encoding=st.sampled_from(["", "gzip", "br"]),
)
def test_any_bytes_are_stored_or_refused_with_a_stable_code(module: Any, path: str, body: bytes, encoding: str) -> None:
    door = Door(module)
    answer = door.post(path, body, **({"content_encoding": encoding} if encoding else {}))
    assert answer.status in (200, 400, 413, 415)
    if answer.status == 200:
        received = sum(value for _, value, _ in door.counted)
        assert received == len(door.events()) + len(door.rejected())
        assert path == "batch" or received == 1
    else:
        assert answer.code in {"invalid_json", "invalid_batch", "invalid_gzip", "too_large", "unsupported_encoding"}
        assert door.records() == []
