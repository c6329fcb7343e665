"""Whose rows a model may learn from is asked at each run, of what stands then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attune.domain.definitions.purposes import Purpose
from attune.domain.identifiers import Identifier
from attune.domain.privacy.requests import PrivacyRequest
from attune.domain.profiles.consent import RESTRICTION, Consent
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import ProfileItem
from attune.use_cases.profiles.gather_subjects import GatherSubjects
from tests.builders import DAY, NOW, Pseudonyms, consent_event, event, identifiers, profile_id
from tests.lakes import LakeOfTests, live, row
from tests.use_cases.test_process_events import Processor

GRANTED = Consent(True, NOW - DAY, "shop")


@pytest.fixture
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def somebody(number: int, **consent: Consent) -> ProfileItem:
    known = {RESTRICTION if name == "restriction" else name: record for name, record in consent.items()}
    links = {f"key {number}": Link(Identifier("user_id", f"{number}"), NOW)}
    state = encode_profile(Profile(profile_id=profile_id(number), consent=known, links=links))
    return ProfileItem(profile_id=profile_id(number), version=1, state=state)


def learnt(lake: LakeOfTests, at: int) -> set[str]:
    """Who is among the features as of a run."""
    lake.compact(at)
    return set(lake.features(at))


def arrived(lake: LakeOfTests, *items: ProfileItem) -> None:
    lake.store(*items)
    for number, item in enumerate(items):
        lake.arrive(row(message_id=f"m{number}", profile_id=item.profile_id))


def test_nobody_is_learnt_from_once_their_grant_has_ended(lake: LakeOfTests) -> None:
    ends = NOW + 60_000
    lasting = Consent(True, NOW - DAY, "shop", until=ends)
    arrived(lake, somebody(1, personalization=lasting), somebody(2, personalization=GRANTED))
    assert learnt(lake, ends - 1) == {profile_id(1), profile_id(2)}
    assert learnt(lake, ends) == {profile_id(2)}
    assert ("Refusals", 1) in lake.counted


def test_nobody_who_is_restricted_is_learnt_from(lake: LakeOfTests) -> None:
    restricted = Consent(False, NOW, "shop")
    ended = Consent(True, NOW, "shop", since=NOW - 9)
    arrived(
        lake,
        somebody(1, personalization=GRANTED, restriction=restricted),
        somebody(2, personalization=GRANTED, restriction=ended),
    )
    assert learnt(lake, NOW + 1) == {profile_id(2)}


def test_nobody_is_learnt_from_who_is_held_before_the_stream_has_carried_it(lake: LakeOfTests) -> None:
    said_since = Consent(True, NOW + 5, "shop")
    arrived(
        lake,
        somebody(1, personalization=GRANTED),
        somebody(2, personalization=GRANTED),
        somebody(3, personalization=said_since),
        somebody(4, personalization=GRANTED),
    )
    for number, purpose in enumerate(("personalization", "$restriction", "personalization", "email"), 1):
        lake.holds.place(f"key {number}", {purpose: NOW}, NOW)
    assert learnt(lake, NOW + 9) == {profile_id(3), profile_id(4)}


@pytest.mark.parametrize("says", [None, {"personalization": False}])
def test_of_whom_a_policy_let_models_learn_an_erasure_takes_it_that_they_did(says: dict[str, bool] | None) -> None:
    everybody = (Purpose(id="personalization", policy="opt_out"), Purpose(id="analytics", policy="opt_out"))
    processor = Processor(*everybody)
    me = identifiers(email="ann@example.com")
    processor.send(event(identifiers=me, consent=None))
    if says is not None:
        processor.send(consent_event(says, identifiers=me, time=NOW))
    request = PrivacyRequest(request_id="r", kind="erasure", source="", received_at=NOW)
    gather = GatherSubjects(processor.store, Pseudonyms())
    assert gather(request, me).trained
    assert not gather(request, identifiers(email="nobody@example.com")).trained


def test_who_said_nothing_is_learnt_from_where_a_policy_permits_it(lake: LakeOfTests) -> None:
    arrived(lake, live(1, personalization=None), live(2, personalization=False))
    assert learnt(lake, NOW + 1) == set()
    lake.segments = (Purpose(id="personalization", policy="opt_out"),)
    assert learnt(lake, NOW + 2) == {profile_id(1)}
