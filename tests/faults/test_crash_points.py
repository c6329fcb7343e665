"""Whatever call breaks, whenever it breaks: nothing is lost, nothing is doubled, every effect is claimed once.

One story touches everything the three functions do. It is told once undisturbed, counting the calls of all ports,
then again for each call with that call breaking, as a killed process or as a service that is out of reach, before or
after it was applied; what was in hand is delivered again, as AWS would.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from attune.adapters.memory import MemorySender
from attune.domain.events import Rejected
from attune.ports.deliveries import Answer
from tests.builders import (
    MINUTE,
    NOW,
    SECOND,
    consent_event,
    event,
    identifiers,
    identify,
    key_of,
    model,
    score_event,
    vip_segment,
)
from tests.faults.books import Books, Sender
from tests.faults.effort import LONG, seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import BreakAt, Fault, GiveUpAt, Moment, Steady, Unreliable, Wire
from tests.faults.world import LONG_ENOUGH, World

ANN, BEN, CID = ({"anonymous_id": name} for name in ("ann", "ben", "cid"))
CART = {"product_id": "p1", "quantity": 2, "price": 9.5}


class Story:
    """Four visitors. Ann fills a cart, logs in and leaves; Ben orders in time; Cid refuses; Dee withdraws before the
    send. A model scores all but Cid when they come, and Ann anew as whom she was before she logged in.
    """

    def __init__(self, wire: Wire | None = None, *, build: Callable[..., World] = World, **world: Any) -> None:
        self.world = build(vip_segment(), wire=wire, models=[model("online")], **world)
        self.sender = Sender()
        # The first endpoint to be called is busy, once.
        self.world.sender = MemorySender([Answer(status=503)])

    def tell(self) -> Story:
        self._browse()
        self.world.settle()
        self._identify()
        self.world.pass_time(5 * MINUTE)
        self._repeat_and_refuse()
        self.world.pass_time(LONG_ENOUGH)
        return self

    def _send(self, *events: Any, **overrides: Any) -> None:
        for one in events:
            content = [one.type, one.name, one.identifiers, one.properties, one.traits, one.time]
            self.sender.sent(one.message_id, content)
        self.world.send(*events, **overrides)

    def _browse(self) -> None:
        ann = identifiers(**ANN)
        views = [event(message_id=f"view-{n}", time=NOW - (5 - n) * SECOND, identifiers=ann) for n in range(4)]
        self._send(*views[:2])
        self._send(*views[2:], rejected=[Rejected(reason="no_identifier", raw=b'{"messageId":"bad-1"}')])
        self.sender.sent_unusable("bad-1")
        for name, cart in (("ann", "cart-a"), ("ben", "cart-b"), ("dee", "cart-d")):
            owner = identifiers(anonymous_id=name)
            added = {**CART, "cart_id": cart}
            self._send(event("Product Added", message_id=f"add-{name}", identifiers=owner, properties=added))
        self.world.stream.put([("garbage", b'{"messageId":"bad-2"} no record')])
        self.sender.sent_unusable("bad-2")

    def _identify(self) -> None:
        self._send(identify({"first_name": "Ann"}, message_id="user-only", identifiers=identifiers(user_id="u-ann")))
        both = identifiers(anonymous_id="ann", user_id="u-ann")
        self._send(identify({"city": "Bonn"}, message_id="login", identifiers=both, time=NOW + SECOND))
        bought = {"cart_id": "cart-b", "order_id": "o-1"}
        self._send(event("Order Completed", message_id="order", identifiers=identifiers(**BEN), properties=bought))

    def _repeat_and_refuse(self) -> None:
        now = self.world.time.now
        ann, cid = identifiers(**ANN), identifiers(**CID)
        again = event(message_id="view-0", time=NOW - 5 * SECOND, identifiers=ann)
        other = event(message_id="view-1", time=NOW - 4 * SECOND, identifiers=ann, properties={"other": "content"})
        fresh = event("Product Viewed", message_id="view-9", time=now, identifiers=ann)
        self._send(again, other, fresh)
        as_visitor = self.world.pseudonyms.profile_id(key_of("anonymous_id", "ann"), 0)
        self.world.send(score_event(as_visitor, "vip", version="run-2", at=now))
        self._send(event(message_id="refused-1", identifiers=cid, consent=None))
        self._send(event(message_id="refused-2", identifiers=cid, consent={"analytics": False}))
        withdrawal = consent_event(
            {"email": False}, time=now, message_id="withdrawal", identifiers=identifiers(anonymous_id="dee")
        )
        self._send(withdrawal)

    def books(self) -> Books:
        world = self.world
        return Books(
            self.sender,
            rows=world.lake.rows,
            quarantined=[kept.raw for kept in world.quarantine.all()],
            profiles=world.states(),
            tombstones={item.profile_id: item.merged_into for item in world.profiles.all_items() if item.merged_into},
        )

    def outcome(self) -> dict[str, Any]:
        """All that must not depend on what broke."""
        world = self.world
        return {
            "profiles": sorted(
                (lasting(state) for state in world.states()), key=lambda state: str(state["profile_id"])
            ),
            "tombstones": {
                item.profile_id: item.merged_into for item in world.profiles.all_items() if item.merged_into
            },
            "consent": {
                item.profile_id: [
                    (entry.purpose, entry.granted, entry.effective_at)
                    for entry in world.profiles.ledger(item.profile_id)
                ]
                for item in world.profiles.all_items()
            },
            "deliveries": {one.delivery_id: (one.state, one.reason, one.body) for one in world.deliveries.all()},
            "posted": {post.headers["webhook-id"] for post in world.sender.posts},
            "quarantine": [(kept.reason, kept.raw) for kept in world.quarantine.all()],
            "balance": self.books().check(),
        }


#: what follows the wall clock or the seal, not the events; of windows, what ran out by the last look is forgotten
_FLEETING = {"data_key", "as_of", "ledger_head", "cursors", "windows"}


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """A profile without what a retry may change: when things were received or looked at, and the key that seals."""
    kept = {name: value for name, value in state.items() if name not in _FLEETING}
    for name in ("seen", "webhooks"):
        kept[name] = sorted(hashes(state.get(name, b""), 20))
    kept["seen_records"] = sorted(hashes(state.get("seen_records", b""), 12))
    kept["links"] = {key: [link[0], *link[2:]] for key, link in state.get("links", {}).items()}
    kept["scores"] = {name: score[:2] for name, score in state.get("scores", {}).items()}
    kept["cursors"] = {key: position[:2] for key, position in state.get("cursors", {}).items()}
    return kept


def hashes(memory: bytes, entry: int) -> list[bytes]:
    return [memory[start : start + 8] for start in range(0, len(memory), entry)]


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story().tell().outcome()


def calls() -> list[str]:
    wire = Steady()
    Story(wire).tell()
    return wire.calls


def numbered(names: list[str]) -> list[str]:
    """`store.put`, `store.put` → `store.put.1`, `store.put.2`: what a call is known by while others come and go."""
    return [f"{name}.{names[: position + 1].count(name)}" for position, name in enumerate(names)]


POINTS = list(enumerate(calls()))
NAMES = numbered([name for _, name in POINTS])
#: of the points, where a long run takes them all
EVERY = 1 if LONG else 4


def test_the_story_is_about_everything(undisturbed: dict[str, Any]) -> None:
    balance = undisturbed["balance"]
    assert (balance.accepted, balance.applied, balance.duplicate, balance.conflict) == (18, 12, 1, 1)
    assert (balance.dropped, balance.quarantined) == (2, 2)
    assert sorted((state, reason) for state, reason, _ in undisturbed["deliveries"].values()) == [
        ("delivered", ""),
        ("not_sent", "no_consent"),
    ]
    assert len(undisturbed["tombstones"]) == 1
    assert sorted(score for state in undisturbed["profiles"] for score in state["scores"].values()) == [
        ["lapsed", "online"],
        ["lapsed", "online"],
        ["vip", "run-2"],
    ]
    called = {name for _, name in POINTS}
    assert {
        "process_events.profiles.commit",
        "process_events.lake.append",
        "process_events.quarantine.keep_all",
        "process_events.champions.serving",
        "run_campaigns.deliveries.claim",
        "run_campaigns.queue.enqueue",
        "deliver_messages.deliveries.settle",
        "deliver_messages.sender.post",
        "deliver_messages.queue.hide",
    } <= called


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("position", "name"), POINTS, ids=NAMES)
def test_a_broken_call_changes_nothing_that_lasts(
    position: int, name: str, fault: Fault, moment: Moment, undisturbed: dict[str, Any]
) -> None:
    wire = BreakAt(position, fault, moment)
    story = Story(wire).tell()
    assert wire.calls[position] == name
    assert story.outcome() == undisturbed
    check_posts(story.world)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(("position", "name"), POINTS[::EVERY])
def test_what_was_in_hand_may_come_again_in_halves(
    position: int, name: str, moment: Moment, undisturbed: dict[str, Any]
) -> None:
    wire = BreakAt(position, Fault.CRASH, moment)
    story = Story(wire, mapping={"bisect": True}).tell()
    assert wire.calls[position] == name
    assert story.outcome() == undisturbed
    check_posts(story.world)


def beside_zombies(wire: Wire, seed: int) -> Story:
    return Story(wire, seed=seed, schedule=Schedule(again=0.0, parallel=3))


@pytest.mark.parametrize("seed", seeds(1, long=5))
@pytest.mark.parametrize("moment", Moment)
def test_an_invocation_that_is_given_up_at_any_call_may_finish_beside_the_next(
    moment: Moment, seed: int, undisturbed: dict[str, Any]
) -> None:
    steady = Steady()
    beside_zombies(steady, seed).tell()
    for position in range(0, len(steady.calls), EVERY):
        wire = GiveUpAt(position, moment)
        story = beside_zombies(wire, seed)
        wire.turns = story.world.turns
        story.tell()
        assert wire.calls[position] == steady.calls[position]
        assert story.outcome() == undisturbed, (position, steady.calls[position])
        check_posts(story.world)


@pytest.mark.parametrize("seed", seeds(40))
def test_several_breaks_under_a_rough_schedule_change_nothing_either(seed: int, undisturbed: dict[str, Any]) -> None:
    """Breaks one after the other, zombies, repeated batches, several shards."""
    schedule = Schedule(again=0.15, zombie=0.03, parallel=3)
    wire = Unreliable(Random(seed), rate=0.06)
    story = Story(wire, seed=seed, shards=1 + seed % 3, schedule=schedule).tell()
    assert story.outcome() == undisturbed
    check_posts(story.world)


def check_posts(world: World) -> None:
    """Every delivered message was posted at least once, always with the same bytes; nothing else was posted."""
    bodies: dict[str, set[bytes]] = {}
    for post in world.sender.posts:
        bodies.setdefault(post.headers["webhook-id"], set()).add(post.body)
    delivered = {one.delivery_id: {one.body.encode()} for one in world.deliveries.all() if one.state == "delivered"}
    assert bodies == delivered
