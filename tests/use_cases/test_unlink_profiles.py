"""An operator says that two are not one: from the API over the stream to two profiles, and what they are since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryStream, PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.domain.changes import SegmentEntered
from attune.domain.errors import AttuneError
from attune.domain.events import LIST, UNLINK, Origin, decode_record
from attune.domain.identifiers import UNLINKING, Identifier
from attune.domain.profiles import Profile
from attune.ports import StreamUnavailableError
from attune.use_cases.rebuild_profiles import RebuildProfiles
from attune.use_cases.unlink_profiles import MAX_LEAVING, MAX_REASON, UnlinkProfiles
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Pseudonyms,
    consent_event,
    event,
    identifiers,
    identify,
    key_of,
    record,
)
from tests.faults.unlinking import unlink_event
from tests.use_cases.test_process_events import Processor

ANN, BEN = identifiers(user_id="ann"), identifiers(email="ben@example.com")
PHONE, TABLET = identifiers(anonymous_id="phone"), identifiers(anonymous_id="tablet")
BODY = {"identifiers": ["email:ben@example.com", "anonymous_id:phone"], "reason": "Ben rang up: the tablet is Ann's"}
ADMIN = "the admin's key"


class Desk:
    """The API beside a processor that works off what it puts on the stream, and a rebuild of the same stores."""

    def __init__(self) -> None:
        self.processor = Processor()
        self.stream = MemoryStream()
        self.unlink_profiles = UnlinkProfiles(
            profiles=self.processor.store,
            stream=self.stream,
            pseudonyms=Pseudonyms(),
            admin_key=lambda: ADMIN,
            clock=lambda: self.processor.now,
        )

    def unlink(self, address: str = "user_id:ann", body: Any = None) -> dict[str, Any]:
        return self.unlink_profiles(address, json.dumps(BODY if body is None else body).encode())

    def carry(self) -> None:
        """The stream carries what was put on it."""
        self.processor(*(decode_record(stored.data) for stored in self.stream.records))
        self.stream.records.clear()

    def rebuild(self, *named: Identifier) -> dict[str, Any]:
        store = self.processor.store
        rebuild = RebuildProfiles(
            profiles=store,
            history=MemoryHistory(lambda: self.processor.lake.rows, store),
            definitions=self.processor.definitions,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            count=lambda *_: None,
            pause=lambda _: None,
        )
        return rebuild([Pseudonyms().key(one) for one in named], None, lambda: True)

    def ann(self) -> Profile:
        return self.processor.profile("user_id", "ann")

    def ben(self) -> Profile:
        return self.processor.profile("email", "ben@example.com")

    def wake_all(self) -> None:
        for item in self.processor.store.all_items():
            if item.due_at is not None and item.due_at <= self.processor.now:
                self.processor.wake(item.profile_id)

    def told(self) -> list[tuple[str, str]]:
        """Carts that campaigns heard of, and whose."""
        images = self.processor.store.images()
        entries = [(item.profile_id, one) for item in images for one in item.outbox if isinstance(one, SegmentEntered)]
        return [(profile_id, one.key) for profile_id, one in entries if one.segment == "abandoned_cart"]


@pytest.fixture
def desk() -> Desk:
    """Ann has a tablet, Ben a phone; once Ben's phone was seen under Ann's name, and so they are one."""
    made = Desk()
    send = made.processor.send
    send(identify({"name": "Ann", "city": "Bonn"}, identifiers=ANN + TABLET, time=NOW - 5 * HOUR))
    send(event("Product Viewed", identifiers=BEN + PHONE, traits={"name": "Ben"}, time=NOW - 4 * HOUR))
    send(event("Product Viewed", identifiers=ANN + PHONE, time=NOW - 3 * HOUR))
    send(event("Product Viewed", identifiers=BEN, traits={"shoes": 43}, time=NOW - 2 * HOUR))
    assert made.ann() == made.ben()
    return made


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code


def names(profile: Profile) -> set[str]:
    return {link.identifier.value for link in profile.links.values()}


# ---------------------------------------------------------------------------------------------------------- the API


def test_what_is_accepted_goes_to_the_stream_under_the_profile(desk: Desk) -> None:
    answer = desk.unlink()
    [stored] = desk.stream.records
    sent = decode_record(stored.data)
    [said] = sent.events
    profile_id = desk.ann().profile_id
    assert answer == {
        "accepted": True,
        "message_id": said.message_id,
        "profile_id": profile_id,
        "unlinked": False,
    }
    assert (stored.partition_key, sent.origin, said.type) == (profile_id, Origin.INTERNAL, UNLINK)
    assert said.identifiers == BEN + PHONE
    assert said.properties["reason"] == BODY["reason"]
    assert desk.ann() == desk.ben()  # nothing has happened yet


def test_any_identifier_of_the_profile_addresses_it_also_one_that_leaves(desk: Desk) -> None:
    desk.unlink("anonymous_id:phone")
    desk.carry()
    assert names(desk.ben()) == {"ben@example.com", "phone"}
    assert names(desk.ann()) == {"ann", "tablet"}


def test_only_the_admin_key_is_let_in(desk: Desk) -> None:
    desk.unlink_profiles.authorise(ADMIN)
    for token in (None, "", "another"):
        assert refused(lambda token=token: desk.unlink_profiles.authorise(token)) == (401, "unknown_admin_key")  # type: ignore[misc] # mypy: lambdas with defaults


@pytest.mark.parametrize(
    ("address", "named", "answer"),
    [
        ("user_id:nobody", ["email:ben@example.com"], (404, "unknown_profile")),
        ("nobody", ["email:ben@example.com"], (400, "invalid_identifier")),
        ("user_id:ann", ["ben@example.com"], (400, "invalid_identifier")),
        ("user_id:ann", ["email:nobody@example.com"], (409, "not_linked")),
        ("user_id:ann", ["email:ben@example.com", "user_id:dee"], (409, "not_linked")),
        (
            "user_id:ann",
            ["email:ben@example.com", "anonymous_id:phone", "user_id:ann", "anonymous_id:tablet"],
            (409, "nothing_left"),
        ),
        ("user_id:ann", [], (400, "invalid_body")),
        ("user_id:ann", ["email:ben@example.com"] * (MAX_LEAVING + 1), (400, "invalid_body")),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_sent(
    desk: Desk, address: str, named: list[str], answer: tuple[int, str]
) -> None:
    desk.processor.send(event(identifiers=identifiers(user_id="dee")))
    assert refused(lambda: desk.unlink(address, {"identifiers": named, "reason": "why"})) == answer
    assert desk.stream.records == []


@pytest.mark.parametrize(
    "body",
    [
        {"identifiers": BODY["identifiers"]},
        BODY | {"reason": "  "},
        BODY | {"reason": "x" * (MAX_REASON + 1)},
        BODY | {"reason": 1},
        BODY | {"identifiers": "email:ben@example.com"},
        BODY | {"more": 1},
    ],
)
def test_a_body_of_another_shape_is_refused(desk: Desk, body: Any) -> None:
    assert refused(lambda: desk.unlink(body=body)) == (400, "invalid_body")


def test_the_same_request_again_changes_nothing(desk: Desk) -> None:
    first, second = desk.unlink(), desk.unlink()
    assert second["message_id"] == first["message_id"]
    desk.carry()
    after = [desk.ann(), desk.ben()]
    again = desk.unlink()
    assert again == first | {"unlinked": True}
    assert desk.stream.records == []
    assert [desk.ann(), desk.ben()] == after
    assert len(desk.processor.store.all_items()) == 3  # Ann with what she absorbed, and Ben


def test_where_the_stream_is_out_of_reach_nothing_has_happened(desk: Desk) -> None:
    class Away(MemoryStream):
        def put(self, records: Any) -> None:
            raise StreamUnavailableError

    desk.unlink_profiles._stream = Away()
    with pytest.raises(StreamUnavailableError):
        desk.unlink()
    assert desk.ann() == desk.ben()


# --------------------------------------------------------------------------------------------- until both are rebuilt


def test_the_new_profile_has_identifiers_and_consent_and_the_old_one_all_that_was_done(desk: Desk) -> None:
    before = desk.ann()
    desk.unlink()
    desk.carry()
    ann, ben = desk.ann(), desk.ben()
    assert (names(ann), names(ben)) == ({"ann", "tablet"}, {"ben@example.com", "phone"})
    assert (ann.events, ann.trait_values()) == (4, before.trait_values())
    assert (ben.events, ben.trait_values(), ben.activity, ben.memberships) == (0, {}, None, {})
    assert ben.consent == before.consent
    assert ben.data_key != ann.data_key


def test_the_new_profile_is_founded_by_its_strongest_identifier_in_a_raised_generation(desk: Desk) -> None:
    """Whoever founds a profile tries the generations from 0 on: no fold that lost its race may have used this id."""
    desk.unlink()
    desk.carry()
    ben, key = desk.ben(), key_of("email", "ben@example.com")
    assert (ben.first, ben.generation) == (key, UNLINKING)
    assert ben.profile_id == Pseudonyms().profile_id(key, UNLINKING)
    bound = desk.processor.store.identities([key], consistent=True)[key]
    assert (bound.profile_id, bound.generation) == (ben.profile_id, UNLINKING)


def test_versions_of_the_new_profile_go_on_where_the_old_one_was(desk: Desk) -> None:
    """What a worker archived for the old one, and lost its race by the unlinking, must not count in the lake."""
    before = desk.processor.item("user_id", "ann")
    desk.unlink()
    desk.carry()
    after = [desk.processor.item(*who) for who in (("user_id", "ann"), ("email", "ben@example.com"))]
    assert [item.version for item in after if item and before] == [before.version + 1] * 2  # type: ignore[union-attr]


def test_the_founder_of_the_old_profile_may_be_what_leaves_it(desk: Desk) -> None:
    old = desk.ann()
    founder = old.links[old.first].identifier
    desk.unlink("email:ben@example.com", {"identifiers": [f"{founder.namespace}:{founder.value}"], "reason": "why"})
    desk.carry()
    new = desk.processor.profile(founder.namespace, founder.value)
    assert new.profile_id != desk.ben().profile_id == old.profile_id


def test_the_ledger_of_the_new_profile_is_a_chain_of_its_own(desk: Desk) -> None:
    desk.processor.send(consent_event({"email": False}, identifiers=ANN, time=NOW - HOUR))
    desk.unlink()
    desk.carry()
    store, ben = desk.processor.store, desk.ben()
    entries = store.ledger(ben.profile_id)
    assert {entry.purpose: entry.granted for entry in entries} == {p: said.granted for p, said in ben.consent.items()}
    assert not ben.consent["email"].granted  # the stricter word, whoever gave it
    assert [entry.previous for entry in entries] == ["", *(entry.digest for entry in entries[:-1])]
    for number, entry in enumerate(entries, 1):
        parts = [entry.profile_id, number, entry.purpose, entry.granted, entry.effective_at, entry.source]
        body = "\x1f".join(map(str, [*parts, entry.recorded_at])).encode()
        assert entry.digest == hashlib.sha256(bytes.fromhex(entry.previous) + body).hexdigest()
    desk.processor.send(consent_event({"email": True}, identifiers=BEN, time=NOW))
    assert len(store.ledger(ben.profile_id)) == len(entries) + 1
    assert not desk.ann().consent["email"].granted


def test_who_may_be_whose_is_told_in_the_lake(desk: Desk) -> None:
    answer = desk.unlink()
    desk.carry()
    [row] = [row for row in desk.processor.rows() if row["message_id"] == answer["message_id"]]
    assert (row["type"], row["verdict"], row["profile_id"]) == (UNLINK, "applied", desk.ann().profile_id)
    assert "rang" not in json.dumps(row)  # sealed


def test_a_redelivery_applies_to_neither(desk: Desk) -> None:
    sent = [
        *desk.processor.send(event("Order Completed", identifiers=BEN, message_id="b")),
        *desk.processor.send(event("Order Completed", identifiers=ANN, message_id="a")),
    ]
    desk.unlink()
    desk.carry()
    before = [desk.ann(), desk.ben()]
    desk.processor.now += 3 * DAY  # nobody remembers the ids any more
    rows = len(desk.processor.lake.rows)
    assert desk.processor.process(sent) == []
    assert [desk.ann(), desk.ben()] == before
    assert len(desk.processor.lake.rows) == rows


def test_what_a_producer_repeats_is_known_to_both_also_from_pages_and_as_whole_requests(desk: Desk) -> None:
    by_ben = [event(identifiers=BEN, message_id=f"b{n}", time=NOW + n) for n in range(40)]
    by_ann = [event(identifiers=ANN, message_id=f"a{n}", time=NOW + n) for n in range(40)]
    desk.processor.now += MINUTE
    for one in by_ben[:35] + by_ann[:35]:
        desk.processor.send(one)
    desk.processor.send(*by_ben[35:])
    desk.processor.send(*by_ann[35:])
    assert desk.processor.item("user_id", "ann").pages  # type: ignore[union-attr]
    desk.unlink()
    desk.carry()
    before = desk.ann().events, desk.ben().events
    for one in by_ben[:35] + by_ann[:35]:
        desk.processor.send(one)
    desk.processor.send(*by_ben[35:])
    desk.processor.send(*by_ann[35:])
    assert (desk.ann().events, desk.ben().events) == before


def test_nobody_is_scored_or_announced_before_both_are_folded_apart(desk: Desk) -> None:
    added = event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=NOW)
    desk.processor.now = NOW + SECOND
    desk.processor.send(added)
    desk.unlink()
    desk.carry()
    desk.processor.now = NOW + HOUR
    desk.wake_all()
    assert desk.told() == []
    due = [item.due_at for item in desk.processor.store.all_items() if item.due_at is not None]
    assert min(due) >= desk.processor.now + 15 * MINUTE  # and nobody is woken each minute until then
    assert desk.rebuild(*ANN)["rebuilt"] == 2
    for _ in range(2):
        desk.processor.now += MINUTE
        desk.wake_all()
    assert desk.told() == [(desk.ben().profile_id, "c")]


def test_a_cart_that_was_told_is_not_told_again_by_the_other(desk: Desk) -> None:
    desk.processor.send(event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=NOW))
    for _ in range(3):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert desk.told() == [(desk.ann().profile_id, "c")]
    # touched and left again, without an order, and unlinked in between
    touched = desk.processor.now
    desk.processor.send(event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=touched))
    desk.unlink()
    desk.carry()
    assert desk.rebuild(*BEN)["rebuilt"] == 2
    for _ in range(4):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert len(desk.told()) == 1
    # ordered, and left again
    for name, pause in (("Order Completed", MINUTE), ("Product Added", 2 * MINUTE)):
        at = desk.processor.now + pause
        desk.processor.now = at
        desk.processor.send(event(name, identifiers=BEN, properties={"cart_id": "c"}, time=at))
    for _ in range(4):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert desk.told()[1:] == [(desk.ben().profile_id, "c")]


# ------------------------------------------------------------------------------------------------- folded apart


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


# ------------------------------------------------------------------------------------------- races and bad input


@pytest.mark.parametrize("leaving", [PHONE, identifiers(cart_token="t")])
def test_an_identifier_that_another_worker_still_takes_for_the_old_ones_is_read_again(
    desk: Desk, leaving: tuple[Identifier, ...]
) -> None:
    """It has met the profile since, by another name; who the identifier belongs to it remembers from before."""
    desk.processor.send(event(identifiers=BEN + identifiers(cart_token="t")))
    other = Processor(store=desk.processor.store)
    other.send(event(identifiers=leaving))
    named = [f"{one.namespace}:{one.value}" for one in BEN + leaving]
    desk.unlink(body=BODY | {"identifiers": named})
    desk.carry()
    other.send(event(identifiers=ANN, message_id="another name"))
    before = desk.ann().events
    other.send(event(identifiers=leaving, message_id="after"))
    assert (desk.ann().events, desk.ben().events) == (before, 1)
    assert names(desk.ann()).isdisjoint({leaving[0].value})


def test_nothing_is_archived_for_whom_an_identifier_has_left(desk: Desk) -> None:
    other = Processor(store=desk.processor.store)
    other.send(event(identifiers=PHONE))
    desk.unlink()
    desk.carry()
    other.send(event(identifiers=ANN))
    other.send(event(identifiers=PHONE, message_id="after"))
    assert {row["profile_id"] for row in other.rows() if row["message_id"] == "after"} == {desk.ben().profile_id}


def test_in_one_batch_what_comes_before_is_the_old_ones_and_what_comes_after_the_new(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    desk.processor(
        record(event(identifiers=BEN, message_id="before", time=NOW)),
        record(event(identifiers=ANN, message_id="hers", time=NOW)),
        record(unlink_event(profile_id, *BEN, *PHONE, time=NOW)),
        record(event(identifiers=BEN, message_id="after", time=NOW)),
        record(unlink_event(profile_id, *TABLET, time=NOW)),
        record(event(identifiers=TABLET, message_id="alone", time=NOW)),
    )
    tablet = desk.processor.profile("anonymous_id", "tablet")
    assert (desk.ann().events, desk.ben().events, tablet.events) == (6, 1, 1)
    assert desk.rebuild()["incomplete"] == 0
    assert (desk.ann().events, desk.ben().events) == (3, 4)


def test_in_one_batch_the_old_one_may_merge_with_somebody_else_after_it(desk: Desk) -> None:
    """Whose rows its own then are, of a version that is not of the unlinking."""
    shop = identifiers(shopify_customer_id="7")
    desk.processor.send(event(identifiers=shop, time=NOW - 9 * HOUR))
    profile_id = desk.ann().profile_id
    desk.processor(
        record(event(identifiers=ANN, message_id="before", time=NOW)),
        record(unlink_event(profile_id, *ANN, *TABLET, time=NOW)),
        record(event(identifiers=shop + BEN, message_id="after", time=NOW)),
    )
    assert desk.rebuild()["incomplete"] == 0
    assert (desk.ann().events, desk.ben().events) == (3, 4)


def test_what_was_not_linked_any_more_when_it_was_read_changes_nothing(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    rows = len(desk.processor.lake.rows)
    before = desk.ann()
    for leaving in (BEN + identifiers(user_id="dee"), ANN + BEN + PHONE + TABLET, ()):
        desk.processor(record(unlink_event(profile_id, *leaving, time=NOW), key=profile_id))
    desk.processor(record(unlink_event("0" * 32, *BEN, time=NOW), key="0" * 32))
    assert desk.ann() == before
    assert len(desk.processor.lake.rows) == rows
    dropped = [told for name, _, told in desk.processor.counted if name == "Events" and told["outcome"] == "dropped"]
    assert [told["reason"] for told in dropped] == ["not_linked"] * 3 + ["unknown_profile"]


def test_a_client_cannot_unlink_anybody(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    sent = record(
        unlink_event(profile_id, *BEN, time=NOW), origin=Origin.CLIENT, key=key_of("email", "ben@example.com")
    )
    desk.processor(sent)
    assert desk.ann() == desk.ben()
    assert [kept.reason for kept in desk.processor.quarantine.all()] == ["reserved_name"]


def test_an_empty_mark_weighs_nothing() -> None:
    desk = Desk()
    desk.processor.send(event(identifiers=PHONE))
    item = desk.processor.item("anonymous_id", "phone")
    assert item is not None
    assert b"sp" not in msgspec.msgpack.decode(item.state)
    assert "sp" not in msgspec.msgpack.decode(item.state)
