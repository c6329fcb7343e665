"""Requests as a whole: how large they are, what their headers say, what lies in their batch."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from tests.bad_input.cases import ACCEPTED, KB, TRACK, Case, batch, dump, sized, track

TOO_LARGE: Final = (413, "too_large")
NO_KEY: Final = (401, "unknown_write_key")
NO_BATCH: Final = (400, "invalid_batch")
#: stands for the runner's own key in a header
KEY: Final = "{key}"


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


def sizes() -> Iterator[Case]:
    for name, size in (("31.9 KB", 32_665), ("32 KB", 32 * KB)):
        yield Case(f"size: an event of {name}", sized(size))
        yield Case(f"size: an event of {name} in a batch", batch([sized(size)]), path="batch")
    for name, size in (("32 KB and a byte", 32 * KB + 1), ("32.1 KB", 32_870), ("64 KB", 64 * KB), ("1 MB", KB * KB)):
        yield Case(f"size: an event of {name}", sized(size), refused=TOO_LARGE)
        yield Case(
            f"size: an event of {name} in a batch", batch([track(), sized(size)]), path="batch", refused=TOO_LARGE
        )
    for name, size in (("499 KB", 499 * KB), ("500 KB", 500 * KB)):
        yield Case(f"size: a batch of {name}", full_batch(size), path="batch", becomes=(ACCEPTED,) * 17)
    for name, size in (("500 KB and a byte", 500 * KB + 1), ("501 KB", 501 * KB), ("6 MB", 6 * KB * KB)):
        yield Case(f"size: a batch of {name}", full_batch(size), path="batch", refused=TOO_LARGE)
    yield Case("size: 6 MB of spaces", b" " * 6 * KB * KB, refused=TOO_LARGE)
    yield Case("size: 6 MB of brackets", b"[" * 6 * KB * KB, path="batch", refused=TOO_LARGE)
    yield Case("size: 500 KB of brackets", b"[" * 500 * KB, path="batch", refused=(400, "invalid_json"))
    yield Case("size: spaces count", track() + b" " * 32 * KB, refused=TOO_LARGE)
    for number in (1, 2, 100, 101, 2_500):
        tiny = [b'{"type":"page","userId":"u1","messageId":"m%d"}' % n for n in range(number)]
        yield Case(f"size: a batch of {number} events", batch(tiny), path="batch", becomes=(ACCEPTED,) * number)
    for number in (2_501, 10_000):
        yield Case(f"size: a batch of {number} events", batch([b"{}"] * number), path="batch", refused=TOO_LARGE)
    yield Case(
        "size: a batch of 2,500 nothings", batch([b"0"] * 2_500), path="batch", becomes=("invalid_event",) * 2_500
    )
    context = b'"context":{"pad":"' + b"x" * 30 * KB + b'"}'
    yield Case("size: what 17 events share", batch([track()] * 17, context), path="batch", refused=TOO_LARGE)
    wide = b'"context":{"pad":"' + b"x" * 33 * KB + b'"}'
    yield Case("size: what one event shares", batch([track()], wide), path="batch", refused=TOO_LARGE)
    yield Case("size: an import of 501 KB", full_batch(501 * KB), path="import", refused=TOO_LARGE)


def full_batch(size: int) -> bytes:
    """17 events and more, of so many bytes together."""
    items = [sized(30 * KB, messageId=f"m{n}") for n in range(max(16, (size - 20 * KB) // (30 * KB)))]
    rest = size - len(batch([*items, b""]))
    return batch([*items, sized(rest, messageId="last")])


#: headers → the answer; None: accepted
HEADERS: dict[str, tuple[dict[str, str], tuple[int, str] | None]] = {
    "no key": ({}, NO_KEY),
    "an empty authorization": ({"authorization": ""}, NO_KEY),
    "Basic alone": ({"authorization": "Basic"}, NO_KEY),
    "Basic and a space": ({"authorization": "Basic "}, NO_KEY),
    "Basic of no base64": ({"authorization": "Basic !!!"}, NO_KEY),
    "Basic of no UTF-8": ({"authorization": "Basic //8="}, NO_KEY),
    "Basic of nothing": ({"authorization": basic("")}, NO_KEY),
    "Basic of a colon": ({"authorization": basic(":")}, NO_KEY),
    "Basic of a password": ({"authorization": basic(":" + KEY)}, NO_KEY),
    "Basic without padding": ({"authorization": "Basic YQ"}, NO_KEY),
    "Basic with a line end": ({"authorization": basic(KEY + "\n")}, NO_KEY),
    "Basic with a NUL": ({"authorization": basic(KEY + "\0")}, NO_KEY),
    "Basic with a space": ({"authorization": basic(" " + KEY)}, NO_KEY),
    "Bearer alone": ({"authorization": "Bearer"}, NO_KEY),
    "Digest": ({"authorization": 'Digest username="a"'}, NO_KEY),
    "a scheme of 10,240 bytes": ({"authorization": "B" * 10_240}, NO_KEY),
    "Basic of 10,240 bytes": ({"authorization": basic("k" * 7_680)}, NO_KEY),
    "Bearer of 10,240 bytes": ({"authorization": "Bearer " + "k" * 10_240}, NO_KEY),
    "a key of 10,240 bytes": ({"x-write-key": "k" * 10_240}, NO_KEY),
    "a key of colons": ({"x-write-key": ":" * 10_240}, NO_KEY),
    "a key of another form": ({"x-write-key": "atn_w_" + "a" * 10_000}, NO_KEY),
    "a key in capitals": ({"x-write-key": "ATN_W_" + "A" * 12 + "_" + "A" * 52}, NO_KEY),
    "an unknown key": ({"x-write-key": "atn_w_" + "a" * 12 + "_" + "a" * 52}, NO_KEY),
    "a key in other letters": ({"x-write-key": "\uff41\uff54\uff4e_\uff57"}, NO_KEY),
    "two keys": ({"x-write-key": f"{KEY},{KEY}"}, NO_KEY),
    "a key and a byte": ({"x-write-key": KEY + "a"}, NO_KEY),
    "SQL for a key": ({"x-write-key": "' OR '1'='1"}, NO_KEY),
    "a key by Basic": ({"authorization": basic(KEY)}, None),
    "a key by Basic with a password": ({"authorization": basic(KEY + ":x:y")}, None),
    "a key by basic in small letters": ({"authorization": "basic " + basic(KEY)[6:]}, None),
    "a key by Bearer": ({"authorization": f"Bearer {KEY}"}, None),
    "a key by Bearer with spaces": ({"authorization": f"  Bearer   {KEY}  "}, None),
    "an origin of another site": ({"x-write-key": KEY, "origin": "https://evil.example"}, (403, "origin_not_allowed")),
    "an origin of null": ({"x-write-key": KEY, "origin": "null"}, (403, "origin_not_allowed")),
    "an empty origin": ({"x-write-key": KEY, "origin": ""}, (403, "origin_not_allowed")),
    "an origin without TLS": ({"x-write-key": KEY, "origin": "http://shop.example"}, (403, "origin_not_allowed")),
    "an origin with a port": ({"x-write-key": KEY, "origin": "https://shop.example:8443"}, (403, "origin_not_allowed")),
    "an origin with a path": ({"x-write-key": KEY, "origin": "https://shop.example/"}, (403, "origin_not_allowed")),
    "a longer origin": (
        {"x-write-key": KEY, "origin": "https://shop.example.evil.example"},
        (403, "origin_not_allowed"),
    ),
    "two origins": (
        {"x-write-key": KEY, "origin": "https://shop.example, https://evil.example"},
        (403, "origin_not_allowed"),
    ),
    "an origin of 10,240 bytes": (
        {"x-write-key": KEY, "origin": "https://" + "a" * 10_232},
        (403, "origin_not_allowed"),
    ),
    "the origin in capitals": ({"x-write-key": KEY, "origin": "HTTPS://SHOP.EXAMPLE"}, None),
    "a count of tries that is none": ({"x-write-key": KEY, "x-retry-count": "many"}, None),
    "a count of tries of 10,240 digits": ({"x-write-key": KEY, "x-retry-count": "9" * 10_240}, None),
    "a content type of 10,240 bytes": ({"x-write-key": KEY, "content-type": "a/" + "b" * 10_238}, None),
    "a content type of another charset": (
        {"x-write-key": KEY, "content-type": "application/json; charset=utf-16"},
        None,
    ),
    "a content type of a form": ({"x-write-key": KEY, "content-type": "multipart/form-data; boundary=x"}, None),
    "a content length that is wrong": ({"x-write-key": KEY, "content-length": "-1"}, None),
    "a hundred headers": ({"x-write-key": KEY} | {f"x-{n}": "v" for n in range(100)}, None),
}

#: body → what becomes of its calls
BATCHES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "nothing": (batch([]), ()),
    "a null": (batch([b"null"]), ("invalid_event",)),
    "a list": (batch([b"[]"]), ("invalid_event",)),
    "a batch": (batch([batch([track()])]), ("invalid_type",)),
    "a call twice": (batch([track(), track()]), (ACCEPTED, ACCEPTED)),
    "one id for two calls": (batch([track(), track(event="Other")]), (ACCEPTED, ACCEPTED)),
    "good ones between bad ones": (
        batch([b"7", track(), track(userId=None), track(messageId="m2"), track(event="$x")]),
        ("invalid_event", ACCEPTED, "no_identifier", ACCEPTED, "reserved_name"),
    ),
    "one that is too deep": (batch([track(), b"[" * 500 + b"]" * 500]), (ACCEPTED, "too_deep")),
    "one with a key twice": (batch([track(), b'{"a":1,"a":2}']), (ACCEPTED, "duplicate_keys")),
    "a number that is none": (batch([track(), b'{"a":1e400}']), (ACCEPTED, "invalid_number")),
    "every call": (
        batch(
            dump({"type": name, "event": "A", "userId": "u1"})
            for name in ("track", "identify", "page", "screen", "group", "alias")
        ),
        (ACCEPTED,) * 6,
    ),
    "a time of sending that is none": (batch([track()], b'"sentAt":[]'), (ACCEPTED,)),
    "integrations that are none": (batch([track()], b'"integrations":7'), (ACCEPTED,)),
    "a context that is null": (batch([track()], b'"context":null'), (ACCEPTED,)),
    "fields that nobody knows": (batch([track()], b'"a":{"b":[]},"type":"track","event":"$x"'), (ACCEPTED,)),
    "a key in the body that is none": (batch([track()], b'"writeKey":{}'), (ACCEPTED,)),
}

NO_BATCHES: dict[str, bytes] = {
    "a list": b"[]",
    "a list of calls": b"[" + dump(TRACK) + b"]",
    "a call": dump(TRACK),
    "an empty object": b"{}",
    "null": b"null",
    "a number": b"7",
    "a text": b'"batch"',
    "a batch that is null": b'{"batch":null}',
    "a batch that is an object": b'{"batch":{}}',
    "a batch that is a call": b'{"batch":' + dump(TRACK) + b"}",
    "a batch that is a text": b'{"batch":"[]"}',
    "a batch that is a number": b'{"batch":1}',
    "a batch in capitals": b'{"BATCH":[]}',
    "a context that is a list": batch([], b'"context":[]'),
    "a context that is a text": batch([], b'"context":"x"'),
    "a context that is false": batch([], b'"context":false'),
}

AMBIGUOUS: dict[str, bytes] = {
    "two batches": b'{"batch":[],"batch":[]}',
    "two batches, one escaped": b'{"batch":[],"b\\u0061tch":[]}',
    "two contexts": batch([], b'"context":{},"context":{}'),
    "a context with a key twice": batch([track()], b'"context":{"a":1,"a":2}'),
    "a context that is too deep": batch([track()], b'"context":' + b'{"a":' * 20 + b"1" + b"}" * 20),
    "a context with a number that is none": batch([track()], b'"context":{"a":1e400}'),
    "60,000 objects in each other": batch([b'{"a":' * 60_000 + b"1" + b"}" * 60_000]),
    "a call and 100,000 lists in each other": batch([track(), b"[" * 100_000 + b"]" * 100_000]),
    "two keys": batch([], b'"writeKey":"a","writeKey":"b"'),
}


def cases() -> Iterator[Case]:
    yield from sizes()
    for name, (headers, refused) in HEADERS.items():
        yield Case(f"header: {name}", track(), headers={"authorization": "", **headers}, refused=refused)
    for name, (body, becomes) in BATCHES.items():
        yield Case(f"batch: {name}", body, path="batch", becomes=becomes)
    for name, body in NO_BATCHES.items():
        yield Case(f"batch: none but {name}", body, path="batch", refused=NO_BATCH)
    for name, body in AMBIGUOUS.items():
        yield Case(f"batch: {name}", body, path="batch", refused=(400, "invalid_json"))
    yield from _heavy()
    yield from _handed_over()
    yield from _paths()


def _heavy() -> Iterator[Case]:
    """What takes the most work among what is allowed."""

    def batch_of(name: str, items: list[bytes], outcome: str = ACCEPTED) -> Case:
        return Case(f"work: {name}", batch(items), path="batch", becomes=(outcome,) * len(items))

    puzzling = {f"k{number}": '":' for number in range(1_700)}
    yield batch_of("keys that look like values", [track(messageId=f"m{n}", properties=puzzling) for n in range(15)])
    deep = {f"k{number}": {"a": {"b": {"c": [1, {"d": 2}]}}} for number in range(600)}
    yield batch_of("small objects in each other", [track(messageId=f"m{n}", properties=deep) for n in range(15)])
    yield batch_of("2,500 people", [dump({"type": "page", "userId": f"u{n}"}) for n in range(2_500)])
    accents = "e" + "\u0301" * 60
    yield batch_of("ids to be composed", [dump({"type": "page", "userId": f"{accents}{n}"}) for n in range(2_400)])
    twice = [b'{"a":1,"a":%d}' % number for number in range(2_500)]
    yield batch_of("2,500 keys twice", twice, "duplicate_keys")


def _handed_over() -> Iterator[Case]:
    """Bodies in base64 that is none: what is wrong is the gateway's, and is answered all the same."""
    said: dict[str, Any] = {"refused": (400, "invalid_body")}
    for name, text in {
        "no base64": "!!!",
        "no padding": "YQ",
        "a letter of another script": "é",
        "a space": "YQ= =",
    }.items():
        yield Case(f"body: {name}", b"", encoded=text, **said)


def _paths() -> Iterator[Case]:
    body = track()
    for path in ("nothing", "TRACK", "x", "track%2F", "$default", "webhooks", "profiles/a", "../track", "batch/batch"):
        yield Case(f"path: {path}", body, path=path, refused=(404, "not_found"))
    for path in ("/api/s/jump", "/api/s/", "/api/track", "/sourceConfig", "/v2/track", "/", "/v1", "//v1/track"):
        yield Case(f"path: {path}", body, path=path, refused=(404, "not_found"))
