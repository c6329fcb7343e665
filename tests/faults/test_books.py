"""Received = accepted + rejected, and every accepted event ends somewhere: from the sender's side of the API to the
stores.

A sender posts requests through collect_events onto a stream that sometimes does not answer, and posts again what got
no 200; the functions behind are broken at random too.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from attune.adapters.memory import MemoryKeys
from attune.adapters.memory_allowances import MemoryAllowances
from attune.domain.collection.api_keys import SERVER, digest, new_key
from attune.domain.errors import AttuneError
from attune.ports import Key, StreamUnavailableError
from attune.use_cases.collection.collect_events import CollectEvents, Submission
from tests.builders import DAY, NOW, SECOND, key_of
from tests.faults.arrivals import Ends, expected, told
from tests.faults.books import Books, Sender
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import Crash, Unavailable, Unreliable, wired
from tests.faults.world import World
from tests.lakes import AFTER, BEFORE, TODAY, LakeOfTests

GRANTED = {"consent": {"categoryPreferences": {"analytics": True, "personalization": True}}}
REFUSED = {"consent": {"categoryPreferences": {"analytics": False}}}
#: what is wrong with an event, by what the sender calls it
UNUSABLE: dict[str, dict[str, Any]] = {
    "nobody": {"anonymousId": None},
    "blocked": {"anonymousId": "undefined"},
    "reserved": {"event": "$consent"},
    "no call": {"type": "purchase"},
    "no object": {"properties": ["a", "list"]},
    "no time": {"timestamp": "the day before yesterday"},
}


class Shop:
    """A sender that keeps books, and the platform it sends to."""

    def __init__(self, seed: int, **world: Any) -> None:
        self.rng = Random(seed)
        self.wire = Unreliable(Random(seed + 1), rate=0.05)
        schedule = Schedule(again=0.1, zombie=0.02, parallel=4)
        options: dict[str, Any] = {"shards": 2, "schedule": schedule} | world
        self.world = World(seed=seed, wire=self.wire, **options)
        self.sender = Sender()
        self.requests: Counter[str] = Counter()
        self._numbers = iter(range(10_000))
        self._sent: list[dict[str, Any]] = []
        keys = MemoryKeys()
        key_id, self.token = new_key(SERVER, self.rng.randbytes)
        keys.add(Key(key_id=key_id, source="shop", type=SERVER, digest=digest(self.token), created_at=NOW))
        self._collect = CollectEvents(
            keys=keys,
            definitions=self.world._definitions,
            pseudonyms=self.world.pseudonyms,
            stream=wired(self.wire, "collect_events.stream", self.world.stream),
            allowances=MemoryAllowances(),
            count=lambda *_: None,
        )

    def post(self, body: bytes, token: str) -> str:
        """The answer's code, as the API would give it."""
        self.requests["received"] += 1
        try:
            self._collect(Submission(call="batch", body=body, token=token), self.world.time())
        except (StreamUnavailableError, Unavailable, Crash):
            self.requests["rejected"] += 1
            return "unavailable"
        except AttuneError as refused:
            self.requests["rejected"] += 1
            return refused.code
        self.requests["accepted"] += 1
        return "ok"

    def send_batch(self) -> None:
        """A batch of good, unwanted and unusable events, posted until it is accepted, and sometimes once more."""
        events = [self._event() for _ in range(self.rng.randint(1, 5))]
        body = json.dumps({"batch": [event for event, _ in events]}).encode()
        accepted, wanted = 0, self.rng.choice([1, 1, 1, 2])
        while accepted < wanted:
            if self.post(body, self.token) == "ok":
                accepted += 1
                self._note(events)

    def _note(self, events: list[tuple[dict[str, Any], bool]]) -> None:
        for event, usable in events:
            if usable:
                self.sender.sent(event["messageId"], event)
            elif event["messageId"] not in self.sender.unusable:
                # Quarantine keeps bytes by their time of receipt; sent twice, they are looked at twice.
                self.sender.sent_unusable(event["messageId"])

    def _once_more(self) -> dict[str, Any] | None:
        """An event of before, in a request of its own making; its content may be another."""
        if not self._sent or self.rng.random() > 0.15:
            return None
        event = self.rng.choice(self._sent)
        return event | {"properties": {"n": -1}} if self.rng.random() < 0.4 else event

    def _event(self) -> tuple[dict[str, Any], bool]:
        if (again := self._once_more()) is not None:
            return again, True
        number = next(self._numbers)
        # A shopper refuses or not from the start: what they decide later is another test's story.
        shopper = self.rng.randint(0, 5)
        event = {
            "type": "track",
            "event": self.rng.choice(["Product Viewed", "Order Completed"]),
            "messageId": f"id-{number}",
            "anonymousId": f"shopper-{shopper}",
            "timestamp": f"2025-06-15T{number % 14:02}:{number % 60:02}:00Z",
            "properties": {"n": number},
            "context": REFUSED if shopper == 0 else GRANTED,
        }
        if self.rng.random() < 0.25:
            return event | UNUSABLE[self.rng.choice(sorted(UNUSABLE))], False
        self._sent.append(event)
        return event, True

    def books(self) -> Books:
        world = self.world
        return Books(
            self.sender,
            rows=world.lake.rows,
            quarantined=[kept.raw for kept in world.quarantine.all()],
            profiles=world.states(),
            tombstones={item.profile_id: item.merged_into for item in world.profiles.all_items() if item.merged_into},
        )


@pytest.mark.parametrize("seed", seeds(15))
def test_the_books_balance_from_the_request_to_the_stores(seed: int) -> None:
    shop = Shop(seed)
    for _ in range(4):
        for _ in range(5):
            shop.send_batch()
        shop.world.pass_time(SECOND)
        shop.books().check(in_flight=None)
    shop.wire.rate = 0.0
    shop.world.settle()
    balance = shop.books().check()
    assert shop.requests["received"] == shop.requests["accepted"] + shop.requests["rejected"]
    assert balance.quarantined == len(shop.sender.unusable) > 0
    refused = {(message, content) for message, content in shop.sender.sends if "shopper-0" in content}
    assert balance.dropped == len(refused)
    known = {message for message, content in shop.sender.sends if "shopper-0" not in content}
    assert balance.applied == len(known)
    assert balance.conflict == len(set(shop.sender.sends) - refused) - len(known)


@pytest.fixture(scope="module")
def one_lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def compacted(lake: LakeOfTests, world: World) -> Ends:
    """What the ledger says, once the rows have arrived over three days, some of them late."""
    lake.empty(world.profiles)
    for one in world.lake.rows:
        lake.arrive(one, day=world.rng.choice([BEFORE, TODAY, AFTER]))
    lake.compact(NOW + 2 * DAY)
    return told(lake.ledger())


#: what the stream's mapping does beside, by seed
ROUGH: tuple[dict[str, Any], ...] = ({}, {"bisect": True}, {"restless": 0.05}, {"bisect": True, "restless": 0.05})


@pytest.mark.parametrize("seed", seeds(12, long=2_000))
def test_the_ledger_says_what_the_books_say_of_every_source_and_reason(seed: int, one_lake: LakeOfTests) -> None:
    shop = Shop(seed, mapping=ROUGH[seed % len(ROUGH)])
    for _ in range(4):
        for _ in range(5):
            shop.send_batch()
        shop.world.pass_time(SECOND)
    shop.wire.rate = 0.0
    shop.world.settle()
    books, records = shop.books(), [one.data for one in shop.world.stream.records]
    ledger = compacted(one_lake, shop.world)
    assert ledger == expected(records, books.verdicts())
    balance = books.check()
    of = {verdict: sum(n for end, n in ledger.items() if end[1] == verdict) for _, verdict, _ in ledger}
    # What was posted again because no answer came may have arrived twice; then it is a duplicate, and nothing else.
    assert of["applied"] == balance.applied
    assert of.get("conflict", 0) == balance.conflict
    assert of.get("dropped", 0) == balance.dropped
    assert sum(ledger.values()) >= balance.accepted
    assert_quarantine_agrees(shop.world)


def assert_quarantine_agrees(world: World) -> None:
    """To each thing that lies there belongs a row, and to each row something that lies there."""
    rows = [json.loads(row) for row in world.lake.rows]
    rejected = {
        (row["reason"], row["source"], row["received_at"], row["fingerprint"])
        for row in rows
        if row["verdict"] == "rejected" or row["reason" if "reason" in row else "verdict"] == "invalid_record"
    }
    kept = {
        (one.reason, one.source, one.received_at, key_of("$input", hashlib.sha256(one.raw).hexdigest()))
        for one in world.quarantine.all()
    }
    assert rejected <= kept
    by_the_processor = {
        (row["reason"], row["source"], row["received_at"], row["message_id"], row.get("copy", 0))
        for row in rows
        if row["verdict"] == "quarantined" and row["message_id"]
    }
    assert len(kept) == len(rejected) + len(by_the_processor)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{not json", "invalid_json"),
        (b'{"batch": 1}', "invalid_batch"),
        (b'{"batch": [' + b" " * 600_000 + b"]}", "too_large"),
    ],
)
def test_a_rejected_request_leaves_nothing(body: bytes, code: str) -> None:
    shop = Shop(1)
    assert shop.post(body, shop.token) == code
    assert shop.post(b'{"batch": []}', "atn_s_unknown") == "unknown_write_key"
    assert (shop.requests["received"], shop.requests["rejected"], shop.world.stream.records) == (2, 2, [])
    assert shop.books().check().accepted == 0
