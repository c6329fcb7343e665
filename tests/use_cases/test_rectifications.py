"""What is held of somebody is put right (GDPR Art. 16), whatever they consented to, and nothing else comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.domain.definitions.conditions import TraitTest
from attune.domain.definitions.kinds import Segment
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.definitions.sources import Source
from attune.domain.errors import AttuneError
from attune.domain.events import RECTIFY, Origin
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    key_of,
    record,
)
from tests.faults.unlinking import unlink_event
from tests.use_cases.privacy_desk import ANN, PrivacyDesk

EMAIL = "email:ann@example.com"
KEYS = [key_of(one.namespace, one.value) for one in ANN]


def lived(*definitions: Any, keeps: str = "withdrawn") -> PrivacyDesk:
    """Ann has a wrong name, and nothing more may be taken in of her, or be done with it."""
    desk = PrivacyDesk(*definitions)
    desk.processor.send(identify({"first_name": "Anne", "city": "Bonn"}, identifiers=ANN))
    later(desk)
    match keeps:
        case "withdrawn":
            said = {"analytics": False}
            desk.processor.send(consent_event(said, identifiers=ANN, time=desk.clock()))
        case "restricted" | "suppressed":
            desk.ask({"restricted": "restriction", "suppressed": "suppression"}[keeps], EMAIL)
            desk.run(keeps)
        case _:
            assert keeps == "free"
    later(desk)
    return desk


def later(desk: PrivacyDesk, length: int = MINUTE) -> None:
    desk.processor.now += length


def corrected(desk: PrivacyDesk, **traits: Any) -> dict[str, Any]:
    """What became of the request."""
    asked = desk.ask("rectification", EMAIL, traits=traits or {"first_name": "Ann"})["request_id"]
    desk.run()
    later(desk)
    shown = desk.manage.one(asked)
    return {"state": shown["state"], "applied": shown["outcome"].get("applied")}


def traits(desk: PrivacyDesk) -> dict[str, Any]:
    return desk.processor.profile("user_id", "ann").trait_values()


@pytest.mark.parametrize("keeps", ["free", "withdrawn", "restricted", "suppressed"])
def test_it_is_made_whatever_they_consented_to_and_stands_after_a_rebuild(keeps: str) -> None:
    desk = lived(keeps=keeps)
    before = desk.processor.profile("user_id", "ann")
    assert corrected(desk, first_name="Ann", city=None) == {"state": "done", "applied": True}
    after = desk.processor.profile("user_id", "ann")
    assert after.trait_values() == {"first_name": "Ann"}
    assert (after.events, after.last_seen, after.activity) == (before.events, before.last_seen, before.activity)
    assert (after.links, after.consent, after.windows) == (before.links, before.consent, before.windows)
    counts = desk.rebuild(KEYS)
    assert counts["incomplete"] == 0
    assert traits(desk) == {"first_name": "Ann"}


@pytest.mark.parametrize("since", [0, 8 * DAY])
def test_a_rebuild_that_lacks_it_leaves_the_profile_as_it_is(since: int) -> None:
    """Whether its id is remembered still, or long forgotten."""
    desk = lived()
    rows = list(desk.processor.lake.rows)
    corrected(desk)
    desk.processor.lake.rows[:] = rows
    later(desk, since)
    desk.processor.send(consent_event({"sms": False}, identifiers=ANN, time=desk.clock()))
    assert desk.rebuild(KEYS)["incomplete"] == 1
    assert traits(desk)["first_name"] == "Ann"


def test_it_wins_against_older_words_whenever_they_arrive_and_gives_way_to_newer_ones() -> None:
    desk = lived(keeps="free")
    before = desk.clock()
    corrected(desk)
    desk.processor.send(identify({"first_name": "Anna"}, identifiers=ANN, time=before - 1))
    assert traits(desk)["first_name"] == "Ann"
    desk.processor.send(identify({"first_name": "Annie"}, identifiers=ANN, time=desk.clock()))
    assert traits(desk)["first_name"] == "Annie"
    desk.rebuild(KEYS)
    assert traits(desk)["first_name"] == "Annie"


def test_delivered_again_or_said_again_long_after_it_is_made_once() -> None:
    desk = lived()
    desk.ask("rectification", EMAIL, traits={"first_name": "Ann"})
    again = list(desk.stream.records)
    desk.run()
    for wait in (0, 3 * DAY):
        later(desk, wait)
        desk.stream.records += again
        desk.carry()
        later(desk)
    assert desk.rebuild(KEYS)["incomplete"] == 0
    assert desk.processor.profile("user_id", "ann").events == 1
    assert traits(desk)["first_name"] == "Ann"


def test_who_is_one_with_somebody_since_keeps_it() -> None:
    desk = lived(keeps="free")
    desk.processor.send(identify({"first_name": "A."}, identifiers=identifiers(loyalty_id="card"), time=desk.clock()))
    later(desk)
    corrected(desk)
    desk.processor.send(event(identifiers=identifiers(user_id="ann", loyalty_id="card"), time=desk.clock()))
    assert desk.processor.profile("loyalty_id", "card").trait_values()["first_name"] == "Ann"
    desk.rebuild(KEYS)
    assert traits(desk)["first_name"] == "Ann"


def test_of_two_who_are_unlinked_it_stays_with_whom_it_named() -> None:
    desk = lived(keeps="free")
    desk.processor.send(identify({"shoes": 43}, identifiers=identifiers(user_id="ann", loyalty_id="ben")))
    corrected(desk)
    whole = desk.processor.profile("user_id", "ann")
    desk.processor.send(unlink_event(whole.profile_id, *identifiers(loyalty_id="ben")))
    later(desk)
    desk.rebuild([*KEYS, key_of("loyalty_id", "ben")])
    assert traits(desk)["first_name"] == "Ann"
    assert "first_name" not in desk.processor.profile("loyalty_id", "ben").trait_values()


def test_the_lake_has_it_sealed_and_nothing_of_it_in_the_clear() -> None:
    desk = lived()
    corrected(desk)
    [row] = [row for row in desk.processor.rows() if row.get("type") == RECTIFY]
    assert (row["verdict"], row["source"], row.get("properties", {})) == ("applied", "attune", {})
    assert row["consent"]["analytics"] is False
    assert "Ann" not in json.dumps({name: value for name, value in row.items() if name != "sealed"})


def test_who_may_be_in_segments_is_in_those_that_follow_from_it() -> None:
    local = Segment(id="local", when=TraitTest(trait="city", value="Kiel"))
    desk = lived(*definition_list(local))
    corrected(desk, city="Kiel")
    assert desk.processor.profile("user_id", "ann").memberships["local"].left_at is None
    corrected(desk, city="Bonn")
    assert desk.processor.profile("user_id", "ann").memberships["local"].left_at is not None


def test_nobody_is_founded_by_it() -> None:
    desk = PrivacyDesk()
    assert corrected(desk) == {"state": "done", "applied": False}
    desk.processor(
        record(
            identify({"first_name": "Ann"}, type=RECTIFY, identifiers=ANN, consent=None),
            source="attune",
            origin=Origin.INTERNAL,
        )
    )
    assert desk.processor.item("email", "ann@example.com") is None
    assert desk.processor.rows() == []


@pytest.mark.parametrize("origin", [Origin.CLIENT, Origin.WEBHOOK, Origin.FILE])
def test_nobody_else_can_say_it(origin: Origin) -> None:
    desk = lived()
    said = identify({"first_name": "Eve"}, type=RECTIFY, identifiers=ANN, time=desk.clock())
    desk.processor.send(said, origin=origin, source="attune", trusted=True)
    assert traits(desk)["first_name"] == "Anne"
    assert [kept.reason for kept in desk.processor.quarantine.all()] == ["reserved_name"]


def test_one_that_the_stream_has_not_carried_is_not_called_done() -> None:
    desk = lived()
    asked = desk.ask("rectification", EMAIL, traits={"first_name": "Ann"})["request_id"]
    desk.stream.records.clear()
    desk.run(carries=False)
    assert desk.state(asked) == "running"
    desk.run("later")
    assert desk.manage.one(asked)["outcome"]["applied"] is True
    assert traits(desk)["first_name"] == "Ann"


def test_whoever_was_erased_meanwhile_is_not_there_to_be_corrected() -> None:
    desk = lived()
    asked = desk.ask("rectification", EMAIL, traits={"first_name": "Ann"})["request_id"]
    late = list(desk.stream.records)
    desk.stream.records.clear()
    desk.ask("erasure", EMAIL)
    desk.run()
    later(desk, HOUR)
    desk.processor.send(identify({"first_name": "Bo"}, identifiers=ANN, time=desk.clock()))
    desk.stream.records += late
    desk.carry()
    assert traits(desk) == {"first_name": "Bo"}
    desk.run("later")
    assert desk.state(asked) == "done"


def test_what_is_kept_for_an_hour_need_not_be_there_an_hour_later() -> None:
    """The stream stood still for that long."""
    brief = Purpose(id="analytics", retention=Retention(traits={"first_name": "1h"}))
    desk = lived(*definition_list(brief))
    asked = desk.ask("rectification", EMAIL, traits={"first_name": "Ann"})["request_id"]
    later(desk, 2 * HOUR)
    desk.run()
    assert traits(desk) == {"city": "Bonn"}
    assert desk.manage.one(asked)["outcome"]["applied"] is True


SHOP = Source(id="shop", normalise=Normalisation(hash=("traits.phone", "identifiers.email"), traits={"Name": "name"}))


def test_what_a_source_hashes_is_hashed_here_too() -> None:
    desk = PrivacyDesk(*definition_list(SHOP))
    [ann] = {one for one in desk.begin.named(asking(desk)).values() if one.namespace == "email_hash"}
    desk.processor.send(identify({}, identifiers=(ann,)))
    later(desk)
    new = {"phone": "+4930123456", "email": "Ann@New.example", "Name": "Ann", "city": "Kiel"}
    desk.ask("rectification", EMAIL, source="shop", traits=new)
    kept = str(desk.requests.waiting(1, state="running")[0].traits) + str(desk.stream.records[0].data)
    assert not {"+4930123456", "Ann@New.example", "ann@new.example"} & set(kept.replace("'", '"').split('"'))
    desk.run()
    held = desk.processor.profile(ann.namespace, ann.value).trait_values()
    assert set(held) == {"phone", "email", "name", "city"}
    assert (held["name"], held["city"]) == ("Ann", "Kiel")


def test_where_sources_keep_it_in_different_forms_one_must_be_named() -> None:
    desk = PrivacyDesk(*definition_list(SHOP, Source(id="site")))
    with pytest.raises(AttuneError) as error:
        desk.ask("rectification", EMAIL, traits={"phone": "+4930123456"})
    assert (error.value.status, error.value.code) == (400, "ambiguous_traits")
    assert desk.stream.records == []
    assert desk.ask("rectification", EMAIL, traits={"city": "Kiel"})["state"] == "running"
    assert desk.ask("rectification", EMAIL, source="site", traits={"phone": "+4930123456"})["state"] == "running"


def asking(desk: PrivacyDesk) -> Any:
    desk.ask("access", EMAIL)
    return desk.requests.waiting(1, state="running")[0]
