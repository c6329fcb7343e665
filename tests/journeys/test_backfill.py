"""A segment that is changed on the deployed stack: the version before serves until the machine has read the lake."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from local.demo.shop import EVERYTHING, Shop
from local.state import Stack
from tests.journeys.test_rebuild import once

pytestmark = pytest.mark.cloud

#: s; a run waits for Firehose, compacts, takes over 10 s ahead
PATIENCE = 180


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def backfilled(shop: Shop, segment: str) -> dict[str, Any]:
    """What a run for it came to."""
    run = shop.admin("POST", "/v1/repairs", {"what": "segments", "segments": [segment]})["run"]
    end = time.monotonic() + PATIENCE
    while (found := shop.admin("GET", f"/v1/repairs/{run}"))["state"] == "running" and time.monotonic() < end:
        time.sleep(1)
    assert found["state"] == "succeeded", found
    result: dict[str, Any] = found["result"]["segments"]
    return result


def test_a_changed_segment_takes_over_when_its_past_is_known_and_tells_nobody(shop: Shop) -> None:
    stamp = str(int(time.time() * 1_000))
    person, read, heard = f"backfill-{stamp}", f"Catalogue Read {stamp}", f"Newsletter Opened {stamp}"
    sent = {"userId": person, "context": {"consent": {"categoryPreferences": EVERYTHING}}}
    names = [read, read, heard, heard, heard]
    calls = [{**sent, "type": "track", "event": name, "messageId": f"{person}-{n}"} for n, name in enumerate(names)]
    shop.send_batch(gzip.compress(json.dumps({"batch": calls}).encode()))
    once(lambda: shop.profile("user_id", person))
    name = f"fans_{stamp}"
    address = f"/v1/definitions/segment/{name}"

    def put(event: str, at_least: int) -> dict[str, Any]:
        when = {"type": "performed", "event": event, "at_least": at_least, "within": "24h"}
        answer: dict[str, Any] = shop.admin("PUT", address, {"kind": "segment", "id": name, "when": when})
        return answer

    def is_fan() -> bool:
        profile = shop.profile("user_id", person)
        assert profile is not None
        assert profile["deliveries"] == []
        return name in profile["segments"]

    assert put(read, 2) == {
        "kind": "segment",
        "id": name,
        "version": 1,
        "changed": True,
        "awaits_backfill": True,
        "pending": False,
    }
    assert not is_fan()
    assert name in backfilled(shop, name)["segments"]
    assert is_fan()
    assert shop.admin("GET", address)["settled"] is True

    assert put(heard, 4)["pending"] is True
    assert is_fan()  # by the version that serves
    found = shop.admin("GET", address)
    assert (found["version"], found["pending_version"], found["definition"]["when"]["event"]) == (1, 2, read)
    assert backfilled(shop, name)["replaced"] == []
    assert not is_fan()
    found = shop.admin("GET", address)
    assert (found["version"], found["pending_version"], found["settled"]) == (2, None, True)

    assert put(heard, 3)["pending"] is False  # it asks for no more than is kept
    once(lambda: is_fan() or None)
    versions = shop.admin("GET", f"{address}/versions")["versions"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert all(one["since"] for one in versions)
