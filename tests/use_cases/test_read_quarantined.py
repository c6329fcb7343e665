"""Whatever lies in quarantine, of whatever source, patched or not: reading it anew gives events or a reason, and never
an exception.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.collection.quarantine import REPLAYED, Came, quarantined
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.events import CALLS, Origin, decode_record
from attune.use_cases.repairs.read_quarantined import ReadQuarantined
from tests.architecture.quarantine_reasons import reasons_of
from tests.builders import NOW, Pseudonyms, definitions
from tests.faults.effort import examples

MAPPING = Mapping(event="event", message_id="id", time="at", identifiers={"email": "email", "user_id": "userId"})
SOURCES = {
    "http": Source(id="shop"),
    "shopify": Source(id="shop", type="shopify"),
    "hubspot": Source(id="shop", type="hubspot", url="https://api.example/v1/webhooks/shop"),
    "salesforce": Source(id="shop", type="salesforce", organization_id="00D000000000001EAA"),
    "stripe": Source(id="shop", type="stripe"),
    "webhook": Source(id="shop", type="webhook", mapping=MAPPING),
    "file": Source(id="shop", type="file", mapping=MAPPING),
}
PATCHES = ("", "@", "[0]", "merge(@, {userId: 'u'})", "{type: 'track', event: 'A', userId: 'u'}", "keys(@)", "`null`")

names = st.sampled_from(
    ["type", "event", "userId", "email", "id", "at", "timestamp", "context", "properties", "customer"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(sorted(CALLS))
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=5), inner, max_size=6)
)
bodies = st.binary(max_size=200) | documents.map(lambda document: json.dumps(document).encode())
hows = st.fixed_dictionaries(
    {},
    optional={
        "call": st.sampled_from(["", *sorted(CALLS), "other"]),
        "sent_at": leaves,
        "context": st.dictionaries(names, documents, max_size=3),
        "integrations": documents,
        "headers": st.just({"x-shopify-topic": "orders/create"}),
        "item": st.booleans(),
        "file": st.just("imports/shop/a.csv"),
        "row": st.integers(1, 9),
        "event": st.booleans(),
    },
)
REASONS = reasons_of(Path(__file__).parents[2] / "layers/core/python/attune") | {"invalid_record"}


@pytest.mark.parametrize("kind", SOURCES)
@given(
    raw=bodies,
    how=hows,
    patch=st.sampled_from(PATCHES),
    origin=st.sampled_from([*Origin, None]),
    reason=st.sampled_from(["no_identifier", "invalid_record"]),
    trusted=st.booleans(),
)
@settings(max_examples=examples(60), deadline=None, derandomize=True)
def test_reading_anew_gives_events_or_a_reason(
    kind: str, raw: bytes, how: dict[str, Any], patch: str, origin: Origin | None, reason: str, trusted: bool
) -> None:
    came = Came(origin=origin, trusted=trusted, how=how)
    one = quarantined(reason, "shop", NOW, raw, came, Pseudonyms().key)
    read = ReadQuarantined(Pseudonyms())(one, raw, came, definitions(SOURCES[kind]), patch, NOW + 1)
    assert read.outcome in REASONS | {REPLAYED}
    records = [decode_record(data) for _, data in read.entries]
    assert all(
        (record.trusted, record.replayed_at, record.received_at) == (trusted, NOW + 1, NOW) for record in records
    )
    assert {said.type for record in records if record.origin is not Origin.INTERNAL for said in record.events} <= CALLS
