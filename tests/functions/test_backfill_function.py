"""rebuild_profiles as the repair machine calls it to backfill segments, AWS in this process.

Of what is in the lake other tests speak; these segments are about traits, which profiles hold anyway.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.definitions.conditions import TraitTest
from attune.domain.definitions.kinds import Segment
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Membership, Profile, Trait
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.ports import Commit, ProfileItem
from attune.runtime.wiring import backfill_segments
from tests.adapters.cloud import REGION, Cloud
from tests.builders import HOUR, profile_id
from tests.functions.management import CONTEXT, load_handler

RUN = {"run": "20250615T150640Z", "started_at": "2025-06-15T15:06:40.250Z"}
BONN, KIEL = (Segment(id="locals", when=TraitTest(trait="city", value=city)) for city in ("Bonn", "Kiel"))


class Clock:
    """The machine's, on which a pause takes no time: a backfill waits until every container knows its definitions."""

    def __init__(self) -> None:
        self._paused = 0.0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + int(self._paused * 1_000)

    def sleep(self, seconds: float) -> None:
        self._paused += seconds


class Deployed:
    """The tables, and somebody in Kiel who once was in a segment that was deleted since."""

    def __init__(self, set_variable: Callable[[str, str], None], clock: Clock) -> None:
        cloud = Cloud()
        tables = {role: cloud.table(role) for role in ("profiles", "identities", "definitions")}
        variables = {f"{role.upper()}_TABLE": name for role, name in tables.items()} | {
            "IDENTITY_SECRET": cloud.secret("identity secret of the tests"),
            "LAKE_BUCKET": "lake",
            "LAKE_DATABASE": "lake",
            "LAKE_WORKGROUP": "lake",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Attune",
        }
        for name, text in variables.items():
            set_variable(name, text)
        client = cloud.client("dynamodb")
        self.definitions = DynamoDefinitions(client, tables["definitions"], clock=clock.now)
        self.profiles = DynamoProfiles(client, profiles=tables["profiles"], identities=tables["identities"])
        at = time.time_ns() // 1_000_000 - HOUR
        profile = Profile(
            profile_id=profile_id(),
            consent={"personalization": Consent(granted=True, at=at, source="shop")},
            traits={"city": Trait("Kiel", at, b"x" * 8)},
            memberships={"gone": Membership(at), "locals": Membership(at, announced=True)},
            first_seen=at,
            as_of=at,
        )
        item = ProfileItem(profile_id=profile_id(), version=1, state=encode_profile(profile))
        self.profiles.commit(Commit(items=((None, item),)))

    def profile(self) -> Profile:
        return decode_profile(self.profiles.items([profile_id()], consistent=True)[profile_id()].state)

    def stays(self) -> dict[str, Membership]:
        return self.profile().memberships

    def run(self, *segments: str) -> dict[str, Any]:
        """As the machine does: called with its last answer, which goes through JSON, until it is done."""
        handler = load_handler("rebuild_profiles")
        context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 0)
        position: Any = ""
        for _ in range(9):
            given = {**RUN, "segments": list(segments), "position": position}
            answer = json.loads(json.dumps(handler(given, context)))
            assert answer["wait"] is False
            if answer["done"]:
                return dict(answer)
            position = answer["position"]
        raise AssertionError(position)


@pytest.fixture
def deployed() -> Iterator[Deployed]:
    clock = Clock()
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill_segments, "now", clock.now)
        patch.setattr(backfill_segments, "time", clock)
        yield Deployed(patch.setenv, clock)


def test_a_segment_takes_over_and_everybody_is_brought_in_line(deployed: Deployed) -> None:
    store = deployed.definitions
    store.put(BONN, read_version=None)
    store.put(KIEL, read_version=1, at_once=False)
    store.put(Segment(id="gone", when=KIEL.when), read_version=None)
    store.delete("segment", "gone", read_version=1)
    answer = deployed.run()
    assert (answer["segments"], answer["settled"], answer["replaced"]) == (["locals"], 1, [])
    [standing] = store.standings("segment")
    assert (standing.version, standing.serving, standing.settled) == (2, None, True)
    stays = deployed.stays()
    assert stays.keys() == {"locals"}
    assert stays["locals"].left_at is None
    assert deployed.run()["segments"] == []


def test_traits_go_that_a_purpose_keeps_for_a_shorter_time(deployed: Deployed) -> None:
    store = deployed.definitions
    store.put(Purpose(id="surveys", retention=Retention(traits={"city": "1h"})), read_version=None)
    answer = deployed.run()
    assert (answer["segments"], answer["settled"]) == ([], 1)
    assert deployed.profile().traits == {}
    [standing] = store.standings("purpose")
    assert standing.settled
    assert deployed.run()["settled"] == 0


def test_what_is_no_segment_is_said(deployed: Deployed) -> None:
    answer = deployed.run("nowhere")
    assert (answer["unknown"], answer["segments"]) == (["nowhere"], [])
