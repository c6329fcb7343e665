"""A window runs out, or a trait's time is up, and nobody does anything: the profile says so within 150 s of it."""

from __future__ import annotations

import gzip
import json
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.profiles.profile import Membership, Profile
from attune.domain.profiles.state import decode_profile
from local.demo.shop import EVERYTHING, Shop
from local.state import client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

#: ms
WINDOW = 20_000
#: seconds from the instant an exit is due to its being in the profile
BAR = 150

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def once[T](ask: Callable[[], T | None], seconds: float) -> T:
    """What is answered as soon as there is an answer."""
    end = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return answer


def stored(stack: Stack, profile_id: str) -> Profile:
    """As it was written last: unlike the API's answer it does not look at the clock by itself."""
    make: Any = boto3.client
    client = make("dynamodb", **client_settings(stack.aws_endpoint_url))
    store = DynamoProfiles(client, profiles=stack.outputs["ProfilesTable"], identities="")
    [item] = store.items([profile_id], consistent=True).values()
    return decode_profile(item.state)


def stored_stay(stack: Stack, profile_id: str, segment: str) -> Membership | None:
    return stored(stack, profile_id).memberships.get(segment)


class Story(NamedTuple):
    """What was defined, of which profile, and when time alone ends it (ms)."""

    name: str
    visitor: str
    profile_id: str
    due: int


@pytest.fixture(scope="module")
def look(stack: Stack, shop: Shop) -> Story:
    """Somebody has just looked at something, and is in a segment for 20 s."""
    run = str(int(time.time() * 1_000))
    # an event of its own, because other tests share the stack
    segment, visitor, name = f"just_looked_{run}", f"window-{run}", f"Window Looked At {run}"
    when = {"type": "performed", "event": name, "within": "20s"}
    shop.admin("PUT", f"/v1/definitions/segment/{segment}", {"kind": "segment", "id": segment, "when": when})
    time.sleep(6)  # every function has noticed
    known = sent(shop, {"type": "track", "userId": visitor, "event": name})
    entered = stored_stay(stack, known["profile_id"], segment)
    assert entered is not None
    assert segment in known["segments"]
    assert entered.left_at is None
    return Story(segment, visitor, known["profile_id"], entered.entered_at + WINDOW)


@pytest.fixture(scope="module")
def mood(stack: Stack, shop: Shop) -> Iterator[Story]:
    """Somebody has a trait that was said an hour ago, but for 20 s, and is kept for an hour."""
    run = str(int(time.time() * 1_000))
    purpose, trait, visitor = f"kept_{run}", f"mood_{run}", f"retention-{run}"
    retention = {"traits": {trait: "1h"}}
    defined = f"/v1/definitions/purpose/{purpose}"
    answer = shop.admin("PUT", defined, {"kind": "purpose", "id": purpose, "retention": retention})
    assert answer["awaits_backfill"] is True
    time.sleep(6)  # every function has noticed
    end = int(time.time()) + 20
    told_at = datetime.fromtimestamp(end - 3_600, UTC).isoformat()
    traits = {trait: "well", "name": "Ada"}
    known = sent(shop, {"type": "identify", "userId": visitor, "traits": traits, "timestamp": told_at})
    assert trait in stored(stack, known["profile_id"]).traits
    yield Story(trait, visitor, known["profile_id"], end * 1_000)
    shop.admin("DELETE", defined)


def sent(shop: Shop, call: dict[str, Any]) -> dict[str, Any]:
    """The profile of whom the call is about, once it is there."""
    said = call | {"messageId": call["userId"], "context": {"consent": {"categoryPreferences": EVERYTHING}}}
    shop.send_batch(gzip.compress(json.dumps({"batch": [said]}).encode()))
    return once(lambda: shop.profile("user_id", call["userId"]), 30)


@pytest.mark.usefixtures("mood")  # begun before anybody waits: both waits are one
def test_a_window_exit_happens_on_the_deployed_stack_with_no_event_arriving(
    stack: Stack, shop: Shop, look: Story
) -> None:
    def left() -> Membership | None:
        found = stored_stay(stack, look.profile_id, look.name)
        return found if found is not None and found.left_at is not None else None

    exited = once(left, look.due / 1_000 - time.time() + BAR)
    assert exited.left_at == look.due
    again = shop.profile("user_id", look.visitor)
    assert again is not None
    assert look.name not in again["segments"]


def test_a_trait_goes_on_the_deployed_stack_when_its_time_is_up(stack: Stack, shop: Shop, mood: Story) -> None:
    def is_gone() -> bool | None:
        return True if mood.name not in stored(stack, mood.profile_id).traits else None

    once(is_gone, mood.due / 1_000 - time.time() + BAR)
    again = shop.profile("user_id", mood.visitor)
    assert again is not None
    assert again["traits"]["name"] == "Ada"
    assert mood.name not in again["traits"]
