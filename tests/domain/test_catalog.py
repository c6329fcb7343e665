"""The data catalog of definitions: of the ones in this repository, and of any mapping whatever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.kinds import Definitions, decode_definition, snapshot
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.definitions.sources import Source
from attune.domain.definitions.tracking_plans import CommonRules, PlannedEvent, TrackingPlan
from attune.domain.privacy.catalog import ANY, Field, catalog
from attune.domain.privacy.catalog_kept import kept_in_words
from attune.domain.processing.verdicts import CLEAR_PROPERTIES
from attune.sources.given_fields import given_fields
from tests.builders import campaign, channel

DEFINITIONS = Path(__file__).parents[2] / "definitions"


def of(definitions: Definitions) -> dict[tuple[str, str], Field]:
    given = {source.id: given_fields(source) for source in definitions.sources.values()}
    return {(one.part, one.name): one for one in catalog(definitions, given)}


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
    assert {one.lies for one in found["property", "products"].given_by} == {"clear_in_part"}
    for name in CLEAR_PROPERTIES:  # also those that only a sender may choose
        assert {one.lies for one in found["property", name].given_by} == {"clear"}
    for name in ("event", "message_id", "time"):
        assert {one.lies for one in found["call", name].given_by} == {"clear"}


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


def kept(events: str | None = None, **purposes: Retention) -> dict[tuple[str, str], Field]:
    """What a shop gives, these being said of purposes; a campaign says the first name by e-mail."""
    said = [Purpose(id=name, retention=one) for name, one in purposes.items()]
    store = Purpose(id="analytics", retention=Retention(events=events))
    message = {"text": "Hello {{ traits.first_name }}"}
    return of(snapshot((Source(id="shop"), store, *said, channel(), campaign(message=message))))


def test_how_long_rows_are_kept_is_said_of_all_that_lies_there() -> None:
    for days, said in (("400d", "400 days"), ("744h", "31 days"), (None, "until the person is erased")):
        found = kept(days)
        for part in ("identifier", "trait", "property", "context"):
            assert f"in the lake {said}" in found[part, ANY].kept


def test_a_trait_that_a_purpose_keeps_for_a_time_is_for_it_and_its_copies_in_the_lake_are_told_of() -> None:
    found = kept("400d", surveys=Retention(traits={"shoe_size": "30d", "hair": "400d", "diet": "36h"}))
    assert found["trait", "shoe_size"].purposes == ("analytics", "surveys")
    assert found["trait", "shoe_size"].kept == "30 days after it was last said; its copies in the lake longer, 400 days"
    assert found["trait", "hair"].kept == "400 days after it was last said; its copies in the lake 400 days"
    assert found["trait", "diet"].kept.startswith("36 hours after it was last said")
    assert found["trait", ANY].kept == "until it is replaced or the person is erased; in the lake 400 days"
    for_good = kept(surveys=Retention(traits={"shoe_size": "900d"}))
    assert for_good["trait", "shoe_size"].kept.endswith("its copies in the lake longer, until the person is erased")


def test_traits_that_no_purpose_names_are_kept_as_is_said_of_all_others_and_are_for_none_by_it() -> None:
    found = kept(surveys=Retention(traits={"*": "1d", "hair": "2d"}))
    assert found["trait", ANY].kept.startswith("1 day after it was last said")
    assert found["trait", "first_name"].kept.startswith("1 day after it was last said")
    assert found["trait", "hair"].kept.startswith("2 days after")
    assert found["trait", "first_name"].purposes == ("analytics", "email")
    assert "last said" not in found["identifier", ANY].kept


def test_what_a_message_says_lies_in_it_as_long_as_the_purpose_of_its_channel_says() -> None:
    assert kept()["trait", "first_name"].kept.endswith("; in messages of shop_webhook 90 days")
    found = kept(email=Retention(messages="40d"))
    assert found["trait", "first_name"].kept.endswith("; in messages of shop_webhook 40 days")
    assert "messages" not in found["trait", ANY].kept


def test_a_person_is_told_how_long_what_is_held_for_each_purpose_is_kept() -> None:
    for_good = kept_in_words(Purpose(id="analytics"))
    assert for_good == "messages 90 days; what you did until you are erased"
    said = Retention(messages="31d", events="400d", traits={"*": "1d", "hair": "36h"})
    assert kept_in_words(Purpose(id="analytics", retention=said)) == (
        "messages 31 days; what you did 400 days; hair 36 hours after it was last said;"
        " what else is said of you 1 day after it was last said"
    )
    assert kept_in_words(Purpose(id="email")) == "messages 90 days"


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
