"""When a message may leave. Every case starts from one that may, and takes one thing away."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from attune.domain.campaigns.sending import Decision, NotSent, Reason, Send, decide, message_context, triggered
from attune.domain.consent.gate import Refusal, Refused
from attune.domain.definitions.kinds import Eligibility, Trigger
from attune.domain.profiles.carts import Cart
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.consent import RESTRICTION, Consent
from attune.domain.profiles.profile import Profile, Timer, Trait
from attune.domain.segments import compile_segments
from tests.builders import MINUTE, NOW, campaign, channel, definitions, profile_id

CAUSE = SegmentEntered("abandoned_cart", NOW, "cart-1")
DEFINITIONS = definitions()
COMPILED = compile_segments(DEFINITIONS)
GRANTED = {purpose: Consent(True, NOW - 60 * MINUTE, "shop") for purpose in ("analytics", "personalization", "email")}


def shopper(**overrides: Any) -> Profile:
    """Left cart-1 alone 15 minutes before NOW, and consents to everything."""
    keyed = COMPILED.segments["abandoned_cart"].keyed
    assert keyed is not None
    fields: dict[str, Any] = {
        "profile_id": profile_id(),
        "consent": dict(GRANTED),
        "timers": {keyed.slot: {"cart-1": Timer(did=NOW - 15 * MINUTE)}},
        "traits": {"first_name": Trait("Ada", NOW, b"1"), "gone": Trait(None, NOW, b"2")},
    }
    return Profile(**(fields | overrides))


def decided(**overrides: Any) -> Decision:
    fields: dict[str, Any] = {
        "campaign": campaign(),
        "channel": channel(),
        "cause": CAUSE,
        "profile": shopper(),
        "held": {},
        "compiled": COMPILED,
        "now": NOW + MINUTE,
    }
    return decide(**(fields | overrides))


def test_a_shopper_in_the_segment_with_consent_is_sent_to() -> None:
    assert isinstance(decided(), Send)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("campaign", Reason.NO_CAMPAIGN), ("channel", Reason.NO_CHANNEL), ("profile", Reason.NO_PROFILE)],
)
def test_what_is_no_longer_there_refuses(missing: str, reason: Reason) -> None:
    assert decided(**{missing: None}) == NotSent(reason)


@pytest.mark.parametrize("purpose", ["personalization", "email"])
def test_both_purposes_are_needed_and_silence_is_no_consent(purpose: str) -> None:
    silent = {name: record for name, record in GRANTED.items() if name != purpose}
    withdrawn = GRANTED | {purpose: Consent(False, NOW, "shop")}
    for consent, why in ((silent, Refusal.NO_CONSENT), (withdrawn, Refusal.WITHDRAWN)):
        refused = NotSent(Reason.NO_CONSENT, purpose, Refused(purpose, why))
        assert decided(profile=shopper(consent=consent)) == refused


def test_what_was_granted_until_now_is_granted_no_more() -> None:
    at = NOW + MINUTE
    for until, expired in ((at + 1, False), (at, True), (at - 1, True)):
        consent = GRANTED | {"email": replace(GRANTED["email"], until=until)}
        refused = NotSent(Reason.EXPIRED, "email", Refused("email", Refusal.EXPIRED))
        found = decided(profile=shopper(consent=consent), now=at)
        assert found == refused if expired else isinstance(found, Send)


def test_who_is_restricted_is_sent_nothing_until_the_restriction_ends() -> None:
    restricted = {RESTRICTION: Consent(False, NOW, "shop")}
    refused = NotSent(Reason.RESTRICTED, "", Refused("", Refusal.RESTRICTED))
    assert decided(profile=shopper(consent=GRANTED | restricted)) == refused
    assert decided(held={RESTRICTION: NOW}) == refused
    ended = {RESTRICTION: Consent(True, NOW + 1, "shop", since=NOW)}
    assert isinstance(decided(profile=shopper(consent=GRANTED | ended), held={RESTRICTION: NOW}), Send)
    assert decided(profile=shopper(consent=GRANTED | ended), held={RESTRICTION: NOW + 1}) == refused


def test_the_channels_own_purpose_is_asked_for() -> None:
    assert decided(channel=channel(purpose="sms")) == NotSent(
        Reason.NO_CONSENT, "sms", Refused("sms", Refusal.NO_CONSENT)
    )


def test_a_hold_newer_than_the_consent_refuses_and_an_older_one_does_not() -> None:
    said_at = GRANTED["email"].at
    held = NotSent(Reason.HELD, "email", Refused("email", Refusal.HELD))
    assert decided(held={"email": said_at + 1}) == held
    assert decided(held={"email": said_at}) == held
    assert isinstance(decided(held={"email": said_at - 1}), Send)


def test_a_hold_for_another_purpose_does_not_matter() -> None:
    assert isinstance(decided(held={"sms": NOW}), Send)


def test_who_came_back_to_the_cart_is_no_longer_in_the_segment() -> None:
    back = shopper()
    next(iter(back.timers.values()))["cart-1"].did = NOW
    assert decided(profile=back) == NotSent(Reason.LEFT_SEGMENT, "abandoned_cart")


def test_an_order_cancels_and_another_cart_does_not_stand_in() -> None:
    ordered = shopper()
    timers = next(iter(ordered.timers.values()))
    timers["cart-1"].without = NOW
    timers["cart-2"] = Timer(did=NOW - 15 * MINUTE)
    assert decided(profile=ordered) == NotSent(Reason.LEFT_SEGMENT, "abandoned_cart")


def test_a_segment_that_is_gone_refuses() -> None:
    assert decided(cause=SegmentEntered("forgotten", NOW)) == NotSent(Reason.LEFT_SEGMENT, "forgotten")


def test_a_clock_behind_the_writers_does_not_undo_the_entry() -> None:
    assert isinstance(decided(now=NOW - 50), Send)


def test_eligibility_asks_for_segments_under_any_key() -> None:
    inside = Eligibility(in_segments=("abandoned_cart",))
    outside = Eligibility(in_segments=("keen",))
    never = Eligibility(not_in_segments=("abandoned_cart",))
    assert isinstance(decided(campaign=campaign(eligibility=inside)), Send)
    assert decided(campaign=campaign(eligibility=outside)) == NotSent(Reason.NOT_ELIGIBLE, "keen")
    assert decided(campaign=campaign(eligibility=never)) == NotSent(Reason.NOT_ELIGIBLE, "abandoned_cart")


def test_not_to_be_in_an_unknown_segment_cannot_be_answered_so_it_refuses() -> None:
    unknown = Eligibility(not_in_segments=("forgotten",))
    assert decided(campaign=campaign(eligibility=unknown)) == NotSent(Reason.NOT_ELIGIBLE, "forgotten")


def test_only_entries_start_campaigns_each_in_order() -> None:
    second = campaign(id="a_second")
    other = campaign(id="other", trigger=Trigger(segment="keen"))
    changes = (SegmentLeft("abandoned_cart", NOW, "cart-0"), SegmentEntered("keen", NOW), CAUSE)
    started = triggered(definitions(second, other), changes)
    assert [(one.id, cause.segment) for one, cause in started] == [
        ("other", "keen"),
        ("a_second", "abandoned_cart"),
        ("cart_reminder", "abandoned_cart"),
    ]


def test_the_template_sees_the_customer_and_the_cart_of_the_cause() -> None:
    carts = {"cart-1": Cart(products=[{"sku": "tea", "quantity": 2}]), "cart-2": Cart()}
    context = message_context(campaign(name="Cart"), CAUSE, shopper(carts=carts), compiled=COMPILED, now=NOW)
    assert context == {
        "profile": {"profile_id": profile_id(), "segments": ["abandoned_cart"]},
        "traits": {"first_name": "Ada"},
        "campaign": {"id": "cart_reminder", "name": "Cart"},
        "cart": {"products": [{"sku": "tea", "quantity": 2}]},
    }


def test_there_is_no_cart_where_the_cause_has_none() -> None:
    assert "cart" not in message_context(campaign(), CAUSE, shopper(), compiled=COMPILED, now=NOW)
