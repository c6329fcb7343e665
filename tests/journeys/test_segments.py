"""A segment is drafted, previewed, applied and explained, on the running stack."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local.demo.shop import EVERYTHING, Shop
from local.state import Stack
from tests.journeys.test_rebuild import once

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def previewed(shop: Shop, body: dict[str, Any]) -> dict[str, Any]:
    run = shop.admin("POST", "/v1/previews", body)["run"]

    def ended() -> dict[str, Any] | None:
        found = shop.admin("GET", f"/v1/previews/{run}")
        return found if found["state"] != "running" else None

    found = once(ended)
    assert found["state"] == "succeeded", found
    result: dict[str, Any] = found["result"]
    return result


def explained(shop: Shop, person: str, segment: str, at: str = "") -> dict[str, Any]:
    address = f"{shop.stack.api_url}/v1/profiles/{quote(f'user_id:{person}', safe='')}/segments/{segment}"
    headers = {"Authorization": f"Bearer {shop.stack.server_key}"}
    asked = httpx.get(address, params={"at": at} if at else {}, headers=headers, timeout=35, trust_env=False)
    assert asked.status_code == httpx.codes.OK, asked.text
    answer: dict[str, Any] = asked.json()
    return answer


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_draft_is_previewed_applied_and_explained_now_and_then(shop: Shop) -> None:
    stamp = str(int(time.time() * 1_000))
    now = datetime.now(UTC)
    person, name = f"asked-{stamp}", f"Brochure Read {stamp}"
    times = [now - timedelta(days=days) for days in (9, 2, 1)]
    sent = {"userId": person, "context": {"consent": {"categoryPreferences": EVERYTHING}}}
    calls = [
        {**sent, "type": "track", "event": name, "messageId": f"{person}-{n}", "timestamp": iso(at)}
        for n, at in enumerate(times)
    ]
    shop.send_batch(gzip.compress(json.dumps({"batch": calls}).encode()))
    once(lambda: shop.profile("user_id", person))
    when = {"type": "performed", "event": name, "at_least": 2, "within": "7d"}
    segment: dict[str, Any] = {"kind": "segment", "id": f"brochures_{stamp}", "when": when}

    def is_there() -> dict[str, Any] | None:
        found = previewed(shop, {"definition": segment, "weeks": 2})
        return found if found["size"]["size"] == 1 else None

    # the lake may not hold the rows yet
    result = once(is_there)
    assert [(one["size"], one["entered"], one["left"]) for one in result["weeks"]] == [(0, 0, 0), (1, 1, 0)]
    profile = shop.profile("user_id", person)
    assert profile is not None
    assert result["sample"] == [profile["profile_id"]]
    assert "too_small" in {one["code"] for one in result["warnings"]}

    shop.admin("PUT", f"/v1/definitions/segment/{segment['id']}", segment)
    overlap = previewed(shop, {"segments": [segment["id"]]})
    assert [one["segment"] for one in overlap["segments"]] == [segment["id"]]
    time.sleep(5)  # a snapshot of the definitions lasts as long
    then = explained(shop, person, segment["id"], iso(now - timedelta(days=1, hours=12)))
    [standing] = then["standings"]
    assert (then["in"], then["lake"]) == (False, {"events": 3, "whole": True})
    assert standing["condition"]["rests_on"] == {
        "value": 1,
        "events": [{"at": iso(times[1]), "message_id": f"{person}-1"}],
    }
    before = explained(shop, person, segment["id"], iso(now - timedelta(hours=1)))
    assert (before["in"], before["standings"][0]["since"]) == (True, iso(times[2]))
    now_told = explained(shop, person, segment["id"])
    assert now_told["standings"][0]["condition"]["condition"] == when
