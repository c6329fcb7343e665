"""However a stream is cut into batches, the same comes of it: what a batch remembers from event to event is no guess.

Within a batch the processor looks only at what an event can have changed, and once at who a visitor is. Alone in its
batch every event is looked at in full. Both must come to the same, at the same instants.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

import msgspec
import pytest

from attune.domain.definitions.kinds import decode_definition
from attune.domain.events import Record
from attune.domain.identifiers import Identifier
from attune.domain.processing.fold import finish
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import Compiled, compile_segments
from tests.builders import HOUR, MINUTE, NOW, SECOND, consent_event, event, identifiers, record
from tests.faults.condition_trees import ABANDONED, CARTS, NAMES, tree
from tests.faults.effort import seeds
from tests.use_cases.test_process_events import Processor

SEGMENTS = 6
EVENTS = 30
DEVICES = ("phone", "laptop", "tablet")
#: what a banner says beside that
BANNER: Final[tuple[dict[str, bool], ...]] = ({}, {}, {}, {"personalization": True}, {"personalization": False})
PAUSES = (1, SECOND, MINUTE, 15 * MINUTE, 90 * MINUTE, 12 * HOUR, 24 * HOUR)


def life(rng: Random) -> list[Record]:
    """What people do on devices that turn out to be one person's or not, each thing a record of its own."""
    records, now = [], NOW - 30 * 24 * HOUR
    for _ in range(EVENTS):
        # never two in a millisecond: at a window's edge the second would find that the first has just left
        now += max(1, rng.choice(PAUSES) + rng.choice([-1, 0, 0, 1]))
        happened = _happening(rng, _somebody(rng), now)
        records.append(record(happened, received_at=now, trusted=rng.random() < 0.5))
    return records


def _somebody(rng: Random) -> tuple[Identifier, ...]:
    """Mostly a device; now and then who it is, or only who it is."""
    device = {"anonymous_id": rng.choice(DEVICES)}
    return identifiers(**rng.choice([device, device, device, device, device | {"user_id": "u"}, {"user_id": "u"}]))


def _happening(rng: Random, named: Any, now: int) -> Any:
    """In order: of what comes late, a smaller batch knew less when it looked, and says so in a stay's instants."""
    kind = rng.random()
    if kind < 0.12:
        return consent_event({"personalization": rng.random() < 0.5}, identifiers=named[:1], time=now)
    traits = {name: rng.choice([None, 0, 1, 2, 3]) for name in ("name", "city") if rng.random() < 0.5}
    if kind < 0.3:
        return event("", type="identify", identifiers=named, traits=traits, time=now)
    properties: dict[str, Any] = {"price": rng.choice([5, 10, 15]), "cart_id": rng.choice(CARTS), "product_id": "p"}
    name, consent = rng.choice(NAMES), {"analytics": True} | rng.choice(BANNER)
    return event(name, identifiers=named, properties=properties, traits=traits, consent=consent, time=now)


def lived(definitions: list[Any], records: list[Record], cuts: set[int]) -> dict[str, dict[str, Any]]:
    """The profiles at the end, with the stream cut before the records of these numbers."""
    processor = Processor(*definitions)
    batch: list[Record] = []
    for number, one in enumerate(records):
        if number in cuts and batch:
            processor(*batch)
            batch = []
        processor.now = one.received_at
        batch.append(one)
    processor(*batch)
    compiled = compile_segments(processor.definitions.current())
    live = [item for item in processor.store.all_items() if item.merged_into is None]
    return {item.profile_id: _state(item.state, compiled, processor.now) for item in live}


def _state(state: bytes, compiled: Compiled, end: int) -> dict[str, Any]:
    """All but what tells how often and when it was written, and what was told to campaigns: that follows the clock."""
    profile = decode_profile(state)
    finish(profile, compiled, end, read_up_to=-1)
    known = msgspec.structs.asdict(profile)
    for name in ("data_key", "ledger_head", "cursors", "seen", "webhooks", "seen_records", "pages"):
        del known[name]
    known["memberships"] = {name: (stay.entered_at, stay.left_at) for name, stay in known["memberships"].items()}
    known["timers"] = {
        slot: {key: (timer.did, timer.without) for key, timer in timers.items()}
        for slot, timers in known["timers"].items()
    }
    return known


@pytest.mark.parametrize("seed", seeds(120))
def test_a_stream_in_one_batch_event_by_event_or_cut_anywhere_comes_to_the_same(seed: int) -> None:
    rng = Random(seed)
    trees = [tree(rng) for _ in range(SEGMENTS)] + [{"type": "all", "conditions": [ABANDONED, tree(rng)]}]
    definitions = [
        decode_definition({"kind": "segment", "id": f"tree-{number}", "when": when})
        for number, when in enumerate(trees)
    ]
    records = life(rng)
    one_by_one = lived(definitions, records, set(range(EVENTS)))
    assert lived(definitions, records, set()) == one_by_one
    assert lived(definitions, records, set(rng.sample(range(EVENTS), 4))) == one_by_one


def test_the_lives_are_about_everything() -> None:
    """Merges, stays that began and ended, refusals: or the comparison would tell nothing."""
    merges = entered = left = refused = 0
    for seed in range(20):
        rng = Random(seed)
        when = tree(rng)
        definitions = [decode_definition({"kind": "segment", "id": "tree", "when": when})]
        for state in lived(definitions, life(rng), set()).values():
            merges += state["merges"]
            stays = state["memberships"].values()
            entered += len(stays)
            left += sum(ended is not None for _, ended in stays)
            refused += any(not said.granted for said in state["consent"].values())
    assert min(merges, entered, left, refused) >= 3


def test_of_two_who_turn_out_to_be_one_time_goes_on_by_what_both_did() -> None:
    """Each saw one product, which makes two: the first is a day old before the batch ends."""
    twice = {"type": "performed", "event": "Product Viewed", "at_least": 2, "within": "24h"}
    definitions = [decode_definition({"kind": "segment", "id": "tree", "when": twice})]
    start = NOW - 40 * HOUR
    phone, both = identifiers(anonymous_id="phone"), identifiers(anonymous_id="laptop", user_id="u")
    did = [
        event(identifiers=identifiers(anonymous_id="laptop"), time=start),
        event(identifiers=phone, time=start + HOUR),
        event("Signed In", identifiers=identifiers(anonymous_id="phone", user_id="u"), time=start + 2 * HOUR),
        event("Signed In", identifiers=both, time=start + 3 * HOUR),
        event("Page", identifiers=phone, time=start + 30 * HOUR),
    ]
    [state] = lived(definitions, [record(one, received_at=one.time) for one in did], set()).values()
    assert state["memberships"] == {"tree": (start + HOUR, start + 24 * HOUR)}


def test_a_grant_counts_from_its_own_instant_whenever_something_happened_before() -> None:
    once = {"type": "performed", "event": "Product Viewed", "at_least": 1}
    definitions = [decode_definition({"kind": "segment", "id": "tree", "when": once})]
    start = NOW - 40 * HOUR
    did = [
        event(consent={"analytics": True, "personalization": False}, time=start),
        consent_event({"personalization": True}, time=start + HOUR),
    ]
    [state] = lived(definitions, [record(one, received_at=one.time) for one in did], set()).values()
    assert state["memberships"] == {"tree": (start + HOUR, None)}
