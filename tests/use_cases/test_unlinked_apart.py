"""Two who were unlinked: a rebuild gives each what they did, and they stay two."""

from __future__ import annotations

import pytest

from attune.domain.events import LIST
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    consent_event,
    event,
    identifiers,
)
from tests.use_cases.unlinking import ANN, BEN, BODY, PHONE, TABLET, Desk, mixed_up, names


@pytest.fixture
def desk() -> Desk:
    return mixed_up()


def test_a_rebuild_gives_each_what_they_did(desk: Desk) -> None:
    desk.unlink()
    desk.carry()
    desk.processor.send(event("Product Viewed", identifiers=BEN, traits={"shoes": 44}, time=NOW))
    counts = desk.rebuild(*ANN, *BEN)
    assert (counts["rebuilt"], counts["incomplete"]) == (2, 0)
    ann, ben = desk.ann(), desk.ben()
    assert (ann.events, ann.trait_values()) == (2, {"name": "Ann", "city": "Bonn"})
    assert (ben.events, ben.trait_values()) == (3, {"name": "Ben", "shoes": 44})
    assert (ann.first_seen, ben.first_seen) == (NOW - 5 * HOUR, NOW - 4 * HOUR)
    assert ben.activity is not None
    assert ben.activity.views == 3
    assert desk.rebuild(*ANN, *BEN)["unchanged"] == 2


def test_either_side_is_folded_with_the_other_or_not_at_all(desk: Desk) -> None:
    desk.unlink()
    desk.carry()
    rows = list(desk.processor.lake.rows)
    before = [desk.ann(), desk.ben()]
    desk.processor.lake.rows[:] = rows[1:]
    assert desk.rebuild(*BEN)["incomplete"] == 2
    assert [desk.ann(), desk.ben()] == before
    desk.processor.lake.rows[:] = rows
    assert desk.rebuild(*BEN)["rebuilt"] == 2


def test_everybody_includes_who_was_split_off(desk: Desk) -> None:
    desk.unlink()
    desk.carry()
    assert desk.rebuild()["rebuilt"] == 2
    assert desk.ben().trait_values() == {"name": "Ben", "shoes": 43}
    assert desk.rebuild()["unchanged"] == 2


def test_segments_follow_and_nobody_is_told(desk: Desk) -> None:
    for n in range(4):
        desk.processor.send(event("Product Viewed", identifiers=BEN, time=NOW - n * MINUTE))
    heard = len(desk.processor.outbox())
    assert desk.ann().memberships["keen"].left_at is None
    desk.unlink()
    desk.carry()
    desk.rebuild(*ANN)
    assert desk.ann().memberships["keen"].left_at is not None
    assert desk.ben().memberships["keen"].left_at is None
    desk.processor.send(event("Page", identifiers=BEN), event("Page", identifiers=BEN))
    desk.processor.send(event("Page", identifiers=ANN))
    assert len(desk.processor.outbox()) == heard


def test_lists_go_with_the_name_that_was_listed(desk: Desk) -> None:
    for who, name in ((ANN, "fair"), (BEN, "club")):
        listed = event("", type=LIST, identifiers=who, properties={"list": name, "on": True}, time=NOW)
        desk.processor.send(listed)
    assert desk.ann().lists.keys() == {"fair", "club"}
    desk.unlink()
    desk.carry()
    assert desk.rebuild(*ANN)["rebuilt"] == 2
    assert (set(desk.ann().lists), set(desk.ben().lists)) == ({"fair"}, {"club"})


def test_consent_that_was_withdrawn_holds_for_both_until_it_is_given_again(desk: Desk) -> None:
    desk.processor.send(consent_event({"analytics": False}, identifiers=ANN, time=NOW - HOUR))
    desk.unlink()
    desk.carry()
    desk.processor.send(event(identifiers=BEN, time=NOW))
    assert desk.ben().events == 0
    desk.processor.send(consent_event({"analytics": True}, identifiers=BEN, time=NOW + 1))
    desk.processor.now = NOW + MINUTE
    desk.processor.send(event(identifiers=BEN, time=NOW + SECOND))
    assert (desk.ben().events, desk.ann().consent["analytics"].granted) == (1, False)


# ---------------------------------------------------------------------------------------------- and they stay two


def test_an_event_that_names_both_loses_the_weaker(desk: Desk) -> None:
    desk.unlink()
    desk.carry()
    desk.processor.send(event(identifiers=ANN + PHONE), event(identifiers=ANN + BEN))
    desk.processor.send(event(identifiers=BEN + TABLET))
    assert (names(desk.ann()), names(desk.ben())) == ({"ann", "tablet"}, {"ben@example.com", "phone"})
    assert (desk.ann().events, desk.ben().events) == (6, 1)


def test_whoever_either_turns_out_to_be_as_well_they_stay_two(desk: Desk) -> None:
    """Each merges with somebody else, in whom the other's mark must live on; one as whom it absorbs, one absorbed."""
    for name in ("laptop", "watch"):
        desk.processor.send(event(identifiers=identifiers(anonymous_id=name), time=NOW - 9 * HOUR))
    desk.processor.send(event(identifiers=identifiers(shopify_customer_id="7"), time=NOW - 9 * HOUR))
    desk.unlink()
    desk.carry()
    desk.processor.send(event(identifiers=ANN + identifiers(anonymous_id="laptop")))
    desk.processor.send(event(identifiers=identifiers(shopify_customer_id="7") + BEN))
    assert {"7", "ben@example.com"} < names(desk.ben())
    for both in (ANN + BEN, identifiers(shopify_customer_id="7", anonymous_id="laptop"), ANN + PHONE):
        desk.processor.send(event(identifiers=both))
    assert names(desk.ann()).isdisjoint(names(desk.ben()))
    desk.rebuild()
    assert desk.ben().trait_values() == {"name": "Ben", "shoes": 43}
    assert desk.ann().trait_values() == {"name": "Ann", "city": "Bonn"}


def test_what_was_forgotten_is_unlinked_later_and_may_join_whom_it_belongs_to(desk: Desk) -> None:
    desk.unlink(body=BODY | {"identifiers": ["email:ben@example.com"]})
    desk.carry()
    desk.rebuild(*ANN)
    desk.unlink(body=BODY | {"identifiers": ["anonymous_id:phone"]})
    desk.carry()
    desk.processor.send(event(identifiers=BEN + PHONE, time=NOW))
    assert names(desk.ben()) == {"ben@example.com", "phone"}
    assert desk.rebuild(*BEN)["incomplete"] == 0
    assert (desk.ann().events, desk.ben().events) == (2, 3)


def test_who_was_split_off_can_be_split_again(desk: Desk) -> None:
    desk.processor.send(event(identifiers=PHONE, traits={"voice": "low"}, time=NOW - HOUR))
    desk.unlink()
    desk.carry()
    desk.rebuild(*ANN)
    assert desk.ben().events == 3
    desk.unlink("email:ben@example.com", BODY | {"identifiers": ["anonymous_id:phone"]})
    desk.carry()
    assert desk.rebuild(*PHONE)["incomplete"] == 0
    third = desk.processor.profile("anonymous_id", "phone")
    assert (desk.ann().events, desk.ben().events, third.events) == (2, 2, 1)
    assert third.trait_values() == {"voice": "low"}
    desk.processor.send(event(identifiers=ANN + PHONE), event(identifiers=ANN + BEN))
    assert len({desk.ann().profile_id, desk.ben().profile_id, third.profile_id}) == 3
    assert names(third) == {"phone"}
