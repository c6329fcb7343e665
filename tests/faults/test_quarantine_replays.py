"""Whatever is refused, mended and replayed, however often, beside live traffic and crashes: each event counts once."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from attune.domain.collection.api_keys import BROWSER, SERVER
from tests.builders import EVERYTHING, HOUR, SECOND
from tests.faults.effort import seeds
from tests.faults.quarantine_desk import QuarantineDesk
from tests.faults.simulator import Schedule

PEOPLE = ("ada", "bob", "eve")
NAMED = "merge(@, {anonymousId: properties.visitor, timestamp: null})"
CONTEXT = {"consent": {"categoryPreferences": dict(EVERYTHING)}}


class Story:
    """Clients that send good and bad calls, some requests twice, and an admin who replays in between."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        schedule = Schedule(again=0.2, parallel=1 + seed % 3)
        self.desk = QuarantineDesk(seed=seed, shards=1 + seed % 2, lag=0.3 * (seed % 2), schedule=schedule)
        self.sent: Counter[str] = Counter()

    def tell(self) -> None:
        for _ in range(12):
            self.rng.choice((self._send, self._send, self._replay, self._wait))()
        self.desk.world.settle()
        self._mend_everything()

    def _send(self) -> None:
        calls = [self._call() for _ in range(self.rng.randint(1, 5))]
        key = self.rng.choice((BROWSER, SERVER))
        for _ in range(self.rng.choice((1, 1, 2))):  # the answer was lost
            self.desk.send({"batch": calls, "context": CONTEXT}, key=key)
            self.desk.world.time.now += self.rng.randint(0, 5 * SECOND)

    def _call(self) -> dict[str, Any]:
        who, number = self.rng.choice(PEOPLE), self.sent.total()
        self.sent[who] += 1
        call: dict[str, Any] = {"type": "track", "event": "Product Viewed"}
        call["properties"] = {"visitor": who, "number": number}
        if self.rng.random() < 0.7:
            call["messageId"] = f"m{number}"
        bad: tuple[dict[str, Any], ...] = ({}, {"anonymousId": who, "timestamp": "yesterday"})
        return call | self.rng.choice(({"anonymousId": who}, *bad))

    def _replay(self) -> None:
        self.desk.world.settle()
        self.desk.store.broken = self.rng.random() < 0.3
        again, patch = self.rng.random() < 0.3, self.rng.choice((NAMED, ""))
        try:
            self.desk.replay(patch=patch, again=again, limit=self.rng.randint(1, 20))
        except ConnectionError:
            pass
        finally:
            self.desk.store.broken = False

    def _wait(self) -> None:
        self.desk.world.pass_time(self.rng.randint(0, HOUR))

    def _mend_everything(self) -> None:
        for again in (False, True, True):
            cursor: str | None = ""
            while cursor is not None:
                answer = self.desk.replay(patch=NAMED, again=again, cursor=cursor, limit=7)
                assert answer["left"] == {}
                cursor = answer["cursor"]
            self.desk.world.settle()


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_each_event_counts_once_however_often_it_is_replayed(seed: int) -> None:
    story = Story(seed)
    story.tell()
    assert sum(state["events"] for state in story.desk.profiles()) == story.sent.total()
    rows = [json.loads(row) for row in story.desk.world.lake.rows]
    applied = {row["message_id"] for row in rows if row["verdict"] == "applied"}
    assert len(applied) == story.sent.total()
    assert story.desk.waiting() == []
