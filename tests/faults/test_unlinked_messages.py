"""Ann and Ben were one profile. Once Ben is erased, no message that stays with Ann says anything of his."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from attune.domain.campaigns.deliveries import ERASED, Delivery, State
from attune.domain.erasure.receipts import decode_receipt
from attune.domain.events import Event
from attune.domain.identifiers import Identifier
from attune.ports.deliveries import Answer
from tests.builders import HOUR, MINUTE, event, identifiers
from tests.faults.forgetful_desk import Desk
from tests.faults.forgetful_shop import Shop
from tests.faults.unlinking import unlink_event
from tests.lakes import LakeOfTests

ANN = identifiers(user_id="ann")
BEN = identifiers(loyalty_id="ben")
BOTH = ANN + BEN
LAPTOP = identifiers(anonymous_id="laptop")


class Story:
    """Who fills a cart leaves it, and is reminded of it in a message that says all that is known of them."""

    def __init__(self, lake: LakeOfTests) -> None:
        self.shop = Shop(lake)
        self.world = self.shop.world
        self.desk = Desk(self.shop)

    def fill(self, *named: Identifier, word: str) -> None:
        self.send(
            event(
                "Product Added",
                message_id=word,
                time=self.world.time.now,
                identifiers=named,
                traits={f"of-{word}": f"canary-{word}"},
                properties={"cart_id": f"cart-{word}", "product_id": "p"},
            )
        )

    def leave(self, *, told: bool = True, answers: bool = True) -> None:
        """Until the reminder is due; `told`: it is made, and sent to an endpoint that `answers`."""
        self.shop.wait(16 * MINUTE)
        self.shop.process()
        self.shop.wait(3 * MINUTE)
        self.shop.process()
        if told:
            self.tell(answers=answers)

    def tell(self, *, answers: bool = True) -> None:
        self.shop.campaign()
        self.shop.deliver(*[] if answers else [Answer(status=500)] * 9)

    def send(self, one: Event) -> None:
        self.world.send(one, received_at=self.world.time.now)
        self.shop.process()

    def unlink(self) -> None:
        [profile_id] = {one["profile_id"] for one in self.world.states() if "'ben'" in repr(one["links"])}
        self.send(unlink_event(profile_id, *BEN, time=self.world.time.now))

    def fold_apart(self) -> None:
        self.world.time.now += MINUTE
        self.shop.land()
        self.shop.compact()
        self.shop.rebuild()

    def erase(self, *subject: str) -> str:
        asked: str = self.desk.ask("erasure", *subject)["request_id"]
        for _ in range(5):
            self.shop.process()
            if self.desk.work():
                break
            self.world.time.now += HOUR
        return asked

    def messages(self) -> dict[str, Delivery]:
        return {one.delivery_id: one for one in self.world.deliveries.all()}


@pytest.fixture(scope="module")
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def says(one: Delivery, word: str) -> bool:
    return word in msgspec.json.encode(one).decode()


def test_messages_of_both_stay_without_a_word_of_whom_is_erased_and_those_made_since_as_they_are(
    lake: LakeOfTests,
) -> None:
    story = Story(lake)
    story.fill(*BEN, word="ben-alone")
    story.leave()
    story.fill(*ANN, word="ann-alone")
    story.leave()
    story.send(event(identifiers=BOTH, time=story.world.time.now))  # and so they are one
    story.fill(*ANN, word="ann-one")
    story.leave()
    story.fill(*BEN, word="ben-waits")
    story.leave(answers=False)
    story.fill(*ANN, word="ann-late")
    story.leave(told=False)
    story.unlink()
    story.world.time.now += 5 * MINUTE
    story.tell(answers=False)  # of what was told before it, and is read while the old side is still of both
    story.fold_apart()
    story.world.time.now += 5 * MINUTE
    for word in ("since", "now"):
        story.fill(*ANN, word=f"ann-{word}")
        story.leave(answers=False)
    before = story.messages()
    of_ben = {name for name, one in before.items() if says(one, "ben")}
    assert len(of_ben) == 4
    assert {before[name].state for name in of_ben} == {State.DELIVERED, State.CLAIMED, State.NOT_SENT}

    posts = len(story.world.sender.posts)
    receipt = story.desk.documents.documents[f"receipts/{story.erase('loyalty_id:ben')}.json"][0]
    after = story.messages()
    assert after.keys() == before.keys()
    assert not [one for one in after.values() if says(one, "ben")]
    since = [one for one in before.values() if one.cause.key in {"cart-ann-since", "cart-ann-now"}]
    assert len(since) == 2
    assert all(after[one.delivery_id] == one for one in since)
    for name in of_ben:
        assert _record(after[name]) == _record(before[name])
        waited = before[name].state is State.CLAIMED
        assert (after[name].state, after[name].reason) == (
            (State.NOT_SENT, ERASED) if waited else (before[name].state, before[name].reason)
        )
    counted = decode_receipt(receipt)
    assert counted.stores["deliveries"].rewritten == len(before) - len(since)
    assert not [one for one in counted.horizons if one.store == "messages"]

    story.world.time.now += HOUR
    story.shop.deliver()
    assert {one.headers["webhook-id"] for one in story.world.sender.posts[posts:]} == {one.delivery_id for one in since}


def _record(one: Delivery) -> tuple[Any, ...]:
    return (one.profile_id, one.campaign, one.channel, one.cause.segment, one.cause.at, one.created_at, one.attempts)


def test_a_message_that_is_leaving_is_waited_for_and_there_is_no_receipt_before(lake: LakeOfTests) -> None:
    story = Story(lake)
    story.send(event(identifiers=BOTH, time=story.world.time.now))
    story.fill(*BEN, word="ben")
    story.leave(answers=False)
    story.unlink()
    story.fold_apart()
    [waiting] = [one for one in story.messages().values() if says(one, "ben")]
    leaving = msgspec.structs.replace(
        waiting, attempts=2, reason="", next_attempt_at=story.world.time.now + HOUR, holder="somebody"
    )
    story.world.deliveries.settle(leaving, read_state=waiting.state, read_attempts=waiting.attempts)
    asked = story.desk.ask("erasure", "loyalty_id:ben")["request_id"]
    story.shop.process()
    while not story.desk.work():
        story.shop.process()
    assert story.messages()[waiting.delivery_id] == leaving
    assert f"receipts/{asked}.json" not in story.desk.documents.documents
    story.world.time.now += 2 * HOUR
    story.desk.work()
    assert not says(story.messages()[waiting.delivery_id], "ben")
    assert f"receipts/{asked}.json" in story.desk.documents.documents


@pytest.mark.parametrize("laptop_first", [True, False])
def test_whoever_the_other_is_by_now(lake: LakeOfTests, *, laptop_first: bool) -> None:
    """Ann's laptop is told of its cart when it is known to be hers, and she is not folded apart from Ben yet."""
    story = Story(lake)
    said = {"laptop": LAPTOP, "ben": BOTH}
    for word in said if laptop_first else reversed(said):
        story.fill(*said[word], word=word)
        story.world.time.now += MINUTE
    story.leave(told=False)
    story.unlink()
    story.send(event(identifiers=ANN + LAPTOP, time=story.world.time.now))
    story.tell()
    story.fold_apart()
    assert len([one for one in story.messages().values() if says(one, "ben")]) == 2
    story.erase("loyalty_id:ben")
    assert len(story.messages()) == 2
    assert not [one for one in story.messages().values() if says(one, "ben")]
