"""Bad input that nobody thought of: damaged requests and odd values, through collect_events, the processor and a store.

A long run tries a million requests.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.events import Event
from attune.use_cases.collection.write_records import MAX_RECORD
from tests.bad_input.cases import track
from tests.bad_input.damage import damaged
from tests.bad_input.running import SHOP, gateways, in_lake, processed
from tests.builders import NOW
from tests.cpu import HANG, timed
from tests.faults.effort import LONG, examples, seeds
from tests.functions.door import Door, collect_module
from tests.functions.gateway import call

#: requests of one seed: 1,000 seeds of a long run make a million
EACH: Final = 1_000 if LONG else 60
#: of refusals, as in docs/errors.md
CODES: Final = {
    *("invalid_json", "invalid_gzip", "invalid_batch", "invalid_body", "unknown_write_key", "origin_not_allowed"),
    *("not_found", "too_large", "unsupported_encoding"),
}


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with collect_module() as loaded:
        loaded.now = lambda: NOW
        yield loaded


@pytest.mark.parametrize("seed", seeds(20, long=1_000))
def test_whatever_is_sent_is_refused_put_aside_or_stored_as_it_was_accepted(module: Any, seed: int) -> None:
    rng, door = Random(seed), Door(module, SHOP)
    for number in range(EACH):
        case, before = damaged(rng, number), taken(door)
        answer, cpu = timed(functools.partial(call, module.handler, gateways(case, door.browser)))
        assert cpu < HANG, case
        if answer.status == 200:
            assert answer.body == {"success": True}, case
        else:
            assert (400 <= answer.status < 500, answer.code in CODES) == (True, True), (case, answer)
            assert taken(door) == before, case
    assert all(len(record.data) <= MAX_RECORD for record in door.stream.records)
    assert taken(door) == len(door.events()) + len(door.rejected())
    world = processed(door)
    assert {kept.raw for kept in world.quarantine.all()} == {raw for _, raw in door.rejected()}
    assert_stored(in_lake(world), door.events())


def taken(door: Door) -> int:
    """How many calls were counted, accepted or put aside."""
    return sum(value for name, value, _ in door.counted if name in ("EventsAccepted", "EventsRejected"))


def assert_stored(stored: list[Event], accepted: list[Event]) -> None:
    """Every accepted id and content lies there once, in the words of one of those who sent it."""
    assert {(one.message_id, one.fingerprint) for one in stored} == {
        (one.message_id, one.fingerprint) for one in accepted
    }
    words = {msgspec.json.encode(msgspec.structs.replace(event, copy=0)) for event in accepted}
    assert {msgspec.json.encode(msgspec.structs.replace(event, copy=0)) for event in stored} <= words


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=examples(150, long=20_000), deadline=None)
@given(properties=st.dictionaries(texts, values, max_size=5), escaped=st.booleans())
def test_any_properties_come_out_of_the_store_as_they_were_sent(
    module: Any, properties: dict[str, Any], *, escaped: bool
) -> None:
    door = Door(module, SHOP)
    body = track(properties=properties)
    body = json.dumps(json.loads(body)).encode() if escaped else body
    assert door.post("track", body).status == 200
    if door.rejected():
        assert [reason for reason, _ in door.rejected()] == ["too_deep"]
        return
    (event,) = in_lake(processed(door))
    assert json.dumps(event.properties) == json.dumps(properties)
