"""Definitions that take over from those before them, as both stores keep them: one instant for all readers."""

from __future__ import annotations

from typing import Protocol

import pytest

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.memory import MemoryDefinitions
from attune.domain.definitions.computations import Counter
from attune.domain.definitions.conditions import Performed, SegmentTest, TraitTest
from attune.domain.definitions.kinds import ComputedTrait, Segment
from attune.domain.past.takeovers import NOTICE, Standing
from attune.ports import ConflictError
from attune.ports.editing import DefinitionStore
from attune.ports.rebuilding import TakeoverStore
from tests.adapters.cloud import Cloud
from tests.builders import HOUR, MINUTE, NOW, channel

VIEWED, BOUGHT = Performed(event="Product Viewed"), Performed(event="Order Completed")


class Store(DefinitionStore, TakeoverStore, Protocol):
    """All that a backfill and the editor ask of one."""


class Desk:
    """Somebody edits, somebody else reads what serves: each with a memory of their own."""

    def __init__(self, cloud: Cloud | None) -> None:
        self.now = NOW
        self.store: Store
        self.reader: Store
        if cloud:
            client, table = cloud.client("dynamodb"), cloud.table("definitions")
            self.store = DynamoDefinitions(client, table, clock=self.clock)
            self.reader = DynamoDefinitions(client, table, clock=self.clock)
        else:
            self.store = self.reader = MemoryDefinitions(clock=self.clock)

    def clock(self) -> int:
        return self.now

    def put(self, segment: Segment | ComputedTrait, at: int, *, at_once: bool = False) -> int:
        self.now = at
        known = self.store.get(_kind(segment), segment.id)
        return self.store.put(segment, read_version=known[0] if known else None, at_once=at_once)

    def serving(self, at: int) -> object:
        self.now = at
        return self.reader.current().segments["a"].when

    def standing(self) -> Standing:
        [found] = [one for one in self.store.standings("segment") if one.definition.id == "a"]
        return found


def _kind(definition: Segment | ComputedTrait) -> str:
    return "segment" if isinstance(definition, Segment) else "computed_trait"


def segment(when: object, name: str = "a", **fields: object) -> Segment:
    return Segment(id=name, when=when, **fields)  # type: ignore[arg-type]


@pytest.fixture
def desk(backend: Cloud | None) -> Desk:
    return Desk(backend)


def test_a_new_segment_serves_at_once_since_it_was_applied(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    assert desk.serving(NOW) == VIEWED
    assert (desk.reader.current().since, desk.reader.current().pending) == ({"a": NOW}, {})
    assert not desk.standing().settled


def test_another_name_is_no_other_segment(desk: Desk) -> None:
    version = desk.put(segment(VIEWED), NOW)
    desk.store.settle("segment", "a", version)
    desk.put(segment(VIEWED, grace="5m"), NOW + HOUR)
    assert desk.reader.current().segments["a"].grace == "5m"
    assert desk.reader.current().since == {"a": NOW}
    assert desk.standing().settled


def test_a_changed_condition_waits_and_the_one_before_goes_on_serving(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    version = desk.put(segment(BOUGHT), NOW + HOUR)
    assert desk.serving(NOW + 30 * 24 * HOUR) == VIEWED
    assert desk.reader.current().pending["a"].when == BOUGHT
    assert desk.reader.current().since == {"a": NOW}
    assert desk.store.get("segment", "a") == (version, segment(BOUGHT))
    standing = desk.standing()
    assert (standing.version, standing.serving_version, standing.takes_over_at) == (version, 1, None)


def test_every_reader_changes_over_at_the_instant_that_was_laid_down(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    version = desk.put(segment(BOUGHT), NOW + HOUR)
    desk.serving(desk.now)
    at = NOW + HOUR + NOTICE
    desk.store.take_over("a", version, at)
    desk.serving(at - 5_001)  # a snapshot may be five seconds old
    assert (desk.serving(at - 1), set(desk.reader.current().pending)) == (VIEWED, {"a"})
    before = desk.reader.current()
    assert (desk.serving(at), desk.reader.current().pending) == (BOUGHT, {})
    assert desk.reader.current() is not before
    assert desk.reader.current() is desk.reader.current()
    assert desk.reader.current().since == {"a": at}
    standing = desk.standing()
    assert (standing.version, standing.serving, standing.since, standing.settled) == (version, None, at, False)


def test_what_asks_for_nothing_new_takes_over_as_soon_as_all_know(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    desk.put(segment(BOUGHT), NOW + HOUR, at_once=True)
    assert desk.serving(NOW + HOUR + NOTICE - 1) == VIEWED
    assert desk.serving(NOW + HOUR + NOTICE) == BOUGHT
    desk.put(segment(VIEWED), NOW + 2 * HOUR)
    assert desk.serving(NOW + 3 * HOUR) == BOUGHT
    assert desk.standing().serving_version == 2


def test_a_newer_version_leaves_nothing_to_take_over_for_the_one_before(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    older = desk.put(segment(BOUGHT), NOW + HOUR)
    newer = desk.put(segment(Performed(event="Searched")), NOW + HOUR)
    with pytest.raises(ConflictError):
        desk.store.take_over("a", older, NOW + 2 * HOUR)
    desk.store.take_over("a", newer, NOW + 2 * HOUR)
    with pytest.raises(ConflictError):
        desk.store.take_over("a", newer, NOW + 3 * HOUR)
    assert desk.serving(NOW + 2 * HOUR) == Performed(event="Searched")


def test_what_serves_already_or_is_gone_does_not_take_over(desk: Desk) -> None:
    version = desk.put(segment(VIEWED), NOW)
    for name in ("a", "b"):
        with pytest.raises(ConflictError):
            desk.store.take_over(name, version, NOW)
    with pytest.raises(ConflictError):
        desk.store.settle("segment", "b", 1)


def test_only_the_version_that_was_applied_last_is_settled(desk: Desk) -> None:
    older = desk.put(segment(VIEWED), NOW)
    newer = desk.put(segment(BOUGHT), NOW + 1)
    with pytest.raises(ConflictError):
        desk.store.settle("segment", "a", older)
    assert not desk.standing().settled
    desk.store.settle("segment", "a", newer)
    assert desk.standing().settled


def test_back_to_what_serves_is_no_takeover(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    desk.put(segment(BOUGHT), NOW + HOUR)
    desk.put(segment(VIEWED), NOW + 2 * HOUR)
    assert (desk.serving(NOW + 3 * HOUR), desk.reader.current().pending) == (VIEWED, {})
    assert desk.reader.current().since == {"a": NOW}


def test_who_asks_for_another_segment_or_a_computed_trait_is_as_new_as_these(desk: Desk) -> None:
    desk.put(ComputedTrait(id="orders", compute=Counter(event="Order Completed")), NOW)
    desk.put(segment(TraitTest(trait="orders", operator="at_least", value=2), "b"), NOW + 1)
    desk.put(segment(SegmentTest(segment="b")), NOW + 2)
    assert desk.reader.current().since == {"a": NOW + 2, "b": NOW + 1}
    desk.put(ComputedTrait(id="orders", compute=Counter(event="Order Placed")), NOW + MINUTE)
    desk.now += MINUTE
    assert desk.reader.current().since == {"a": NOW + MINUTE, "b": NOW + MINUTE}
    assert desk.reader.current().computed_traits["orders"].compute == Counter(event="Order Placed")


def test_all_versions_are_kept_with_the_instants_at_which_they_were_applied_and_took_over(desk: Desk) -> None:
    desk.put(segment(VIEWED), NOW)
    version = desk.put(segment(BOUGHT), NOW + HOUR)
    desk.store.take_over("a", version, NOW + 2 * HOUR)
    desk.put(segment(VIEWED), NOW + 3 * HOUR)
    desk.now = NOW + 4 * HOUR
    desk.store.delete("segment", "a", read_version=3)
    desk.put(segment(VIEWED, "a-b"), desk.now)
    assert [(one.version, one.applied_at, one.since) for one in desk.store.history("segment", "a")] == [
        (4, NOW + 4 * HOUR, None),
        (3, NOW + 3 * HOUR, None),
        (2, NOW + HOUR, NOW + 2 * HOUR),
        (1, NOW, NOW),
    ]
    assert desk.store.history("segment", "a")[0].definition is None
    assert desk.store.history("segment", "a")[2].definition == segment(BOUGHT)
    assert desk.store.history("segment", "c") == []


def test_what_was_deleted_is_known_until_it_is_there_again_and_is_new_then(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.put(segment(VIEWED, name), NOW)
    desk.store.put(channel(id="z"), read_version=None)
    for name in ("c", "a"):
        desk.store.delete("segment", name, read_version=1)
    desk.store.delete("channel", "z", read_version=1)
    assert desk.store.deleted("segment") == ["a", "c"]
    desk.put(segment(BOUGHT), NOW + HOUR)
    assert desk.store.deleted("segment") == ["c"]
    assert (desk.serving(NOW + HOUR), desk.reader.current().since["a"]) == (BOUGHT, NOW + HOUR)
