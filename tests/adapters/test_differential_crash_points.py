"""The story of the crash points on the real adapters: each call of an AWS client is killed, before or after the service
did what was asked, and what was in hand comes again whole, in halves, or while the killed one goes on.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random
from typing import Any

import pytest

from tests.adapters.cloud import Cloud
from tests.adapters.deployed_world import DeployedWorld
from tests.faults.effort import LONG
from tests.faults.simulator import Schedule
from tests.faults.test_crash_points import Story, check_posts, numbered
from tests.faults.wires import BreakAt, Fault, GiveUpAt, Moment, Steady

pytestmark = pytest.mark.cloud

WAYS = ("the same batch", "halves", "beside a zombie")
#: tests that share the calls of one way, all of them in a long run; a short one takes one call
SHARES = 20 if LONG else 1


def outcome(story: Story) -> dict[str, Any]:
    """Without positions, which each stream numbers its own way; what is no event is kept as often as it was put."""
    told = story.outcome()
    profiles = [profile | {"cursors": None} for profile in told["profiles"]]
    return told | {"profiles": profiles, "quarantine": set(told["quarantine"])}


@pytest.fixture(scope="module")
def in_memory() -> dict[str, Any]:
    return outcome(Story().tell())


def told(cloud: Cloud, wire: Any, way: str = "") -> Story:
    options: dict[str, dict[str, Any]] = {
        "halves": {"mapping": {"bisect": True}},
        "beside a zombie": {"schedule": Schedule(again=0.0, parallel=3)},
    }
    story = Story(wire, build=partial(DeployedWorld, cloud=cloud), **options.get(way, {}))
    if isinstance(wire, GiveUpAt):
        wire.turns = story.world.turns
    return story.tell()


def positions(calls: list[str]) -> list[int]:
    """All, but of the reads of one due shard after the other, between which nothing happens, the first and the last."""
    shard = "wake_profiles.dynamodb.query"
    return [position for position in range(len(calls)) if {shard} != set(calls[max(position - 1, 0) : position + 2])]


@pytest.fixture(scope="module")
def points(local_cloud: Cloud, in_memory: dict[str, Any]) -> dict[str, list[str]]:
    """The names of all calls, by the way in which the functions are called."""
    found = {}
    for way in WAYS:
        wire = Steady()
        story = told(local_cloud, wire, way)
        assert outcome(story) == in_memory
        check_posts(story.world)
        found[way] = wire.calls
    return found


def test_the_story_calls_every_service(points: dict[str, list[str]]) -> None:
    assert 2 * sum(len(positions(calls)) for calls in points.values()) >= 360
    for calls in points.values():
        functions = Counter(name.partition(".")[0] for name in calls)
        assert set(functions) == {
            "collect_events",
            "process_events",
            "run_campaigns",
            "deliver_messages",
            "wake_profiles",
        }
        assert {
            "collect_events.kinesis.put_records",
            "wake_profiles.kinesis.put_records",
            "wake_profiles.dynamodb.query",
            "process_events.dynamodb.batch_get_item",
            "process_events.dynamodb.put_item",
            "process_events.dynamodb.transact_write_items",
            "process_events.firehose.put_record_batch",
            "process_events.s3.put_object",
            "run_campaigns.dynamodb.put_item",
            "run_campaigns.sqs.send_message",
            "deliver_messages.dynamodb.update_item",
        } <= set(calls)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("way", WAYS)
def test_a_killed_call_changes_nothing_that_lasts(
    way: str, moment: Moment, share: int, points: dict[str, list[str]], in_memory: dict[str, Any], local_cloud: Cloud
) -> None:
    calls = points[way]
    chosen = positions(calls)
    for position in chosen[share::SHARES] if LONG else [Random(f"{way} {moment}").choice(chosen)]:
        wire: Any = GiveUpAt(position, moment) if way == WAYS[2] else BreakAt(position, Fault.CRASH, moment)
        try:
            story = told(local_cloud, wire, way)
            assert wire.calls[position] == calls[position]
            assert outcome(story) == in_memory
            check_posts(story.world)
        except BaseException as failure:
            failure.add_note(f"{numbered(calls)[position]} ({position} of {len(calls)}), {moment}, then {way}")
            raise
