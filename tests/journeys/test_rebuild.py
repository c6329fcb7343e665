"""A segment that is new, and its past: a profile folded anew from the lake by the deployed machine."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from local.demo.shop import EVERYTHING, Shop
from local.state import Stack

pytestmark = pytest.mark.cloud

PATIENCE = 90


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def once[T](ask: Callable[[], T | None]) -> T:
    """What is answered as soon as there is an answer."""
    end = time.monotonic() + PATIENCE
    while (answer := ask()) is None and time.monotonic() < end:
        time.sleep(0.25)
    assert answer is not None
    return answer


def rebuilt(shop: Shop, *people: str) -> dict[str, Any]:
    """What a run that names them came to."""
    run = shop.admin("POST", "/v1/repairs", {"what": "profiles", "profiles": list(people)})["run"]

    def ended() -> dict[str, Any] | None:
        found = shop.admin("GET", f"/v1/repairs/{run}")
        return found if found["state"] != "running" else None

    found = once(ended)
    assert found["state"] == "succeeded", found
    counts: dict[str, Any] = found["result"]["profiles"]
    return {name: counts[name] for name in ("rebuilt", "unchanged", "incomplete", "unknown")}


def test_a_segment_that_is_new_has_its_past_after_a_rebuild_and_nobody_is_told(shop: Shop) -> None:
    stamp = str(int(time.time() * 1_000))
    person, name = f"rebuild-{stamp}", f"Catalogue Read {stamp}"
    sent = {"userId": person, "context": {"consent": {"categoryPreferences": EVERYTHING}}}
    calls = [{**sent, "type": "track", "event": name, "messageId": f"{person}-{n}"} for n in range(3)]
    calls.append({**sent, "type": "identify", "traits": {"city": "Bonn"}, "messageId": f"{person}-who"})
    shop.send_batch(gzip.compress(json.dumps({"batch": calls}).encode()))
    once(lambda: shop.profile("user_id", person))
    segment = {
        "kind": "segment",
        "id": f"readers_{stamp}",
        "when": {"type": "performed", "event": name, "at_least": 3, "within": "24h"},
    }
    shop.admin("PUT", f"/v1/definitions/segment/{segment['id']}", segment)

    def is_reader() -> bool:
        profile = shop.profile("user_id", person)
        assert profile is not None
        assert profile["traits"]["city"] == "Bonn"
        assert profile["deliveries"] == []
        return segment["id"] in profile["segments"]

    assert not is_reader()
    # the lake may not hold the rows yet: then nothing is changed, and a later run does it
    once(lambda: None if rebuilt(shop, f"user_id:{person}")["incomplete"] else True)
    once(lambda: is_reader() or None)
    assert rebuilt(shop, f"user_id:{person}", f"user_id:nobody-{stamp}") == {
        "rebuilt": 0,
        "unchanged": 1,
        "incomplete": 0,
        "unknown": 1,
    }
