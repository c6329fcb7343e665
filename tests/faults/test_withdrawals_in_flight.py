"""Whoever withdraws over the API can rely on the answer, whatever a sender is doing at that moment.

Every order of what both do to each other: the hold stands after any number of the sender's steps, the look at what is
being sent comes after any more of them, and from then on the sender goes on, stands still, or is dead.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.memory import MemoryKeys, MemoryStream
from attune.domain.campaigns.deliveries import LEASE
from attune.domain.identity.resolution import Identity
from attune.ports import Claim, Commit, Key
from attune.ports.deliveries import Answer
from attune.use_cases.privacy.await_deliveries import PAUSES, AwaitDeliveries
from attune.use_cases.profiles.manage_profiles import ManageProfiles
from tests.builders import NOW, SECOND, Pseudonyms, key_of, profile_id
from tests.faults.wires import Steady, Task, Turns, wired
from tests.use_cases.campaign_story import Story

ADA = key_of("email", "ada@example.com")
SHOP = Key(key_id="k", source="shop", type="server", digest="", created_at=NOW)
#: calls of one attempt, and one more turn while the message is leaving
STEPS = 11
GOES_ON, STANDS_STILL, DEAD, LONG_DEAD = "goes on", "stands still", "dead", "long dead"


class Sending:
    """The sender's wire: a turn before each call, and one while the message is leaving."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.begun = 0
        self.leaving = False

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self._turns.give_away()
        if name != "sender.post":
            return call()
        self.begun, self.leaving = self.begun + 1, True
        self._turns.give_away()
        answer = call()
        self.leaving = False
        return answer


class At(Steady):
    """Does something before the first call of a name."""

    def __init__(self, **todo: Callable[[], None]) -> None:
        super().__init__()
        self._todo = todo

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self._todo.pop(name.replace(".", "_"), lambda: None)()
        return super().carry(name, call)


class Race:
    """One attempt to send, and one withdrawal; `tried`: it is not the first attempt."""

    def __init__(self, *, tried: bool = False) -> None:
        self.story = Story(answers=[Answer(status=500)] if tried else [])
        claim = Claim(identity_key=ADA, read=None, identity=Identity(profile_id=profile_id(), at=NOW))
        self.story.profiles.commit(Commit(items=(), claims=(claim,)))
        self.story.claimed()
        if tried:
            self.story.deliver()
            self.story.now += 5 * SECOND
        self.sent_later = 0
        self.turns = Turns()
        self.story.wire = self.sending = Sending(self.turns)
        self.sender: Task = self.turns.start(self.story.deliver)

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            if not self.sender.done:
                self.sender.step()

    def withdraw(self, held: int, looked: int, then: str) -> dict[str, Any]:
        """The answer. The sender takes `held` steps before the hold, and `looked` more before the look."""
        story = self.story

        def look() -> None:
            self.step(looked)
            story.now += (LEASE - 5 * SECOND) * (then == LONG_DEAD)

        def pause(seconds: float) -> None:
            story.now += int(seconds * 1_000)
            self.step(then == GOES_ON)

        wire = At(holds_place=lambda: self.step(held), deliveries_under_way=look)
        shared: dict[str, Any] = {"profiles": story.profiles, "pseudonyms": Pseudonyms(), "clock": lambda: story.now}
        deliveries = wired(wire, "deliveries", story.deliveries)
        manage = ManageProfiles(
            **shared,
            deliveries=deliveries,
            holds=wired(wire, "holds", story.holds),
            definitions=story.definitions,
            keys=MemoryKeys(),
            stream=MemoryStream(),
            in_flight=AwaitDeliveries(**shared, deliveries=deliveries, pause=pause),
        )
        return manage.set_consent("email:ada@example.com", b'{"consent": {"email": false}}', SHOP)

    def end(self, then: str) -> None:
        """What the sender still does, and whoever takes the message from the queue when the lease is over."""
        self.step(0 if then in (DEAD, LONG_DEAD) else 2 * STEPS)
        self.story.wire = Sending(Turns())
        self.story.now += LEASE
        before = len(self.story.sender.posts)
        self.story.deliver()
        self.sent_later = len(self.story.sender.posts) - before


@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize("then", [GOES_ON, STANDS_STILL, DEAD, LONG_DEAD])
def test_after_the_answer_no_message_leaves_or_the_answer_says_so(then: str, tried: bool) -> None:
    seen = set()
    for held, looked in itertools.product(range(STEPS + 1), repeat=2):
        race = Race(tried=tried)
        answer = race.withdraw(held, looked, then)
        told, leaving, begun = answer.get("in_flight", False), race.sending.leaving, race.sending.begun
        alive = then in (GOES_ON, STANDS_STILL)
        assert told or not (leaving and alive), (held, looked)
        race.end(then)
        assert told or race.sending.begun == begun, (held, looked)
        assert race.sent_later == 0, (held, looked)
        seen.add(told)
    # who goes on is waited for to the end; who is dead is waited for until nobody can take it for alive
    assert seen == ({False} if then in (GOES_ON, LONG_DEAD) else {False, True})


def test_where_nothing_is_being_sent_nobody_waits() -> None:
    race = Race()
    before = race.story.now
    assert "in_flight" not in race.withdraw(0, 0, DEAD)
    assert race.story.now == before


def test_the_answer_comes_before_the_gateway_gives_up() -> None:
    assert 15 < sum(PAUSES) < 25
