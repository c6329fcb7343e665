"""How scores reach profiles: as `$score` events on the stream, or reckoned by the processor for who has none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from attune.domain.events import Origin
from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.profile import Profile, Score, Trait
from attune.domain.profiles.state import encode_profile, plain_size
from attune.ports import Commit
from attune.use_cases.processing.build_commits import MAX_STATE
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    model,
    record,
    score_event,
    segments_of,
    vip_segment,
    wake_event,
)
from tests.use_cases.test_process_events import Processor

VIEWED = NOW - HOUR


@pytest.fixture
def processor() -> Processor:
    """Somebody has looked at a product, and nobody has been scored yet."""
    made = Processor(*definition_list(vip_segment()))
    made.send(event(time=VIEWED))
    return made


def outcomes(processor: Processor) -> Counter[tuple[str, str]]:
    """What became of events since this was last asked."""
    counted: Counter[tuple[str, str]] = Counter()
    for name, value, dimensions in processor.counted:
        if name == "Events":
            counted[dimensions["outcome"], dimensions["reason"]] += value
    processor.counted.clear()
    return counted


def scored(processor: Processor, value: Any = "vip", **overrides: Any) -> dict[tuple[str, str], int]:
    outcomes(processor)
    processor.send(score_event(processor.profile().profile_id, value, **overrides))
    return dict(outcomes(processor))


def score(processor: Processor) -> Score | None:
    return processor.profile().scores.get(SHOPPER_CLUSTERS)


# ------------------------------------------------------------------------------------------------ on the stream


def test_a_score_enters_its_segment_as_of_its_own_instant_and_is_archived(processor: Processor) -> None:
    assert scored(processor, at=NOW - MINUTE) == {("applied", "score"): 1}
    assert score(processor) == Score("vip", "run-1", NOW - MINUTE)
    assert processor.outbox() == [SegmentEntered("vip", NOW - MINUTE)]
    row = processor.rows()[-1]
    assert (row["verdict"], row["type"], row["event"]) == ("applied", "$score", SHOPPER_CLUSTERS)


def test_the_later_score_counts_whatever_order_they_come_in(processor: Processor) -> None:
    assert scored(processor, "vip", at=NOW - MINUTE, version="run-2") == {("applied", "score"): 1}
    for at, version in ((NOW - MINUTE, "run-2"), (NOW - MINUTE, "run-1"), (NOW - HOUR, "run-9")):
        assert scored(processor, "lapsed", at=at, version=version) == {("duplicate", "score"): 1}
    assert scored(processor, "lapsed", at=NOW, version="run-1") == {("applied", "score"): 1}
    assert processor.outbox() == [SegmentEntered("vip", NOW - MINUTE), SegmentLeft("vip", NOW)]


def test_a_score_that_is_delivered_or_sent_again_changes_nothing(processor: Processor) -> None:
    owner = processor.profile().profile_id
    delivered = processor.send(score_event(owner))
    before, rows = processor.store.all_items(), len(processor.lake.rows)
    assert processor.process(delivered) == []
    processor.send(score_event(owner))
    assert (processor.store.all_items(), len(processor.lake.rows)) == (before, rows)


def test_scores_are_no_activity_and_no_events_of_the_person(processor: Processor) -> None:
    before = processor.profile()
    scored(processor)
    after = processor.profile()
    assert (after.activity, after.events, after.last_seen) == (before.activity, before.events, before.last_seen)
    assert (after.cursors.keys(), after.seen) == (before.cursors.keys(), before.seen)


def test_who_refuses_personalization_is_not_scored_and_loses_the_scores_that_were_there(processor: Processor) -> None:
    scored(processor, at=NOW - MINUTE)
    processor.send(consent_event({"personalization": False}))
    assert processor.profile().scores == {}
    assert processor.outbox()[-1] == SegmentLeft("vip", NOW)
    rows = len(processor.lake.rows)
    assert scored(processor, at=NOW) == {("dropped", "consent"): 1}
    assert (processor.profile().scores, len(processor.lake.rows)) == ({}, rows)


def test_a_withdrawal_that_is_taken_back_in_the_same_batch_takes_the_scores_too(processor: Processor) -> None:
    scored(processor, at=NOW - MINUTE)
    processor(record(consent_event({"personalization": False})), record(consent_event(EVERYTHING, time=NOW + 1)))
    assert processor.profile().consent["personalization"].granted
    assert processor.profile().scores == {}


def test_what_was_said_before_a_withdrawal_does_not_come_back_with_a_redelivery(processor: Processor) -> None:
    owner = processor.profile().profile_id
    delivered = processor.send(score_event(owner, at=NOW - MINUTE))
    processor.send(consent_event({"personalization": False}))
    processor.now += MINUTE
    processor.send(consent_event({"personalization": True}, time=processor.now))
    assert processor.process(delivered) == []
    assert processor.profile().scores == {}
    assert scored(processor, at=processor.now) == {("applied", "score"): 1}


def test_who_only_consents_to_being_stored_is_not_scored(processor: Processor) -> None:
    processor.champions.models = {SHOPPER_CLUSTERS: model()}
    somebody = identifiers(anonymous_id="somebody")
    processor.send(event(identifiers=somebody, consent={"analytics": True}))
    profile = processor.profile("anonymous_id", "somebody")
    outcomes(processor)
    processor.send(score_event(profile.profile_id))
    assert outcomes(processor) == {("dropped", "consent"): 1}
    assert processor.profile("anonymous_id", "somebody").scores == {}


def test_a_score_of_nobody_is_dropped(processor: Processor) -> None:
    outcomes(processor)
    processor.send(score_event("0" * 32))
    assert outcomes(processor) == {("dropped", "unknown_profile"): 1}
    assert len(processor.store.all_items()) == 1


def test_a_score_of_somebody_who_was_absorbed_goes_to_who_absorbed_them(processor: Processor) -> None:
    absorbed = processor.profile().profile_id
    processor.send(identify(identifiers=identifiers(user_id="u1")))
    processor.send(identify())
    assert processor.profile().profile_id != absorbed
    processor.send(score_event(absorbed))
    assert score(processor) == Score("vip", "run-1", NOW)


def test_of_two_who_turn_out_to_be_one_the_later_score_counts(processor: Processor) -> None:
    scored(processor, "vip", at=NOW - MINUTE)
    processor.send(identify(identifiers=identifiers(user_id="u1"), time=VIEWED))
    processor.send(score_event(processor.profile("user_id", "u1").profile_id, "lapsed", at=NOW))
    processor.send(identify())
    assert score(processor) == Score("lapsed", "run-1", NOW)


@pytest.mark.parametrize("said", [{"model": "guessed"}, {"value": None}, {"version": 2}, {"at": "now"}])
def test_what_cannot_be_a_score_lies_in_quarantine_and_its_neighbours_go_on(
    processor: Processor, said: dict[str, Any]
) -> None:
    owner = processor.profile().profile_id
    bad = score_event(owner, "lapsed", at=NOW - 1, message_id="bad")
    bad = msgspec.structs.replace(bad, properties=bad.properties | said)
    outcomes(processor)
    processor(record(bad, received_at=NOW), record(score_event(owner), received_at=NOW))
    assert outcomes(processor) == {("quarantined", "invalid_score"): 1, ("applied", "score"): 1}
    [kept] = processor.quarantine.all()
    assert (kept.reason, msgspec.json.decode(kept.raw)["message_id"]) == ("invalid_score", "bad")
    assert score(processor) == Score("vip", "run-1", NOW)


@pytest.mark.parametrize("origin", [Origin.CLIENT, Origin.WEBHOOK])
@pytest.mark.parametrize("identified", [False, True])
def test_only_we_may_score_and_wake(processor: Processor, origin: Origin, identified: bool) -> None:
    """The entrances turn such names away; here nothing hangs on that."""
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    named: dict[str, Any] = {"identifiers": identifiers(anonymous_id="visitor")} if identified else {}
    outcomes(processor)
    processor.send(score_event(item.profile_id, at=NOW - 1, **named), origin=origin)
    processor.send(wake_event(item.profile_id, **named), origin=origin)
    assert outcomes(processor) == {("quarantined", "reserved_name"): 2}
    assert processor.item("anonymous_id", "visitor") == item
    assert {kept.reason for kept in processor.quarantine.all()} == {"reserved_name"}


def test_an_addressed_record_carries_nothing_else(processor: Processor) -> None:
    owner = processor.profile().profile_id
    outcomes(processor)
    processor(record(score_event(owner), event(), key=owner))
    assert outcomes(processor) == {("applied", "score"): 1, ("quarantined", "wrong_partition"): 1}
    assert processor.profile().events == 1


def test_a_full_profile_is_scored_all_the_same(processor: Processor) -> None:
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    profile = processor.profile()
    filled(profile)
    full = msgspec.structs.replace(item, state=encode_profile(profile), version=item.version + 1)
    processor.store.commit(Commit(items=((item.version, full),)))
    # what the processor remembers of the profile is out of date: the commit's condition tells
    assert scored(processor) == {("applied", "score"): 1}
    assert plain_size(encode_profile(processor.profile())) > MAX_STATE
    assert score(processor) == Score("vip", "run-1", NOW)


def filled(profile: Profile) -> None:
    """As full as events may make it."""
    while plain_size(encode_profile(profile)) < MAX_STATE - 2_000:
        profile.traits[f"essay_{len(profile.traits)}"] = Trait("x" * 1_900, NOW, b"12345678")
    profile.traits["last"] = Trait("x" * (MAX_STATE - plain_size(encode_profile(profile)) - 30), NOW, b"12345678")


# --------------------------------------------------------------------------------------------------- in the fold


def test_a_newcomer_is_scored_with_the_first_event_and_the_segment_hears_of_it_at_once(processor: Processor) -> None:
    processor.champions.models = {SHOPPER_CLUSTERS: model(centroids=((-1.0,) * 6, (9.0,) * 6))}
    processor.send(event(identifiers=identifiers(anonymous_id="new")))
    profile = processor.profile("anonymous_id", "new")
    assert profile.scores == {SHOPPER_CLUSTERS: Score("vip", "run-1", NOW)}
    assert segments_of(profile) == ["vip"]
    [image] = [item for item in processor.store.images() if item.profile_id == profile.profile_id]
    assert image.outbox == (SegmentEntered("vip", NOW),)


def test_a_score_stays_until_a_later_one_comes_whatever_the_person_does(processor: Processor) -> None:
    processor.champions.models = {SHOPPER_CLUSTERS: model()}
    processor.send(event())
    first = score(processor)
    assert first == Score("lapsed", "run-1", NOW)
    processor.champions.models = {SHOPPER_CLUSTERS: model("run-2")}
    processor.now += DAY
    processor.send(*(event("Order Completed", properties={"total": 500}, time=processor.now + n) for n in range(20)))
    assert score(processor) == first
    assert scored(processor, at=processor.now, version="run-2") == {("applied", "score"): 1}


def test_who_takes_a_withdrawal_back_is_scored_anew(processor: Processor) -> None:
    processor.champions.models = {SHOPPER_CLUSTERS: model()}
    processor.send(event(consent={"personalization": False, "analytics": True}))
    assert processor.profile().scores == {}
    processor.now += MINUTE
    processor.send(consent_event({"personalization": True}, time=processor.now))
    assert score(processor) == Score("lapsed", "run-1", processor.now)


def test_who_has_done_nothing_is_not_scored(processor: Processor) -> None:
    processor.champions.models = {SHOPPER_CLUSTERS: model()}
    quiet = identifiers(email="quiet@example.com")
    processor.send(consent_event(EVERYTHING, identifiers=quiet))
    processor.wake(processor.profile("email", "quiet@example.com").profile_id)
    assert processor.profile("email", "quiet@example.com").scores == {}


def test_a_profile_that_wakes_up_is_scored_too() -> None:
    processor = Processor()
    processor.send(event("Product Added", properties={"cart_id": "c1"}))
    processor.champions.models = {SHOPPER_CLUSTERS: model()}
    processor.now = NOW + 15 * MINUTE
    processor.wake(processor.profile().profile_id)
    assert score(processor) == Score("lapsed", "run-1", processor.now)
