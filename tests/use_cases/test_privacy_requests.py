"""What a person asks about their data, from the officer's call to its end: on the processor itself, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.sources import Source
from attune.domain.errors import AttuneError
from attune.domain.privacy.requests import PrivacyRequest
from attune.domain.profiles.consent import PURPOSES, RESTRICTION
from attune.domain.profiles.splits import is_pending
from attune.ports.rebuilding import LakeSlowError
from attune.use_cases.privacy.fulfil_requests import FEW_LOOKS, MAX_LOOKS, PATIENCE, SOON, TURN
from attune.use_cases.privacy.manage_privacy import REASONS, over
from tests.builders import DAY, HOUR, MINUTE, NOW, definition_list, event, identifiers, identify, key_of
from tests.faults.unlinking import unlink_event
from tests.use_cases.privacy_desk import ANN, RUN, PrivacyDesk

EMAIL = "email:ann@example.com"


def signs_up(desk: PrivacyDesk, **overrides: Any) -> None:
    desk.processor.send(identify({"first_name": "Ann"}, **({"identifiers": ANN} | overrides)))


def later(desk: PrivacyDesk, length: int = MINUTE) -> None:
    desk.processor.now += length


@pytest.fixture
def desk() -> PrivacyDesk:
    desk = PrivacyDesk()
    signs_up(desk)
    later(desk)
    return desk


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as error:
        call()
    return error.value.status, error.value.code


def test_an_erasure_holds_everything_before_it_answers(desk: PrivacyDesk) -> None:
    answer = desk.ask("erasure", EMAIL)
    assert (answer["state"], answer["kind"]) == ("running", "erasure")
    held = desk.holds.held([key_of("email", "ann@example.com")])
    assert held == dict.fromkeys(PURPOSES, desk.clock())
    assert desk.runs.running()
    assert desk.processor.profile("user_id", "ann").traits["first_name"].value == "Ann"  # the stream has not carried it


def test_an_erasure_ends_with_nobody_a_receipt_and_no_address(desk: PrivacyDesk) -> None:
    asked = desk.ask("erasure", EMAIL, reference="what ann wrote on Monday")["request_id"]
    assert desk.run() == ["wait", "sweep", "over"]
    assert desk.processor.item("user_id", "ann") is None
    shown = desk.manage.one(asked)
    assert (shown["state"], shown["subject"], shown["outcome"]["code"]) == ("done", [], "erased")
    assert desk.manage.receipt(asked)["request_id"] == asked
    kept = desk.requests.get(asked)
    assert kept is not None
    assert "ann" not in str(kept)
    assert desk.documents.keys("erasures/") == []


def test_the_sweep_is_told_all_by_which_the_person_can_be_recognised(desk: PrivacyDesk) -> None:
    profile = desk.processor.profile("user_id", "ann")
    erased_at = desk.clock()
    asked = desk.ask("erasure", EMAIL, variant="anonymise", suppress=True)["request_id"]
    desk.run()
    assert desk.swept == [[asked]]
    [subject] = desk.subjects.values()
    assert subject.profile_ids == (profile.profile_id,)
    assert set(subject.identity_keys) == set(profile.links)
    assert set(subject.values) == {"ann", "ann@example.com", "tablet"}
    assert (subject.variant, subject.suppressed, subject.trained) == ("anonymise", True, True)
    assert (subject.first_day, subject.erased_at) == ("2025-06-15", erased_at)


def test_who_was_merged_long_ago_is_named_to_the_sweep(desk: PrivacyDesk) -> None:
    """Also where the identifier that founded them is no longer among the profile's."""
    desk.processor.send(event(identifiers=identifiers(cart_token="cart")))
    absorbed = desk.processor.profile("cart_token", "cart").profile_id
    desk.processor.send(event(identifiers=identifiers(user_id="ann", cart_token="cart")))
    later(desk, 40 * DAY)
    for number in range(60):
        desk.processor.send(event(identifiers=identifiers(user_id="ann", cart_token=f"c{number}"), time=desk.clock()))
    assert key_of("cart_token", "cart") not in desk.processor.profile("user_id", "ann").links
    desk.ask("erasure", EMAIL)
    desk.run()
    assert absorbed in next(iter(desk.subjects.values())).profile_ids


class Lagging:
    """The index of who was merged tells of nobody as long as it `lags`."""

    lags = True

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        return [] if name == "merges.absorbed" and self.lags else call()


def test_whom_the_index_tells_of_late_is_swept_before_there_is_a_receipt() -> None:
    desk = PrivacyDesk(wire=(wire := Lagging()))
    signs_up(desk)
    desk.processor.send(event(identifiers=identifiers(cart_token="cart")))
    absorbed = desk.processor.profile("cart_token", "cart").profile_id
    desk.processor.send(event(identifiers=identifiers(user_id="ann", cart_token="cart")))
    for number in range(60):
        desk.processor.send(event(identifiers=identifiers(user_id="ann", cart_token=f"c{number}"), time=desk.clock()))
    later(desk)
    asked = desk.ask("erasure", EMAIL)["request_id"]
    desk.carry()
    position = desk.fulfil.begin(RUN, None)
    assert position["next"] == "sweep"
    wire.lags = False
    desk.fulfil.finish(RUN, position)
    assert desk.state(asked) == "running"
    later(desk, TURN)
    desk.run("later")
    assert desk.state(asked) == "done"
    assert absorbed in next(iter(desk.subjects.values())).profile_ids


def test_who_becomes_another_before_the_stream_has_carried_it_is_swept_as_both(desk: PrivacyDesk) -> None:
    """The other survives the merge, and is what the erasure then buries."""
    desk.processor.send(identify({}, identifiers=identifiers(user_id="u1")))
    desk.processor.send(identify({}, identifiers=identifiers(phone="+4915112345678")))
    older = desk.processor.profile("user_id", "u1").profile_id
    asked = desk.ask("erasure", "phone:+4915112345678")["request_id"]
    desk.processor.send(event(identifiers=identifiers(user_id="u1", phone="+4915112345678")))
    assert desk.processor.profile("phone", "+4915112345678").profile_id == older
    desk.carry()
    desk.run()
    [subject] = desk.subjects.values()
    assert older in subject.profile_ids
    assert {"u1", "+4915112345678"} <= set(subject.values)
    assert desk.manage.one(asked)["state"] == "done"
    assert "merged_meanwhile" not in desk.manage.one(asked)["outcome"]


def test_an_erasure_waits_for_the_stream_and_then_leaves_it_to_the_next_run(desk: PrivacyDesk) -> None:
    asked = desk.ask("erasure", EMAIL)["request_id"]
    steps = desk.run(carries=False)
    assert steps == ["wait"] * (MAX_LOOKS - 1) + ["finish", "over"]
    assert (desk.state(asked), desk.swept) == ("running", [])
    desk.carry()
    assert desk.run("later") == ["sweep", "over"]
    assert desk.state(asked) == "done"


def test_what_a_sweep_has_left_is_swept_again(desk: PrivacyDesk) -> None:
    asked = desk.ask("erasure", EMAIL)["request_id"]
    desk.left = 3
    assert desk.run() == ["wait", "sweep", "over"]
    assert desk.state(asked) == "running"
    assert desk.documents.keys("erasures/") != []
    desk.left = 0
    desk.run("later")
    assert desk.state(asked) == "done"


def test_where_the_stream_was_out_of_reach_the_machine_says_it_again(desk: PrivacyDesk) -> None:
    asked = desk.ask("erasure", EMAIL)["request_id"]
    desk.stream.records.clear()
    desk.run()
    assert desk.state(asked) == "done"
    assert desk.processor.item("user_id", "ann") is None


def test_whoever_comes_back_after_an_erasure_is_held_by_nothing(desk: PrivacyDesk) -> None:
    """What they agree to then counts, also where a banner only rides along with what they do."""
    desk.holds.place(key_of("user_id", "ann"), {"sms": desk.clock() - HOUR}, 1)  # a word that was on its way
    asked = desk.ask("erasure", EMAIL)["request_id"]
    keys = [key_of(one.namespace, one.value) for one in ANN]
    position = desk.fulfil.begin(RUN, None)
    desk.carry()
    position = desk.fulfil.begin(RUN, position)
    assert desk.holds.held(keys)  # as long as anything of it is under way
    desk.run("later")
    later(desk, TURN)
    desk.run("after the turn")
    assert desk.state(asked) == "done"
    assert desk.holds.held(keys) == {}


def test_what_was_held_since_an_erasure_began_is_not_lifted_with_it(desk: PrivacyDesk) -> None:
    """Nor what is held against somebody else under an identifier that is not the erased person's any more."""
    desk.ask("erasure", EMAIL)
    desk.carry()
    later(desk)
    signs_up(desk, time=desk.clock())
    email, tablet = key_of("email", "ann@example.com"), key_of("anonymous_id", "tablet")
    desk.holds.place(email, {"email": desk.clock()}, 1)
    desk.run()
    assert desk.holds.held([email, tablet]) == {"email": desk.clock()}


def test_an_erasure_lifts_nothing_under_what_went_to_somebody_else(desk: PrivacyDesk) -> None:
    """Ann's tablet is found to be Ben's while her erasure waits for the stream."""
    desk.ask("erasure", EMAIL)
    waiting = list(desk.stream.records)
    desk.stream.records.clear()
    whole = desk.processor.profile("user_id", "ann")
    desk.processor.send(unlink_event(whole.profile_id, *identifiers(anonymous_id="tablet")))
    tablet = key_of("anonymous_id", "tablet")
    before = desk.clock() - HOUR
    desk.holds.place(tablet, {"email": before}, 1)
    desk.stream.records += waiting
    desk.run()
    assert desk.processor.item("user_id", "ann") is None
    assert desk.processor.item("anonymous_id", "tablet") is not None
    assert desk.holds.held([tablet]) == {"email": before}


def test_said_again_an_erasure_does_not_reach_the_life_that_began_since(desk: PrivacyDesk) -> None:
    desk.ask("erasure", EMAIL)
    again = list(desk.stream.records)
    desk.carry()
    later(desk, HOUR)
    signs_up(desk, time=desk.clock())
    desk.stream.records += again
    desk.carry()
    assert desk.processor.item("user_id", "ann") is not None


def test_asked_again_an_erasure_leaves_the_life_that_began_since_alone(desk: PrivacyDesk) -> None:
    """Who goes on browsing is somebody new a second later: nothing of theirs may be taken for the old life's."""
    desk.ask("erasure", EMAIL, reference="4711")
    desk.carry()
    later(desk, HOUR)
    signs_up(desk, time=desk.clock())
    new = desk.processor.profile("user_id", "ann").profile_id
    asked = desk.ask("erasure", EMAIL, reference="4711")["request_id"]
    assert desk.run()[-2:] == ["sweep", "over"]
    assert desk.state(asked) == "done"
    assert new not in {one for subject in desk.subjects.values() for one in subject.profile_ids}
    assert desk.processor.item("user_id", "ann") is not None


@pytest.mark.parametrize("subject", ["email:nobody@example.com", EMAIL])
def test_of_somebody_unknown_or_erased_before_it_is_done_all_the_same(desk: PrivacyDesk, subject: str) -> None:
    if subject == EMAIL:
        desk.ask("erasure", EMAIL)
        desk.run("before")
        later(desk, DAY)
    asked = desk.ask("erasure", subject)["request_id"]
    assert desk.run() == ["wait", "sweep", "over"]
    assert desk.state(asked) == "done"
    assert desk.manage.one(asked)["outcome"]["code"] == ("already_erased" if subject == EMAIL else "nobody_known")
    assert desk.manage.receipt(asked)["request_id"] == asked
    graves = [one.erased_at for one in desk.processor.store.all_items() if one.erased_at]
    begun = [one.asked_at for one in desk.subjects.values() if one.request_id == asked]
    assert max(graves, default=0) < min(begun)  # by which the sweep knows that they are none of its own


def test_the_same_reference_is_the_same_request(desk: PrivacyDesk) -> None:
    first = desk.ask("erasure", EMAIL, reference="4711")
    later(desk)
    assert desk.ask("erasure", EMAIL, reference="4711")["request_id"] == first["request_id"]
    assert desk.ask("erasure", EMAIL)["request_id"] != first["request_id"]
    desk.run()
    assert desk.ask("erasure", EMAIL, reference="4711")["state"] == "done"


def test_a_rectification_corrects_and_takes_away(desk: PrivacyDesk) -> None:
    asked = desk.ask("rectification", EMAIL, traits={"first_name": "Anne", "nickname": None})["request_id"]
    assert desk.run() == ["wait", "finish", "over"]
    traits = desk.processor.profile("user_id", "ann").trait_values()
    assert traits == {"first_name": "Anne"}
    assert desk.manage.one(asked)["outcome"]["applied"] is True


def test_what_a_later_word_stands_against_is_not_waited_for_long_and_not_called_done(desk: PrivacyDesk) -> None:
    first = desk.ask("suppression", EMAIL)["request_id"]
    later(desk)
    second = desk.ask("suppression_end", EMAIL)["request_id"]
    assert desk.run() == ["wait"] * (FEW_LOOKS - 1) + ["finish", "over"]
    assert desk.manage.one(first)["outcome"]["applied"] is False
    assert desk.manage.one(second)["outcome"]["applied"] is True


def test_what_somebody_else_has_ended_does_not_end_the_run(desk: PrivacyDesk) -> None:
    first = desk.ask("erasure", EMAIL)["request_id"]
    position = desk.fulfil.begin(RUN, None)
    ended = desk.requests.get(first)
    assert ended is not None
    desk.requests.save(over(ended, "refused", desk.clock(), {}), read_state="running")
    second = desk.ask("access", EMAIL)["request_id"]
    assert desk.fulfil.begin(RUN, position)["requests"] == [second]


def test_a_rectification_makes_nobody_one_with_anybody(desk: PrivacyDesk) -> None:
    desk.processor.send(identify({}, identifiers=identifiers(user_id="ben", email="ben@example.com")))
    desk.ask("rectification", EMAIL, "email:ben@example.com", traits={"city": "Kiel"})
    desk.run()
    ann, ben = (desk.processor.profile("user_id", name) for name in ("ann", "ben"))
    assert ann.profile_id != ben.profile_id
    assert ann.trait_values()["city"] == ben.trait_values()["city"] == "Kiel"


def test_a_restriction_is_held_at_once_and_ends(desk: PrivacyDesk) -> None:
    desk.ask("restriction", EMAIL)
    assert desk.holds.held([key_of("email", "ann@example.com")]) == {RESTRICTION: desk.clock()}
    assert desk.run() == ["wait", "finish", "over"]
    assert desk.processor.profile("user_id", "ann").consent[RESTRICTION].granted is False
    later(desk)
    asked = desk.ask("restriction_end", EMAIL)["request_id"]
    desk.run("later")
    assert desk.processor.profile("user_id", "ann").consent[RESTRICTION].granted is True
    assert desk.manage.one(asked)["outcome"]["applied"] is True


def test_who_is_suppressed_is_not_taken_in_until_it_ends(desk: PrivacyDesk) -> None:
    desk.ask("suppression", EMAIL)
    desk.run()
    before = desk.processor.profile("user_id", "ann").events
    later(desk)
    desk.processor.send(event(identifiers=ANN, time=desk.clock()))
    assert desk.processor.profile("user_id", "ann").events == before
    desk.ask("suppression_end", EMAIL)
    desk.run("later")
    later(desk)
    desk.processor.send(event(identifiers=ANN, time=desk.clock()))
    assert desk.processor.profile("user_id", "ann").events == before + 1


def test_who_is_suppressed_by_one_address_is_not_taken_in_by_another(desk: PrivacyDesk) -> None:
    desk.ask("suppression", EMAIL)
    desk.run()
    later(desk)
    before = desk.processor.profile("user_id", "ann").events
    for named in ({"anonymous_id": "tablet"}, {"user_id": "ann"}):
        desk.processor.send(event(identifiers=identifiers(**named), time=desk.clock()))
    assert desk.processor.profile("user_id", "ann").events == before
    desk.ask("suppression_end", "user_id:ann")
    desk.run("later")
    later(desk)
    for named in ({"anonymous_id": "tablet"}, {"email": "ann@example.com"}):
        desk.processor.send(event(identifiers=identifiers(**named), time=desk.clock()))
    assert desk.processor.profile("user_id", "ann").events == before + 2


def test_somebody_with_very_many_devices_is_suppressed_by_all_of_them(desk: PrivacyDesk) -> None:
    for number in range(49):
        desk.processor.send(event(identifiers=identifiers(user_id="ann", anonymous_id=f"device-{number}")))
    asked = desk.ask("suppression", EMAIL)["request_id"]
    desk.run()
    assert desk.manage.one(asked)["outcome"]["applied"] is True
    later(desk)
    before = desk.processor.profile("user_id", "ann").events
    desk.processor.send(event(identifiers=identifiers(anonymous_id="device-48"), time=desk.clock()))
    assert desk.processor.profile("user_id", "ann").events == before


def test_a_webhooks_request_waits_for_the_officers_word(desk: PrivacyDesk) -> None:
    request = desk.received("erasure", identifiers=identifiers(email="ann@example.com"), orders=("1", "2"))
    assert desk.run() == ["over"]
    assert desk.manage.fulfil(request.request_id)["state"] == "running"
    desk.run()
    assert desk.state(request.request_id) == "done"
    assert desk.manage.one(request.request_id)["outcome"]["orders"] == 2
    assert desk.processor.item("user_id", "ann") is None
    for act in (desk.manage.fulfil, lambda one: desk.manage.refuse(one, b'{"reason":"duplicate"}')):
        assert refused(lambda act=act: act(request.request_id)) == (409, "not_waiting")  # type: ignore[misc]


def test_a_guest_is_found_by_their_order(desk: PrivacyDesk) -> None:
    desk.processor.send(event(identifiers=identifiers(email="ann@example.com", shopify_order_id="77")))
    request = desk.received("erasure", orders=("77",))
    desk.manage.fulfil(request.request_id)
    desk.run()
    assert desk.processor.item("user_id", "ann") is None


def test_a_refused_request_is_over_for_a_reason_and_names_nobody(desk: PrivacyDesk) -> None:
    request = desk.received("access", identifiers=identifiers(email="ann@example.com"))
    shown = desk.manage.refuse(request.request_id, b'{"reason":"identity_not_proven"}')
    assert (shown["state"], shown["subject"], shown["outcome"]["reason"]) == ("refused", [], "identity_not_proven")
    assert desk.run() == ["over"]


def test_all_that_a_shop_has_sent_are_forgotten_and_nobody_else(desk: PrivacyDesk) -> None:
    for number in range(3):
        desk.processor.send(event(identifiers=identifiers(user_id=f"u{number}")))
    desk.processor.send(event(identifiers=identifiers(user_id="other")), source="site")
    request = desk.received("shop_erasure")
    desk.manage.fulfil(request.request_id)
    assert desk.run() == ["read", "wait", "sweep", "over"]
    assert desk.state(request.request_id) == "done"
    assert desk.manage.one(request.request_id)["outcome"]["people"] == 4
    assert [desk.processor.item("user_id", f"u{number}") for number in range(3)] == [None] * 3
    assert desk.processor.item("user_id", "other") is not None


def test_a_shop_that_has_sent_nobody_is_done_at_once() -> None:
    desk = PrivacyDesk()
    request = desk.received("shop_erasure")
    desk.manage.fulfil(request.request_id)
    assert desk.run() == ["read", "sweep", "over"]
    assert desk.state(request.request_id) == "done"


def test_what_cannot_be_read_is_in_nobodys_way_and_told(desk: PrivacyDesk) -> None:
    """Whoever runs out of time is called again and again; an erasure does not wait for that."""
    stuck = desk.ask("access", EMAIL)["request_id"]
    erasure = desk.ask("erasure", "user_id:nobody")["request_id"]
    desk.history_fails = True
    with pytest.raises(LakeSlowError):
        desk.run()
    assert (desk.state(erasure), desk.state(stuck)) == ("done", "running")
    desk.processor.now += TURN
    for number in range(2):
        with pytest.raises(LakeSlowError):
            desk.run(f"run {number}")
        desk.processor.now += TURN
    desk.processor.counted.clear()
    assert desk.run("last") == ["read", "finish", "over"]
    assert ("PrivacyRequestsDueSoon", 1, {}) in desk.processor.counted
    desk.history_fails = False
    later(desk, DAY)
    desk.run("a day later")
    assert desk.state(stuck) == "done"
    assert not {"attempts", "tried_at"} & desk.manage.one(stuck)["outcome"].keys()


def test_whoever_a_shops_erasure_has_left_is_searched_for_again(desk: PrivacyDesk) -> None:
    """Their erasure did not come about: they had changed since they were gathered, say."""
    request = desk.received("shop_erasure")
    desk.manage.fulfil(request.request_id)
    desk.read([request.request_id])
    desk.stream.records.clear()
    assert "read" not in desk.run(carries=False)
    assert desk.state(request.request_id) == "running"
    assert desk.run("later")[0] == "read"
    assert desk.state(request.request_id) == "done"
    assert desk.processor.item("user_id", "ann") is None


@pytest.mark.parametrize("before", ["nobody_known", "already_erased"])
@pytest.mark.parametrize(
    ("kind", "applied"),
    [
        *(("restriction", False), ("restriction_end", True), ("rectification", False)),
        *(("suppression", True), ("suppression_end", True), ("access", None)),
    ],
)
def test_what_is_asked_of_nobody_says_so(desk: PrivacyDesk, kind: str, applied: bool | None, before: str) -> None:
    """A wrong address must not pass for somebody who is restricted; who is suppressed need not be known."""
    address = "email:nobody@example.com" if before == "nobody_known" else EMAIL
    if before == "already_erased":
        desk.ask("erasure", EMAIL)
        desk.run("before")
        later(desk, DAY)
    more = {"traits": {"first_name": "Ann"}} if kind == "rectification" else {}
    asked = desk.ask(kind, address, **more)["request_id"]
    desk.run()
    shown = desk.manage.one(asked)
    assert (shown["state"], shown["outcome"]["code"]) == ("done", before)
    assert shown["outcome"].get("applied") is applied


def test_what_else_was_asked_of_who_is_erased_is_over_and_names_nobody(desk: PrivacyDesk) -> None:
    hers = desk.received("access", identifiers=identifiers(email="ann@example.com"), orders=("1",))
    others = desk.received("access", identifiers=identifiers(email="ben@example.com"))
    desk.ask("erasure", "user_id:ann")
    desk.run()
    shown = desk.manage.one(hers.request_id)
    assert (shown["state"], shown["subject"], shown["outcome"]["reason"]) == ("refused", [], "erased")
    assert desk.state(others.request_id) == "received"


def test_two_runs_never_work_at_once(desk: PrivacyDesk) -> None:
    desk.ask("erasure", EMAIL)
    assert desk.fulfil.begin("one", None)["next"] == "wait"
    assert desk.run("two") == ["over"]
    later(desk, TURN + 1)
    assert desk.run("two")[-2:] == ["sweep", "over"]


def test_what_is_asked_while_a_run_is_under_way_is_taken_by_it(desk: PrivacyDesk) -> None:
    desk.processor.send(identify({}, identifiers=identifiers(user_id="ben")))
    first = desk.ask("erasure", EMAIL)["request_id"]
    position = desk.fulfil.begin(RUN, None)
    second = desk.ask("erasure", "user_id:ben")["request_id"]
    desk.carry()
    position = desk.fulfil.begin(RUN, position)
    assert position["swept"] == [first]
    position = desk.fulfil.finish(RUN, position)
    assert desk.fulfil.begin(RUN, position)["requests"] == [second]


def test_each_run_tells_how_near_the_terms_are(desk: PrivacyDesk) -> None:
    desk.received("access", identifiers=identifiers(email="ann@example.com"))
    told = []
    for at in (NOW, NOW + 30 * DAY - SOON - 1, NOW + 30 * DAY - SOON, NOW + 30 * DAY):
        desk.processor.now = at
        desk.processor.counted.clear()
        desk.run(str(at))
        told.append({name: value for name, value, _ in desk.processor.counted})
    soon, overdue = {"PrivacyRequestsDueSoon": 1}, {"PrivacyRequestsOverdue": 1}
    assert told == [{}, {}, soon, soon | overdue]


def test_a_request_reaches_whoever_a_source_knows_under_another_form() -> None:
    shop = Source(id="shop", normalise=Normalisation(hash=("identifiers.email",)))
    desk = PrivacyDesk(*definition_list(shop))
    formed = desk.begin.named(
        PrivacyRequest(
            request_id="1", kind="erasure", source="", received_at=NOW, identifiers=identifiers(email="ann@example.com")
        )
    )
    [hashed] = [one for one in formed.values() if one.namespace != "email"]
    desk.processor.send(identify({}, identifiers=(hashed,)))
    later(desk)
    desk.ask("erasure", EMAIL)
    desk.run()
    assert desk.processor.item(hashed.namespace, hashed.value) is None


def test_a_number_that_could_be_two_peoples_is_not_guessed() -> None:
    shops = [Source(id=f"shop_{one.lower()}", normalise=Normalisation(region=one)) for one in ("DE", "FR")]
    desk = PrivacyDesk(*definition_list(*shops))
    assert refused(lambda: desk.ask("erasure", "phone:030 1234567")) == (400, "ambiguous_subject")
    assert desk.ask("erasure", "phone:030 1234567", source="shop_de")["state"] == "running"
    assert desk.ask("erasure", "phone:+49301234567")["state"] == "running"


BAD: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "invalid_json"),
    "no kind": ({"subject": [EMAIL]}, "invalid_body"),
    "another kind": ({"kind": "forget", "subject": [EMAIL]}, "invalid_kind"),
    "a shop by the API": ({"kind": "shop_erasure", "subject": [EMAIL]}, "invalid_kind"),
    "nobody": ({"kind": "erasure", "subject": []}, "no_subject"),
    "no subject": ({"kind": "erasure"}, "no_subject"),
    "a text as subject": ({"kind": "erasure", "subject": EMAIL}, "invalid_body"),
    "too many": ({"kind": "erasure", "subject": [EMAIL] * 21}, "invalid_body"),
    "no namespace": ({"kind": "erasure", "subject": ["ann@example.com"]}, "invalid_identifier"),
    "no address": ({"kind": "erasure", "subject": ["email:ann"]}, "invalid_identifier"),
    "a lone surrogate": (b'{"kind":"erasure","subject":["user_id:\\ud800"]}', ""),
    "another source": ({"kind": "erasure", "subject": [EMAIL], "source": "x"}, "no_such_source"),
    "another variant": ({"kind": "erasure", "subject": [EMAIL], "variant": "x"}, "invalid_body"),
    "more": ({"kind": "erasure", "subject": [EMAIL], "more": 1}, "invalid_body"),
    "a long reference": ({"kind": "erasure", "subject": [EMAIL], "reference": "x" * 101}, "invalid_body"),
    "traits of an erasure": ({"kind": "erasure", "subject": [EMAIL], "traits": {"a": 1}}, "invalid_body"),
    "no traits": ({"kind": "rectification", "subject": [EMAIL]}, "invalid_body"),
    "a suppressing access": ({"kind": "access", "subject": [EMAIL], "suppress": True}, "invalid_body"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_what_cannot_be_meant_is_refused_and_nothing_happens(desk: PrivacyDesk, case: str) -> None:
    body, code = BAD[case]
    said = refused(
        lambda: desk.manage.ask(body if isinstance(body, bytes) else json.dumps(body).encode(), desk.recorded.extend)
    )
    assert said[0] == 400
    assert said[1] == code or not code
    assert desk.stream.records == []
    assert desk.requests.waiting(10, state="running") == []
    assert not desk.runs.running()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"reason":"I know her"}', b'{"reason":1}', b'{"reason":"duplicate","a":1}']
)
def test_a_refusal_takes_one_of_the_reasons(desk: PrivacyDesk, body: bytes) -> None:
    request = desk.received("access", identifiers=identifiers(email="ann@example.com"))
    assert refused(lambda: desk.manage.refuse(request.request_id, body))[0] == 400
    assert desk.state(request.request_id) == "received"
    assert "duplicate" in REASONS


def test_unknown_requests_and_what_is_not_there_yet(desk: PrivacyDesk) -> None:
    for name in ("x", "", "../x", "é", "f" * 32):
        for look in (desk.manage.one, desk.manage.fulfil, desk.manage.export, desk.manage.receipt):
            assert refused(lambda look=look, name=name: look(name)) == (404, "unknown_request")  # type: ignore[misc]
    asked = desk.ask("access", EMAIL)["request_id"]
    assert refused(lambda: desk.manage.export(asked)) == (404, "no_export")
    assert refused(lambda: desk.manage.receipt(asked)) == (404, "no_receipt")
    assert refused(lambda: desk.manage.show({"state": "open"})) == (400, "invalid_state")


def test_each_step_may_be_repeated(desk: PrivacyDesk) -> None:
    asked = [desk.ask("access", EMAIL), desk.ask("restriction", EMAIL), desk.ask("erasure", "user_id:nobody")]
    desk.run(times=2)
    assert [desk.state(one["request_id"]) for one in asked] == ["done"] * 3
    assert [name for name, _, _ in desk.processor.counted].count("PrivacyRequestsDone") == len(asked)


def mixed_up(desk: PrivacyDesk) -> None:
    """Ben is taken for Ann, and an operator unlinks them."""
    desk.processor.send(identify({"shoes": 43}, identifiers=identifiers(loyalty_id="ben")))
    desk.processor.send(event(identifiers=identifiers(user_id="ann", loyalty_id="ben")))
    later(desk)
    whole = desk.processor.profile("user_id", "ann")
    assert whole.trait_values() == {"first_name": "Ann", "shoes": 43}
    desk.processor.send(unlink_event(whole.profile_id, *identifiers(loyalty_id="ben")))
    later(desk)


def test_who_was_unlinked_from_them_and_has_what_was_theirs_is_folded_apart_first(desk: PrivacyDesk) -> None:
    """Afterwards nobody could: the lake would hold the rows of one of them only."""
    mixed_up(desk)
    desk.ask("erasure", "loyalty_id:ben")
    desk.carry()
    position = desk.fulfil.begin(RUN, None)
    assert (position["next"], position["rebuilds"]) == ("sweep", True)
    rebuilt = desk.rebuild(position["rebuild"])
    assert (rebuilt["rebuilt"], rebuilt["incomplete"]) == (1, 0)
    assert desk.processor.profile("user_id", "ann").trait_values() == {"first_name": "Ann"}


def test_nobody_gets_a_receipt_while_somebody_else_holds_what_was_theirs(desk: PrivacyDesk) -> None:
    """The lake has forgotten the time when they were one: after three days they are folded apart all the same."""
    mixed_up(desk)
    rows = list(desk.processor.lake.rows)
    desk.processor.lake.rows[:] = rows[:1] + rows[3:]  # not what Ben said of his shoes
    desk.processor.send(identify({"city": "Kiel"}, identifiers=ANN, time=desk.clock()))
    desk.processor.lake.rows.pop()  # of Ann's own nothing has arrived yet
    asked = desk.ask("erasure", "loyalty_id:ben")["request_id"]
    assert desk.run() == ["wait", "sweep", "finish", "over"]
    assert (desk.state(asked), desk.swept) == ("running", [])
    assert desk.processor.profile("user_id", "ann").trait_values()["shoes"] == 43
    later(desk, PATIENCE)
    assert desk.run("three days later") == ["sweep", "sweep", "over"]
    assert desk.state(asked) == "done"
    ann = desk.processor.profile("user_id", "ann")
    assert ann.trait_values() == {"first_name": "Ann", "city": "Kiel"}
    assert not is_pending(ann)


def test_who_was_folded_apart_though_a_row_of_theirs_was_late_is_whole_once_it_has_come(desk: PrivacyDesk) -> None:
    mixed_up(desk)
    ann, keys = identifiers(user_id="ann"), [key_of("user_id", "ann")]
    desk.ask("erasure", "loyalty_id:ben")
    desk.carry()
    rows = desk.processor.lake.rows
    for name in ("late", "lost"):
        desk.processor.send(event("Product Viewed", identifiers=ann, time=desk.clock(), message_id=name))
    lost, late = rows.pop(), rows.pop()
    assert desk.rebuild(keys, anyway=True)["rebuilt"] == 1
    assert desk.processor.profile("user_id", "ann").events == 2
    later(desk, 8 * DAY)  # what was told before is not remembered any more
    desk.processor.send(event("Product Viewed", identifiers=ann, time=desk.clock(), message_id="since"))
    nobodys = late.replace(b"late", b"more")  # nobody's commit tells of that one
    rows += [late, lost, nobodys]
    assert desk.rebuild(keys)["incomplete"] == 1
    del rows[-3:]
    for row, events in ((late, 4), (lost, 5)):
        later(desk, 2 * DAY)
        rows.append(row)
        assert desk.rebuild(keys)["rebuilt"] == 1
        assert desk.rebuild(keys)["unchanged"] == 1
        assert desk.processor.profile("user_id", "ann").events == events
    rows.append(nobodys)
    assert desk.rebuild(keys)["incomplete"] == 1


def test_who_waits_for_others_to_be_folded_apart_keeps_nobody_else_waiting(desk: PrivacyDesk) -> None:
    mixed_up(desk)
    desk.processor.lake.rows.pop(0)
    desk.processor.send(identify({}, identifiers=identifiers(user_id="eve")))
    later(desk)
    stuck = desk.ask("erasure", "loyalty_id:ben")["request_id"]
    other = desk.ask("erasure", "user_id:eve")["request_id"]
    desk.run()
    assert (desk.state(stuck), desk.state(other)) == ("running", "done")
    assert desk.swept == [[other]]


def test_who_is_folded_apart_already_is_left_as_they_are(desk: PrivacyDesk) -> None:
    mixed_up(desk)
    desk.rebuild([key_of("user_id", "ann"), key_of("loyalty_id", "ben")])
    desk.ask("erasure", "loyalty_id:ben")
    desk.carry()
    assert desk.fulfil.begin(RUN, None)["rebuild"] == []
