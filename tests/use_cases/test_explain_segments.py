"""Why somebody is in a segment, on memory adapters, with the real processor behind the stream and the lake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, cast

import msgspec
import pytest

from attune.adapters.memory import MemoryHolds, MemoryKeys, PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.domain.collection import api_keys
from attune.domain.definitions.conditions import AllOf, ConsentTest, NotOf, Performed, SegmentTest, TraitTest
from attune.domain.errors import AttuneError
from attune.ports import Key
from attune.ports.rebuilding import LakeSlowError, SealedRow
from attune.use_cases.management.show_times import iso
from attune.use_cases.segments.explain_segments import ExplainSegments
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Pseudonyms,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    key_of,
    score_event,
    views_segment,
    vip_segment,
)
from tests.faults.world import Fixed
from tests.use_cases.test_process_events import Processor

LOYAL = views_segment(
    id="loyal",
    when=AllOf(
        conditions=(
            TraitTest(trait="tier", value="gold"),
            NotOf(condition=Performed(event="Order Completed", within="1d")),
        )
    ),
)
WINDOW = views_segment(id="keen_and_loyal", when=AllOf(conditions=(SegmentTest(segment="keen"), LOYAL.when)))


class Slow:
    """A lake that takes its time."""

    def rows(self, profile_ids: Collection[str]) -> Iterable[SealedRow]:
        raise LakeSlowError


class Desk:
    def __init__(self) -> None:
        self.processor = Processor(*definition_list(LOYAL, WINDOW))
        self.keys, self.holds = MemoryKeys(), MemoryHolds()
        self.history: Any = MemoryHistory(lambda: list(self.processor.lake.rows), self.processor.store)

    def explain(self, segment: str, address: str = "anonymous_id:visitor", **query: str) -> dict[str, Any]:
        return self.use_case()(address, segment, query)

    def use_case(self) -> ExplainSegments:
        return ExplainSegments(
            profiles=self.processor.store,
            holds=self.holds,
            definitions=self.processor.definitions,
            keys=self.keys,
            pseudonyms=Pseudonyms(),
            history=self.history,
            seal=PlainSeal(),
            clock=lambda: self.processor.now,
        )

    def says(self, consent: dict[str, bool], at: int) -> None:
        """A statement of the visitor's."""
        said = consent_event(consent, message_id=f"said {at}", time=at, identifiers=identifiers(anonymous_id="visitor"))
        self.processor.now = at
        self.processor.send(said, received_at=at)

    def views(self, count: int) -> None:
        """A minute apart, the last one now."""
        for number in range(count):
            ago = (count - 1 - number) * MINUTE
            self.processor.send(event(message_id=f"view {number}", time=NOW - ago), received_at=NOW - ago)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code


def test_a_count_is_shown_with_the_events_behind_it_and_the_instant_at_which_it_ends(desk: Desk) -> None:
    desk.views(4)
    told = desk.explain("keen")
    assert (told["in"], told["segment"], told["at"], told["lake"]) == (True, "keen", iso(NOW), None)
    [standing] = told["standings"]
    leaves = iso(NOW - 3 * MINUTE + DAY)
    assert (standing["key"], standing["in"], standing["since"], standing["changes_at"]) == (
        None,
        True,
        iso(NOW),
        leaves,
    )
    part = standing["condition"]
    assert part["condition"] == {"type": "performed", "event": "Product Viewed", "at_least": 4, "within": "24h"}
    assert (part["holds"], part["since"], part["changes_at"]) == (True, iso(NOW), leaves)
    views = [{"at": iso(NOW - ago * MINUTE)} for ago in (3, 2, 1, 0)]
    assert part["rests_on"] == {"value": 4, "events": views}


def test_a_membership_knows_longer_than_the_events_that_are_kept(desk: Desk) -> None:
    desk.views(6)
    [standing] = desk.explain("keen")["standings"]
    assert standing["since"] == standing["condition"]["since"] == iso(NOW - 2 * MINUTE)


def test_who_is_not_in_sees_which_part_does_not_hold(desk: Desk) -> None:
    desk.processor.send(identify({"tier": "gold"}, time=NOW - 2 * HOUR), received_at=NOW - 2 * HOUR)
    desk.processor.send(event("Order Completed", time=NOW - HOUR, properties={"order_id": "o"}), received_at=NOW - HOUR)
    [standing] = desk.explain("loyal", "user_id:u1")["standings"]
    assert (standing["in"], standing["since"]) == (False, iso(NOW - HOUR))
    assert standing["changes_at"] == iso(NOW - HOUR + DAY)
    gold, no_order = standing["condition"]["parts"]
    assert (gold["holds"], gold["rests_on"]) == (True, {"value": "gold", "events": [{"at": iso(NOW - 2 * HOUR)}]})
    assert (no_order["condition"], no_order["holds"]) == ({"type": "not"}, False)
    [order] = no_order["parts"]
    assert (order["holds"], order["rests_on"]["value"]) == (True, 1)


def test_another_segment_is_opened_up(desk: Desk) -> None:
    desk.views(4)
    [standing] = desk.explain("keen_and_loyal")["standings"]
    assert standing["changes_at"] is None, "the views grow old, but what lacks is lacking still"
    keen, loyal = standing["condition"]["parts"]
    assert keen["condition"] == {"type": "segment", "segment": "keen"}
    assert (keen["holds"], keen["parts"][0]["rests_on"]["value"]) == (True, 4)
    assert (loyal["holds"], loyal["parts"][0]["rests_on"]) == (False, {"value": None})


def carts(desk: Desk) -> None:
    for cart, ago in (("c1", 20), ("c2", 5)):
        added = event("Product Added", time=NOW - ago * MINUTE, properties={"cart_id": cart, "product_id": "p"})
        desk.processor.send(added, received_at=NOW - ago * MINUTE)


def test_each_cart_stands_for_itself_those_that_are_in_first(desk: Desk) -> None:
    carts(desk)
    told = desk.explain("abandoned_cart")
    assert (told["in"], told["things"]) == (True, 2)
    first, second = told["standings"]
    assert (first["key"], first["in"], first["since"]) == ("c1", True, iso(NOW - 5 * MINUTE))
    assert first["condition"]["rests_on"] == {
        "did_at": iso(NOW - 20 * MINUTE),
        "without_at": None,
        "due_at": iso(NOW - 5 * MINUTE),
    }
    assert (second["key"], second["in"], second["changes_at"]) == ("c2", False, iso(NOW + 10 * MINUTE))
    assert [one["key"] for one in desk.explain("abandoned_cart", key="c2")["standings"]] == ["c2"]
    [unknown] = desk.explain("abandoned_cart", key="c3")["standings"]
    assert (unknown["in"], unknown["condition"]["rests_on"]) == (False, {})


def test_whether_campaigns_were_told_is_told(desk: Desk) -> None:
    carts(desk)
    first, _ = desk.explain("abandoned_cart")["standings"]
    assert (first["told_at"], first["tells_at"]) == (None, iso(NOW - 3 * MINUTE))
    desk.processor.now += 1
    desk.processor.wake(desk.processor.profile().profile_id)
    first, _ = desk.explain("abandoned_cart")["standings"]
    assert (first["told_at"], first["tells_at"]) == (iso(NOW - 5 * MINUTE), None)


@pytest.mark.parametrize("query", [{}, {"at": iso(NOW - MINUTE)}, {"key": "c1"}])
def test_of_who_withdrew_nothing_is_told_but_that_also_of_the_past(desk: Desk, query: dict[str, str]) -> None:
    desk.views(4)
    profile_id = desk.explain("keen")["profile_id"]
    desk.says({"personalization": False}, NOW)
    desk.history = Slow()
    assert desk.explain("keen", **query) == {
        "profile_id": profile_id,
        "segment": "keen",
        "at": query.get("at", iso(NOW)),
        "in": False,
        "consent": {
            "purpose": "personalization",
            "granted": False,
            "reason": "withdrawn",
            "at": iso(NOW),
            "source": "shop",
        },
        "things": 0,
        "standings": [],
        "lake": None,
    }


def test_nothing_is_written_and_the_lake_is_not_asked_about_now(desk: Desk) -> None:
    desk.views(4)
    before, desk.history = desk.processor.item("anonymous_id", "visitor"), Slow()
    desk.explain("keen")
    assert desk.processor.item("anonymous_id", "visitor") == before


# ------------------------------------------------------------------------------------------------------- the past


def test_a_past_instant_is_told_from_the_lake_with_the_messages(desk: Desk) -> None:
    desk.views(4)
    told = desk.explain("keen", at=iso(NOW - MINUTE))
    assert (told["in"], told["at"], told["lake"]) == (False, iso(NOW - MINUTE), {"events": 4, "whole": True})
    [standing] = told["standings"]
    assert "told_at" not in standing
    views = [{"at": iso(NOW - ago * MINUTE), "message_id": f"view {3 - ago}"} for ago in (3, 2, 1)]
    assert standing["condition"]["rests_on"] == {"value": 3, "events": views}


def test_a_past_instant_is_asked_by_the_definition_of_today(desk: Desk) -> None:
    desk.views(4)
    desk.processor.definitions = Processor(
        *definition_list(views_segment(when=Performed(event="Product Viewed", at_least=2, within="24h")))
    ).definitions
    assert desk.explain("keen", at=iso(NOW - MINUTE))["in"]
    assert not desk.explain("keen", at=iso(NOW - 3 * MINUTE))["in"]


def test_a_segment_that_is_newer_than_the_instant_is_asked_as_if_it_had_always_been(desk: Desk) -> None:
    desk.views(4)
    current = desk.processor.definitions.current()
    later = msgspec.structs.replace(current, since={"keen": NOW + HOUR})
    desk.processor.definitions = cast("Any", Fixed(later))
    [standing] = desk.explain("keen", at=iso(NOW))["standings"]
    assert (standing["in"], standing["since"]) == (True, iso(NOW))


@pytest.mark.parametrize(
    ("purpose", "reason"), [("personalization", "held"), ("$restriction", "restricted"), ("email", None)]
)
@pytest.mark.parametrize("query", [{}, {"at": iso(NOW)}])
def test_who_is_held_is_in_no_segment_before_the_stream_has_carried_it(
    desk: Desk, purpose: str, reason: str | None, query: dict[str, str]
) -> None:
    desk.views(4)
    desk.holds.place(key_of("anonymous_id", "visitor"), {purpose: NOW}, NOW)
    told, inside = desk.explain("keen", **query), reason is None
    assert (told["in"], told["consent"]["granted"], told["consent"]["reason"]) == (inside, inside, reason)
    assert len(told["standings"]) == inside


def test_a_condition_on_consent_hears_what_is_held(desk: Desk) -> None:
    desk.processor = Processor(*definition_list(views_segment(id="mailed", when=ConsentTest(purpose="email"))))
    desk.views(1)
    desk.says({"email": True}, NOW)
    assert desk.explain("mailed")["in"]
    desk.holds.place(key_of("anonymous_id", "visitor"), {"email": NOW + 1}, NOW)
    assert not desk.explain("mailed")["in"]


def test_scores_of_before_a_withdrawal_are_told_of_no_instant_though_the_person_allows_it_again(desk: Desk) -> None:
    desk.processor = Processor(*definition_list(vip_segment()))
    desk.views(1)
    profile_id = desk.explain("keen")["profile_id"]
    desk.processor.send(score_event(profile_id))
    assert desk.explain("vip", at=iso(NOW))["in"]
    desk.says({"personalization": False}, NOW + MINUTE)
    desk.says({"personalization": True}, NOW + 2 * MINUTE)
    assert desk.explain("vip", at=iso(NOW))["standings"] == []
    [standing] = desk.explain("vip", at=iso(NOW + 2 * MINUTE))["standings"]
    assert (standing["in"], standing["condition"]["rests_on"]) == (False, {"value": None})
    desk.processor.send(score_event(profile_id, at=NOW + 2 * MINUTE, version="run-2"))
    assert desk.explain("vip", at=iso(NOW + 2 * MINUTE))["in"]


def test_what_the_lake_lacks_is_told(desk: Desk) -> None:
    desk.views(4)
    del desk.processor.lake.rows[-1]
    assert desk.explain("keen", at=iso(NOW))["lake"] == {"events": 3, "whole": False}


def test_before_the_first_event_there_was_nobody(desk: Desk) -> None:
    desk.views(4)
    assert refused(lambda: desk.explain("loyal", at=iso(NOW - HOUR))) == (404, "unknown_profile")


@pytest.mark.parametrize("at", ["", "yesterday", iso(NOW + 1)])
def test_what_is_no_past_instant_is_refused(desk: Desk, at: str) -> None:
    desk.views(4)
    assert refused(lambda: desk.explain("keen", at=at)) == (400, "invalid_time")


def test_a_lake_that_takes_too_long_is_to_be_asked_again(desk: Desk) -> None:
    desk.views(4)
    desk.history = Slow()
    with pytest.raises(AttuneError) as caught:
        desk.explain("keen", at=iso(NOW - MINUTE))
    assert (caught.value.status, caught.value.code) == (503, "lake_slow")
    assert caught.value.retry_after


# ----------------------------------------------------------------------------------------------------- who may ask


def test_who_and_what_is_not_there_is_told(desk: Desk) -> None:
    desk.views(1)
    assert refused(lambda: desk.explain("nothing")) == (404, "unknown_segment")
    assert refused(lambda: desk.explain("keen", "email:nobody@example.com")) == (404, "unknown_profile")
    assert refused(lambda: desk.explain("keen", "email")) == (400, "invalid_identifier")


def test_a_server_key_may_ask_and_a_browser_may_not(desk: Desk) -> None:
    assert refused(lambda: desk.use_case().authorise("nonsense")) == (401, "unknown_server_key")
    types: tuple[api_keys.KeyType, ...] = ("browser", "server")
    for key_type in types:
        key_id, text = api_keys.new_key(key_type, lambda size: bytes([7] * size))
        digest = api_keys.digest(text)
        desk.keys.add(Key(key_id=key_id, source="shop", type=key_type, digest=digest, created_at=NOW))
        if key_type == "browser":
            with pytest.raises(AttuneError) as caught:
                desk.use_case().authorise(text)
            assert (caught.value.status, caught.value.code) == (403, "server_key_required")
        else:
            assert desk.use_case().authorise(text).source == "shop"
