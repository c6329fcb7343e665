"""The data catalog of definitions: of the ones in this repository, and of any mapping whatever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.catalog import ANY, Field, catalog
from attune.domain.definitions import Definitions, decode_definition, snapshot
from attune.domain.mappings import Mapping
from attune.domain.normalisation import Normalisation
from attune.domain.sources import Source
from attune.domain.tracking_plans import CommonRules, PlannedEvent, TrackingPlan
from attune.sources.given_fields import given_fields

DEFINITIONS = Path(__file__).parents[2] / "definitions"


def of(definitions: Definitions, days: int = 0) -> dict[tuple[str, str], Field]:
    given = {source.id: given_fields(source) for source in definitions.sources.values()}
    return {(one.part, one.name): one for one in catalog(definitions, given, days)}


def example() -> dict[tuple[str, str], Field]:
    files = sorted(DEFINITIONS.rglob("*.yaml"))
    documents = [one for file in files for one in yaml.safe_load_all(file.read_text()) if one]
    return of(snapshot(tuple(decode_definition(one) for one in documents)))


def defined(*documents: dict[str, Any]) -> dict[tuple[str, str], Field]:
    return of(snapshot(tuple(decode_definition(one) for one in documents)))


def test_an_address_comes_from_two_sources_and_goes_to_the_shop_for_the_channel_s_purpose() -> None:
    email = example()["trait", "email"]
    assert {(one.source, one.by) for one in email.given_by} == {
        ("storefront", "tracking_plan"),
        ("shopify_store", "spec"),
    }
    assert {one.lies for one in email.given_by} == {"sealed"}
    assert email.purposes == ("analytics", "email")
    assert email.read_by == ("campaign cart_reminder", "campaign viewer_offer")
    assert "channel shop_webhook" in email.seen_by
    assert email.personal
    assert "server key (masked)" not in email.seen_by


def test_what_a_segment_of_a_campaign_reads_is_used_for_the_channel_s_purpose_though_no_message_says_it() -> None:
    cart = example()["property", "cart_id"]
    assert "segment abandoned_cart" in cart.read_by
    assert cart.purposes == ("analytics", "personalization", "email")


def test_a_trait_that_only_a_segment_names_is_there_and_comes_from_whoever_chooses_names() -> None:
    tier = example()["trait", "loyalty_tier"]
    assert [one.source for one in tier.given_by] == ["storefront"]
    assert tier.purposes == ("analytics", "personalization")


def test_what_is_read_without_the_seal_is_said_to_lie_clear() -> None:
    found = example()
    assert {one.lies for one in found["property", "total"].given_by} == {"clear"}
    assert {one.lies for one in found["property", "coupon"].given_by} == {"sealed"}


def test_every_segment_computed_trait_score_and_purpose_of_the_definitions_is_in_it() -> None:
    names = {part: {name for of_part, name in example() if of_part == part} for part, _ in example()}
    assert {"abandoned_cart", "vip", "top_tenth"} <= names["segment"]
    assert {"lifetime_value", "favourite_brand"} <= names["computed_trait"]
    assert names["score"] == {"rfm", "shopper_clusters"}
    assert names["consent"] == {"analytics", "personalization", "email", "sms", "advertising"}


def test_a_message_that_takes_a_computed_trait_uses_what_it_is_worked_out_from() -> None:
    found = defined(
        {"kind": "source", "id": "shop"},
        {
            "kind": "computed_trait",
            "id": "favourite",
            "compute": {"function": "most_frequent", "event": "Seen", "property": "colour"},
        },
        {"kind": "segment", "id": "all", "when": {"type": "random_bucket", "salt": "x", "high": 100}},
        {"kind": "channel", "id": "texts", "url": "https://a.example", "purpose": "sms"},
        {
            "kind": "campaign",
            "id": "hello",
            "trigger": {"segment": "all"},
            "channel": "texts",
            "message": {"text": ["{% if traits['favourite'] %}you like {{ traits.favourite }}{% endif %}"]},
        },
    )
    assert found["property", "colour"].purposes == ("analytics", "personalization", "sms")
    assert "channel texts" in found["computed_trait", "favourite"].seen_by
    assert "channel texts" not in found["property", "colour"].seen_by


def test_a_message_that_goes_through_all_traits_reads_every_one() -> None:
    found = defined(
        {"kind": "source", "id": "hub", "type": "hubspot", "url": "https://a.example"},
        {"kind": "segment", "id": "all", "when": {"type": "random_bucket", "salt": "x", "high": 100}},
        {"kind": "channel", "id": "mail", "url": "https://a.example"},
        {
            "kind": "campaign",
            "id": "dump",
            "trigger": {"segment": "all"},
            "channel": "mail",
            "message": {"all": {"value": "traits"}},
        },
    )
    assert all("channel mail" in field.seen_by for (part, _), field in found.items() if part == "trait")


def test_a_plan_that_blocks_what_it_does_not_name_leaves_no_other_names() -> None:
    plan = TrackingPlan(
        id="strict",
        events={"Seen": PlannedEvent(properties={"properties": {"sku": {}}})},
        common=CommonRules(context={"properties": {"locale": {}}}),
        unplanned_events="block",
        unplanned_properties="omit",
    )
    found = of(snapshot((plan, Source(id="shop", tracking_plan="strict"))))
    assert {name for part, name in found if part == "property"} == {"sku"}
    assert not [name for part, name in found if part == "trait"]
    assert {name for part, name in found if part == "context"} == {"locale", ANY}


def test_the_lake_s_retention_is_said_of_what_lies_there() -> None:
    source = Source(id="shop")
    kept = of(snapshot((source,)), days=400)["property", ANY].kept
    assert "in the lake 400 days" in kept


NAMES = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=8)
EXPRESSIONS = st.dictionaries(NAMES, st.just("a"), max_size=5)
PATHS = {"identifier": "identifiers", "trait": "traits", "property": "properties"}


@given(
    identifiers=st.dictionaries(NAMES, st.just("a"), min_size=1, max_size=3),
    traits=EXPRESSIONS,
    properties=EXPRESSIONS,
    data=st.data(),
)
def test_every_field_of_every_mapping_is_in_it_hashed_where_its_source_says_so(
    identifiers: dict[str, str], traits: dict[str, str], properties: dict[str, str], data: st.DataObject
) -> None:
    mapping = Mapping(identifiers=identifiers, traits=traits, properties=properties)
    mapped = [
        (part, name)
        for part, names in (("identifier", identifiers), ("trait", traits), ("property", properties))
        for name in names
    ]
    hashed = data.draw(st.sets(st.sampled_from(mapped)))
    rules = Normalisation(hash=tuple(f"{PATHS[part]}.{name}" for part, name in hashed))
    source = Source(id="till", type="webhook", mapping=mapping, normalise=rules)
    found = of(snapshot((source,)))
    for part, name in mapped:
        is_hashed = (part, name) in hashed
        stored = f"{name}_hash" if is_hashed and part == "identifier" and name in ("email", "phone") else name
        [origin] = found[part, stored].given_by
        assert (origin.source, origin.by) == ("till", "mapping")
        assert (origin.lies == "hashed") == is_hashed
