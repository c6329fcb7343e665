"""Two who were taken for one, made two again by the deployed functions: unlinked over the API, folded apart."""

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
from tests.journeys.test_rebuild import once, rebuilt

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def told(profile: dict[str, Any]) -> dict[str, Any]:
    """The traits that somebody said; the stack computes others."""
    return {name: value for name, value in profile["traits"].items() if name in {"city", "shoes"}}


def test_an_unlinked_customer_has_a_profile_of_what_they_did(shop: Shop) -> None:
    stamp = str(int(time.time() * 1_000))
    ann, phone = f"ann-{stamp}", f"phone-{stamp}"
    consent = {"consent": {"categoryPreferences": EVERYTHING}}
    calls: list[dict[str, Any]] = [
        {"type": "identify", "userId": ann, "traits": {"city": "Bonn"}},
        {"type": "identify", "anonymousId": phone, "traits": {"shoes": 43}},
        {"type": "track", "event": "Product Viewed", "userId": ann, "anonymousId": phone},
    ]
    for number, call in enumerate(calls):
        batch = {"batch": [{**call, "context": consent, "messageId": f"{ann}-{number}"}]}
        shop.send_batch(gzip.compress(json.dumps(batch).encode()))

    def together() -> dict[str, Any] | None:
        found = shop.profile("user_id", ann)
        return found if found and told(found) == {"city": "Bonn", "shoes": 43} else None

    old = once(together)
    body: dict[str, Any] = {"identifiers": [f"anonymous_id:{phone}"], "reason": "a journey"}
    said = shop.admin("POST", f"/v1/profiles/user_id:{ann}/unlink", body)
    assert (said["profile_id"], said["unlinked"]) == (old["profile_id"], False)

    def parted() -> dict[str, Any] | None:
        found = shop.profile("anonymous_id", phone)
        return found if found and found["profile_id"] != old["profile_id"] else None

    assert told(once(parted)) == {}
    # the lake may not hold the rows yet: then nothing is changed, and a later run does it
    once(lambda: None if rebuilt(shop, f"user_id:{ann}")["incomplete"] else True)
    mine, others = shop.profile("user_id", ann), once(parted)
    assert mine is not None
    assert (told(mine), told(others)) == ({"city": "Bonn"}, {"shoes": 43})
    assert shop.admin("POST", f"/v1/profiles/user_id:{ann}/unlink", body)["unlinked"]
