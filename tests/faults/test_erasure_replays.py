"""What lay in the failure bucket or in quarantine when somebody was erased, and is replayed afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.collection.api_keys import SERVER
from attune.domain.identifiers import Identifier
from tests.builders import EVERYTHING, HOUR, MINUTE, identifiers
from tests.faults.effort import seeds
from tests.faults.erasing import erase_event
from tests.faults.quarantine_desk import QuarantineDesk
from tests.faults.rebuilding import rebuild_all
from tests.faults.repairs import Repairs
from tests.faults.test_erasure import ADA, BEN, Lives

GIVES_UP: dict[str, Any] = {"max_retries": 1, "bisect": True}
CONTEXT = {"consent": {"categoryPreferences": dict(EVERYTHING)}}
VISITOR = identifiers(anonymous_id="ada")


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_what_the_stream_gave_up_before_an_erasure_is_refused_when_it_is_repaired(seed: int) -> None:
    """The word itself may be given up, too: then it is repaired with the rest, and forgets them all the same."""
    lives = Lives(seed, rate=0.0, mapping=GIVES_UP)
    lives.say(*ADA)
    lives.say(*BEN)
    lives.settle()
    lives.wire.rate = 0.3
    lives.live(8).settle()
    lives.wire.rate = 0.0 if seed % 3 else 0.3
    lives.erase(lives.rng.choice(ADA[:5])).settle()
    lives.wire.rate = 0.0
    given_up = len(lives.world.process.given_up)
    repairs = Repairs(lives.world)
    for _ in range(2):
        lives.settle(HOUR)
        repairs.replay()
    lives.settle(HOUR)
    assert lives.check() >= lives.words(*ADA)
    rebuild_all(lives.world)
    repairs.effects(0)
    assert lives.settle(HOUR).check() >= lives.words(*ADA)
    assert [state["events"] for state in lives.world.states()] == [len(lives.words(*BEN))]
    assert given_up or seed not in {0, 3}


def test_what_lay_in_quarantine_when_somebody_was_erased_is_refused_when_it_is_mended() -> None:
    desk = QuarantineDesk()
    call = {"type": "track", "event": "Product Viewed", "anonymousId": "ada", "messageId": "m-1"}
    desk.send({"batch": [call | {"timestamp": "yesterday"}], "context": CONTEXT}, key=SERVER)
    desk.send({"batch": [call | {"messageId": "m-2"}], "context": CONTEXT}, key=SERVER)
    assert len(desk.profiles()) == 1
    desk.world.send(erase_event(*VISITOR, time=desk.world.time.now), received_at=desk.world.time.now)
    assert desk.profiles() == []
    desk.world.time.now += MINUTE
    assert desk.replay(patch="merge(@, {timestamp: null})")["replayed"] == 1
    assert desk.profiles() == []
    assert b'"reason":"erased"' in desk.world.lake.rows[-1]
    desk.world.time.now += MINUTE
    desk.send({"batch": [call | {"messageId": "m-3"}], "context": CONTEXT}, key=SERVER)
    [back] = desk.profiles()
    assert back["events"] == 1
    assert back["profile_id"] != desk.world.pseudonyms.profile_id(_key(desk, VISITOR[0]), 0)


def _key(desk: QuarantineDesk, named: Identifier) -> str:
    return desk.world.pseudonyms.key(named)
