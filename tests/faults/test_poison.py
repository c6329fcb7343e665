"""A record that is no good, of any kind, at any place in a batch: its neighbours are applied, its bytes lie in
quarantine as they came, and the shard is not held up by a single retry.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from attune.domain.events import Event, Origin, Rejected, encode_event, encode_record
from tests.builders import NOW, event, identifiers, key_of, record
from tests.faults.world import World

KEY = key_of("anonymous_id", "poisoner")
GOOD = 6
PLACES = {"first": 0, "middle": GOOD // 2, "last": GOOD}


def poisoned(**overrides: Any) -> Event:
    fields: dict[str, Any] = {"message_id": "poison", "identifiers": identifiers(anonymous_id="poisoner")}
    return event("Product Added", **(fields | overrides))


def altered(*path: str | int, to: Any) -> bytes:
    """A good record's JSON with the value at `path` replaced."""
    tree = json.loads(encode_record(record(poisoned())))
    inner = tree
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return json.dumps(tree).encode()


def without(*path: str | int) -> bytes:
    tree = json.loads(encode_record(record(poisoned())))
    inner = tree
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return json.dumps(tree).encode()


WHOLE = encode_record(record(poisoned()))
#: what decodes into no record: kept byte for byte as `invalid_record`
NO_RECORDS: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "a zero byte": b"\x00",
    "text": b"no record",
    "bytes that are no UTF-8": b'{"source":"\xff\xfe"}',
    "a surrogate": WHOLE.replace(b"poisoner", b"\\ud800", 1),
    "a byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "half a record": WHOLE[: len(WHOLE) // 2],
    "all but the last byte": WHOLE[:-1],
    "two records": WHOLE + WHOLE,
    "a record and a comma": WHOLE + b",",
    "gzip": bytes.fromhex("1f8b0800000000000003") + WHOLE,
    "null": b"null",
    "a number": b"1",
    "NaN": b"NaN",
    "an endless number": altered("received_at", to=0).replace(b'"received_at": 0', b'"received_at": 1e999'),
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a record in a list": b"[" + WHOLE + b"]",
    "a hundred thousand brackets": b"[" * 100_000,
    "no source": without("source"),
    "no key": without("key"),
    "no time of receipt": without("received_at"),
    "no origin": without("origin"),
    "an unknown origin": altered("origin", to="elsewhere"),
    "a source that is a number": altered("source", to=7),
    "a receipt in words": altered("received_at", to="yesterday"),
    "a receipt between two milliseconds": altered("received_at", to=0.5),
    "a key that is null": altered("key", to=None),
    "events that are no list": altered("events", to={}),
    "an event that is null": altered("events", 0, to=None),
    "an event without a type": without("events", 0, "type"),
    "an event without an id": without("events", 0, "message_id"),
    "an event without a time": without("events", 0, "time"),
    "an id that is a number": altered("events", 0, "message_id", to=1),
    "a time that is a text": altered("events", 0, "time", to="2025-06-15"),
    "an identifier of three parts that is a text": altered("events", 0, "identifiers", to=["anonymous_id"]),
    "an identifier without a value": altered("events", 0, "identifiers", to=[["anonymous_id"]]),
    "properties that are a list": altered("events", 0, "properties", to=[]),
    "consent in words": altered("events", 0, "consent", to={"analytics": "yes"}),
    "rejected bytes that are no base64": altered("rejected", to=[{"reason": "invalid", "raw": "*"}]),
    "rejected without a reason": altered("rejected", to=[{"raw": ""}]),
}
#: what decodes, and holds an event that may not be or cannot be applied: kept as the event's JSON, under its reason
NO_EVENTS: dict[str, tuple[str, Event, dict[str, Any]]] = {
    "an internal event of a client": ("reserved_name", poisoned(type="$consent"), {"origin": Origin.CLIENT}),
    "an unknown internal event of a client": ("reserved_name", poisoned(type="$erase"), {"origin": Origin.CLIENT}),
    "a wake-up of a webhook": ("reserved_name", poisoned(type="$wake"), {"origin": Origin.WEBHOOK}),
    "nobody's event": ("wrong_partition", poisoned(identifiers=()), {"key": KEY}),
    "another's event": ("wrong_partition", poisoned(), {"key": key_of("anonymous_id", "another")}),
    "an event under no key": ("wrong_partition", poisoned(), {"key": ""}),
    "a fingerprint that is none": ("unprocessable", poisoned(fingerprint="no hex"), {}),
    "a time that no clock shows": ("unprocessable", poisoned(time=10**30), {}),
    "a trait that no store takes": ("unprocessable", poisoned(traits={"number": 10**40}), {}),
}


def good(number: int) -> Event:
    return event(message_id=f"good-{number}", time=NOW - number, identifiers=identifiers(anonymous_id="good"))


def told(place: int, put_poison: Callable[[World], None]) -> World:
    """All in one batch, of which nothing is asked for again."""
    world = World()
    for number in range(GOOD + 1):
        if number == place:
            put_poison(world)
        if number < GOOD:
            world.send(good(number))
    assert world._process_events()(world._records(0)) == []
    return world


def check_neighbours(world: World) -> None:
    states = [state for state in world.states() if state["events"]]
    assert [state["events"] for state in states] == [GOOD]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", NO_RECORDS)
def test_what_is_no_record_lies_in_quarantine_as_it_came(kind: str, place: str) -> None:
    raw = NO_RECORDS[kind]
    world = told(PLACES[place], lambda world: world.stream.put([(KEY, raw)]))
    assert [(kept.reason, kept.raw) for kept in world.quarantine.all()] == [("invalid_record", raw)]
    check_neighbours(world)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", NO_EVENTS)
def test_what_is_no_event_lies_in_quarantine_under_its_reason(kind: str, place: str) -> None:
    reason, bad, overrides = NO_EVENTS[kind]
    world = told(PLACES[place], lambda world: world.send(bad, received_at=NOW, **overrides))
    assert [(kept.reason, kept.raw) for kept in world.quarantine.all()] == [(reason, encode_event(bad))]
    check_neighbours(world)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("raw", [b"", b"\x00\xff\xfe", b'{"messageId":"x"}', b"\n\r\n", bytes(range(256)) * 100])
def test_what_an_entrance_refused_lies_in_quarantine_as_it_came(raw: bytes, place: str) -> None:
    refused = Rejected(reason="invalid_event", raw=raw)
    world = told(PLACES[place], lambda world: world.send(rejected=[refused], key=KEY))
    assert [(kept.reason, kept.raw) for kept in world.quarantine.all()] == [("invalid_event", raw)]
    check_neighbours(world)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [name for name, (*_, more) in NO_EVENTS.items() if not {"key", "origin"} & set(more)])
def test_a_bad_event_among_a_persons_good_ones_takes_none_of_them_along(kind: str, place: str) -> None:
    """In one record with them, as a batch call of a client brings it."""
    reason, bad, _ = NO_EVENTS[kind]
    mine = identifiers(anonymous_id="poisoner")
    events = [event(message_id=f"mine-{n}", time=NOW - n, identifiers=mine) for n in range(GOOD)]
    events.insert(PLACES[place], bad)
    world = World()
    world.send(*events, received_at=NOW)
    world.settle()
    assert [(kept.reason, kept.raw) for kept in world.quarantine.all()] == [(reason, encode_event(bad))]
    [state] = world.states()
    assert state["events"] == GOOD
