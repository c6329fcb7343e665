"""What a definition refers to exists, and what it states can come true."""

from __future__ import annotations

import msgspec
import pytest

from attune.domain.checks.definitions import check, users
from attune.domain.definitions.computations import Counter
from attune.domain.definitions.conditions import AllOf, SegmentTest, TraitTest
from attune.domain.definitions.kinds import ComputedTrait, Definition, Definitions, Eligibility, Segment, Trigger
from attune.domain.profiles.consent import PURPOSES
from tests.builders import campaign, cart_segment, channel, definition_list, definitions, source, views_segment


def problems(definition: Definition, others: Definitions | None = None) -> list[str]:
    return check(definition, definitions() if others is None else others)


@pytest.mark.parametrize("definition", definition_list(), ids=lambda one: one.id)
def test_sound_definitions_have_no_problems(definition: Definition) -> None:
    assert problems(definition) == []


def test_a_campaign_needs_its_segments_and_its_channel() -> None:
    lost = campaign(
        trigger=Trigger(segment="gone"),
        eligibility=Eligibility(in_segments=("keen", "lost"), not_in_segments=("missing",)),
        channel="nowhere",
    )
    assert problems(lost) == [
        "$.trigger.segment: there is no segment `gone`",
        "$.eligibility.in_segments[1]: there is no segment `lost`",
        "$.eligibility.not_in_segments[0]: there is no segment `missing`",
        "$.channel: there is no channel `nowhere`",
    ]


def test_a_campaign_that_nobody_can_be_eligible_for_is_refused() -> None:
    never = campaign(eligibility=Eligibility(in_segments=("keen",), not_in_segments=("abandoned_cart", "keen")))
    assert problems(never) == [
        "$.eligibility.not_in_segments: holds the trigger's segment, so nobody would be eligible",
        "$.eligibility: `keen` is both required and refused",
    ]


def test_a_template_that_cannot_be_rendered_is_refused_with_its_place() -> None:
    [problem] = problems(campaign(message={"subject": "Hello {{ traits.first_name "}))
    assert problem.startswith("$.message.subject: ")


def test_purposes_are_the_known_ones() -> None:
    wrong = source(consent={"emails": True}, consent_categories={"ads": ("advertising", "tracking")})
    known = ", ".join(PURPOSES)
    assert problems(wrong) == [
        f"$.consent.emails: `emails` is not a consent purpose; known are {known}",
        f"$.consent_categories.ads[1]: `tracking` is not a consent purpose; known are {known}",
    ]
    assert problems(channel(purpose="fun")) == [f"$.purpose: `fun` is not a consent purpose; known are {known}"]


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/hooks", "https://shop.example:8443/a?b=c", "http://127.0.0.1:9000/x", "http://[::1]:80/"],
)
def test_a_channel_may_lead_to(url: str) -> None:
    assert problems(channel(url=url)) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/hooks",
        "http://shop.example/hooks",
        "ftp://shop.example/",
        "https://",
        "https://user:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:port/",
        "https://[::1/",
        "https://shop .example/",
        "https://shop.example\\@evil.example/",
        "https://shöp.example/",
        "https://shop.example/\n",
        "javascript:alert(1)",
        "http://localhost.evil.example/",
    ],
)
def test_a_channel_may_not_lead_to(url: str) -> None:
    [problem] = problems(channel(url=url))
    assert problem.startswith("$.url: ")


@pytest.mark.parametrize("origin", ["https://shop.example", "https://shop.example:8443", "http://localhost:8080"])
def test_an_origin_is_scheme_host_and_port(origin: str) -> None:
    assert problems(source(origins=(origin,))) == []


@pytest.mark.parametrize(
    "origin", ["*", "null", "shop.example", "https://shop.example/", "https://Shop.example", "http://shop.example"]
)
def test_an_origin_that_no_browser_would_send_is_refused(origin: str) -> None:
    [problem] = problems(source(origins=("https://a.example", origin)))
    assert problem.startswith("$.origins[1]: ")


def test_a_shopify_source_names_its_shop_and_no_origins() -> None:
    assert problems(source(type="shopify", shop_domain="my-shop.myshopify.com", origins=())) == []
    assert problems(source(type="shopify", shop_domain="shop.example")) == [
        "$.origins: only a source of type http has one",
        "$.shop_domain: must be the shop's permanent domain, such as my-shop.myshopify.com",
    ]
    assert problems(source(shop_domain="my-shop.myshopify.com")) == [
        "$.shop_domain: only a source of type shopify has one"
    ]


def test_an_id_with_a_line_feed_at_its_end_is_refused() -> None:
    assert problems(views_segment(id="keen\n")) == ["$.id: is not a valid id"]


def test_what_a_campaign_refers_to_is_in_use() -> None:
    others = definitions(campaign(eligibility=Eligibility(not_in_segments=("keen",))))
    assert users("segment", "abandoned_cart", others) == ["campaign cart_reminder"]
    assert users("segment", "keen", others) == ["campaign cart_reminder"]
    assert users("channel", "shop_webhook", others) == ["campaign cart_reminder"]
    assert users("channel", "other", others) == []
    assert users("source", "shop_webhook", others) == []
    assert users("segment", cart_segment(id="other").id, others) == []


# --------------------------------------------------------------------------------------- segments that ask for others


def asking(name: str, *others: str) -> Segment:
    return Segment(id=name, when=AllOf(conditions=tuple(SegmentTest(segment=one) for one in others)))


def test_a_segment_asks_only_for_segments_that_are_there() -> None:
    others = definitions(asking("a", "keen"))
    assert check(asking("b", "a", "keen"), others) == []
    assert check(asking("b", "a", "gone"), others) == ["$.when.conditions[1].segment: there is no segment `gone`"]


def test_segments_that_ask_for_each_other_are_refused_whatever_lies_between() -> None:
    others = definitions(asking("a", "keen"), asking("b", "a"), asking("c", "b"))
    said = "asks for `a` itself, so neither could ever be told"
    assert check(asking("a", "c"), others) == [f"$.when.conditions[0].segment: segment `c` {said}"]
    assert check(asking("a", "a"), others) == [f"$.when.conditions[0].segment: segment `a` {said}"]
    assert check(asking("a", "keen"), others) == []


def test_what_waits_to_take_over_counts_as_much_as_what_serves() -> None:
    serving = definitions(asking("a", "keen"), asking("b", "keen"))
    others = msgspec.structs.replace(serving, pending={"b": asking("b", "a"), "d": asking("d", "keen")})
    assert len(check(asking("a", "b"), others)) == 1
    assert check(asking("c", "d"), others) == []
    assert users("segment", "a", others) == ["segment b"]
    assert users("segment", "keen", others) == ["segment a", "segment b", "segment d"]


def test_a_computed_trait_that_a_segment_compares_cannot_go() -> None:
    loyal = Segment(id="loyal", when=TraitTest(trait="orders", operator="at_least", value=2))
    others = definitions(ComputedTrait(id="orders", compute=Counter(event="Order Completed")), loyal)
    assert users("computed_trait", "orders", others) == ["segment loyal"]
    assert users("computed_trait", "visits", others) == []
