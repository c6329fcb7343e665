"""Four people say the same on the same ways, each in words of their own, and three of them take it back at some point.

Every word is `canary-<who>-<way>`; the ways are those on which an event may live: taken at once, tried again, given up,
refused and mended, dropped in a file.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from attune.adapters.memory import MemorySender
from attune.domain.collection.api_keys import SERVER
from attune.domain.definitions.conditions import Performed
from attune.domain.definitions.kinds import Segment
from attune.domain.profiles.state import decode_profile
from attune.ports.deliveries import Answer
from attune.use_cases.management.show_times import iso
from tests.builders import HOUR, MINUTE
from tests.faults.forgetful_desk import Desk
from tests.faults.forgetful_shop import HEADER, PAUSE, Shop, consents, plain
from tests.lakes import LakeOfTests

#: what people are called who take it back over the API, by their browser, and by being erased (`ada`, `ada2`, …); and
#: who never does
API, STREAM, ERASED, NEVER = "ada", "bea", "cleo", "dan"
FILE = "imports/tills/2025-06-15.csv"
#: what their clients could not date happened when it was received
MENDED = "merge(@, {timestamp: null})"
#: everybody who ever looked at anything
CURIOUS = Segment(id="curious", when=Performed(event="Product Viewed", at_least=1, within="30d"))
BUYERS = Segment(id="buyers", when=Performed(event="Order Completed", at_least=1, within="30d"))
PURPOSES = ("analytics", "personalization", "email")


@dataclass(frozen=True)
class Seen:
    """Somebody was seen in a use, with these words, at an instant."""

    use: str
    who: str
    at: int
    words: frozenset[str] = frozenset()


class Sender(MemorySender):
    """Knows when each message left."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__()
        self._clock = clock
        self.times: list[int] = []

    def post(self, url: Any, headers: Any, body: bytes) -> Answer:
        self.times.append(self._clock())
        return super().post(url, headers, body)


@dataclass
class Lives:
    """`answered`: when each act was answered; `applied`: when the stream had carried it. `held`: what was held then."""

    lake: LakeOfTests
    seed: int = 1
    acting: Collection[str] = (API, STREAM, ERASED)
    suppress: bool = False
    #: when those who took it back say something again
    back_at: int = 1 << 62
    answered: dict[str, int] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    held: dict[str, frozenset[str]] = field(default_factory=dict)
    rows_by_then: dict[str, int] = field(default_factory=dict)
    #: when each version became the champion
    champions: set[tuple[int, str]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    ids: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.people = (*self.acting, NEVER)
        self.ids = {who: set() for who in self.people}
        self.shop = Shop(self.lake, seed=self.seed, rows=len(self.people))
        self.world = self.shop.world
        self.world.sender = Sender(self.world.time)
        self.desk = Desk(self.shop)
        self.sent: list[dict[str, Any]] = []
        self._posts = 0
        self._location = ""
        self._before()

    # ------------------------------------------------------------------------------------------- what they say

    def say(self, way: str, event: str, *people: str, **wrong: Any) -> None:
        """A request each of who has taken nothing back, or of those named: who they are, and what they did."""
        for who in people or self.still_there():
            word = f"canary-{who}-{way}"
            named = {"userId": f"u-{who}-4711", "anonymousId": f"device-{who}-4711", "timestamp": self._now()}
            traits = {"email": f"{who}@example.com", f"said_{way}": word, "first_name": who}
            identify = {"type": "identify", "messageId": f"i-{word}", "traits": traits} | named
            did: dict[str, Any] = {"type": "track", "event": event, "messageId": f"m-{word}"} | named | wrong
            did["properties"] = {"product_id": word, "cart_id": f"cart-{word}", "price": 5.0}
            body = {"batch": [did] if wrong else [identify, did], "context": consents()}
            self.sent.append(body)
            self.shop.desk.send(body, key=SERVER)

    def still_there(self) -> list[str]:
        return [who for who in self.people if who not in self.answered]

    def erased(self) -> list[str]:
        """Those who are erased, sooner or later."""
        return [who for who in self.people if who.startswith(ERASED)]

    def _now(self) -> str:
        return iso(self.world.time.now)

    def _before(self) -> None:
        """They are known, and somebody else's model says something of them."""
        self.shop.serve("run-1")
        self.say("past", "Product Viewed")
        self.shop.process()
        self.world.time.now += MINUTE
        self.look()
        for number, who in enumerate(self.erased()):
            self.desk.export(*self.names(who), kept=f"{number:032x}")

    # ---------------------------------------------------------------------------------------------------- the life

    def steps(self) -> list[Callable[[], Any]]:
        """The way of all events, one after the other."""
        shop = self.shop
        return [
            self.be_refused, shop.process,
            self.drop, self.read_some, shop.process, self.read_on, shop.process,
            self.be_given_up, self.give_up,
            self.fill_carts, self.fail, self.retry,
            shop.land, shop.compact,
            self.leave_carts, shop.process, self.be_told, shop.process,
            shop.campaign, self.deliver_in_vain,
            self.learn, self.teach, shop.process,
            self.deliver,
        ]  # fmt: skip

    def be_refused(self) -> None:
        self.say("refused", "Product Viewed", timestamp="yesterday")

    def drop(self) -> None:
        rows = [
            f"canary-{who}-file{part},c-{who}-4711,{who}@example.com,5.00,{self._now()}"
            for part in (1, 2)
            for who in self.still_there()
        ]
        self.file = "\n".join([HEADER, *rows, ""]).encode()
        self.shop.imports.drop(FILE, self.file)

    def read_some(self) -> None:
        assert not self.shop.imports.call(FILE).done

    def read_on(self) -> None:
        self.shop.imports.run(FILE)

    def be_given_up(self) -> None:
        self.say("given", "Product Added")

    def give_up(self) -> None:
        """Their batch fails until it lies in the bucket."""
        self.shop.switch.breaks("process_events.lake.append")
        self._until_tried()
        self.shop.switch.breaks("")
        assert self.world.process.given_up
        self.shop.repairs.collect()

    def _until_tried(self) -> None:
        self.shop.process()
        while self.world.process.next_try() is not None:
            self.world.time.now += PAUSE
            self.shop.process()

    def fill_carts(self) -> None:
        self.say("cart", "Product Added")

    def fail(self) -> None:
        """Rows lie in the lake already, and the process is killed."""
        self.shop.switch.breaks("process_events.profiles.commit", 1)
        self.shop.process()

    def retry(self) -> None:
        self._until_tried()

    def leave_carts(self) -> None:
        self.shop.wait(16 * MINUTE)

    def be_told(self) -> None:
        self.shop.wait(3 * MINUTE)

    def deliver_in_vain(self) -> None:
        self.shop.deliver(*[Answer(status=500)] * 9)

    def learn(self, run: str = "run-2") -> None:
        self.world.time.now += MINUTE
        self._location = self.shop.train(run)

    def teach(self) -> None:
        self.shop.score(self._location)

    def deliver(self) -> None:
        self.world.time.now += HOUR
        self.shop.deliver()

    # ---------------------------------------------------------------------------------------------------- the acts

    def take_back(self, who: str) -> None:
        """As they can: over the API, by their browser, or they are erased."""
        if who.startswith(API):
            self._answer(who, self.desk.withdraw(f"email:{who}@example.com", *PURPOSES))
        elif who.startswith(STREAM):
            named = {"userId": f"u-{who}-4711", "anonymousId": f"device-{who}-4711", "timestamp": self._now()}
            said = {"type": "track", "event": "Segment Consent Preference Updated", "messageId": "no", **named}
            self.shop.desk.send({"batch": [said], "context": consents(granted=False)}, key=SERVER)
        elif who.startswith(ERASED):
            self._answer(who, self.desk.ask("erasure", f"email:{who}@example.com", suppress=self.suppress))
        self.answered[who] = self.world.time()
        self.notice()

    def _answer(self, who: str, answer: dict[str, Any]) -> None:
        """Whether it says that a message may be leaving still."""
        self.told |= {who} if answer.get("in_flight") else set()

    def notice(self) -> None:
        """Whose act the stream has carried since."""
        for who in self.answered.keys() - self.applied.keys():
            if self._is_applied(who):
                self.applied[who] = self.world.time()
                self.rows_by_then[who] = len(self.world.lake.rows)
                self.held[who] = self.taken_in()

    def _is_applied(self, who: str) -> bool:
        items = [one for one in self.world.profiles.all_items() if one.profile_id in self.ids[who] and one.state]
        records = [decode_profile(one.state).consent.get("personalization") for one in items]
        return all(record is not None and not record.granted for record in records)

    # ---------------------------------------------------------------------------------------------- what is seen

    def names(self, who: str) -> tuple[str, ...]:
        return (f"email:{who}@example.com", f"user_id:u-{who}-4711")

    def words(self, value: object) -> frozenset[str]:
        return frozenset(re.findall(r"canary-\w+?-\w+", plain(value)))

    def taken_in(self) -> frozenset[str]:
        """Words of events whose newest row says that they were applied."""
        newest: dict[str, dict[str, Any]] = {}
        for row in map(msgspec.json.decode, self.world.lake.rows):
            known = newest.get(row["message_id"], row)
            newest[row["message_id"]] = max(known, row, key=lambda one: (one.get("version", 0), one["processed_at"]))
        applied = [b64decode(row["sealed"]) for row in newest.values() if row["verdict"] == "applied"]
        return self.words(repr(applied))

    def look(self) -> None:
        """At what the API shows, at what has left."""
        self.notice()
        self.champions.add(self.shop.moved())
        for who in self.people:
            self._look_at(who)
        sender: Any = self.world.sender
        for post, at in list(zip(sender.posts, sender.times, strict=True))[self._posts :]:
            words = self.words(post.body.decode())
            self.seen += [Seen("sent", who, at, words) for who in {one.split("-")[1] for one in words}]
        self._posts = len(sender.posts)

    def _look_at(self, who: str) -> None:
        shown = self.desk.profile(f"email:{who}@example.com")
        at = self.world.time()
        if shown is not None:
            self.ids[who].add(shown["profile_id"])
            self._see("shown", who, self.words(shown["traits"]), at)
            self._see("shown in segments", who, frozenset(shown["segments"]), at)
            self._see("shown with scores", who, frozenset(shown["scores"]), at)
        for segment in ("abandoned_cart", "vip"):
            why = self.desk.why(f"email:{who}@example.com", segment)
            if why is not None:
                self._see("explained", who, self.words(why), at)
                self._see("explained as inside", who, frozenset({segment} if why["in"] else ()), at)

    def _see(self, use: str, who: str, words: frozenset[str], at: int) -> None:
        if words:
            self.seen.append(Seen(use, who, at, words))
