"""What the catalog says a sender gives is what its reader takes: of documents in which everything is said."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.definitions.sources import Source
from attune.domain.privacy.catalog import ANY
from attune.sources.given_fields import given_fields
from attune.sources.hubspot_contacts import contact_of
from attune.sources.salesforce import OBJECTS
from attune.sources.shopify import TOPICS
from attune.sources.stripe import EVENTS


class Everything(dict[str, Any]):
    """Says something under every name; one text is a number, an address and a time for whoever reads it."""

    def get(self, name: str, default: Any = None) -> Any:
        if name in ("customer", "billing_address", "amountSpent", "order_edit", "line_items_of_edit"):
            return Everything()
        if name.endswith("_set") or name == "shop_money":
            return Everything()
        if name in ("line_items", "refund_line_items", "transactions", "discount_codes"):
            return [Everything()]
        return {"kind": "refund", "status": "success", "email": "a@b.example"}.get(name, "1.50")

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __or__(self, other: Any) -> Any:
        return self


def names(source: Source, part: str) -> set[str]:
    return {one.name for one in given_fields(source) if one.part == part}


@pytest.mark.parametrize("part", ["property", "trait"])
def test_of_shopify_exactly_what_its_topics_say(part: str) -> None:
    readers = [topic.properties if part == "property" else topic.traits for topic in TOPICS.values()]
    said = {name for read in readers if read is not None for name in read(Everything())}
    assert names(Source(id="shop", type="shopify"), part) == said


def test_of_hubspot_what_a_contact_says() -> None:
    told = ("firstname", "lastname", "jobtitle", "lifecyclestage", "hs_lead_status", "hs_language")
    addresses = ("email", "phone", "mobilephone")
    contact = contact_of({"properties": {name: {"value": "1234567"} for name in (*told, *addresses, "shoe_size")}})
    known = names(Source(id="hub", type="hubspot"), "trait")
    assert set(contact.traits) - known == {"shoe_size"}
    assert known - set(contact.traits) == {ANY}


def test_of_stripe_and_salesforce_every_field_of_their_tables() -> None:
    for source, tables in (
        (Source(id="paid", type="stripe"), EVENTS),
        (Source(id="crm", type="salesforce"), OBJECTS),
    ):
        for mapping in tables.values():
            assert set(mapping.properties) <= names(source, "property")
            assert set(mapping.traits) <= names(source, "trait")
            assert set(mapping.identifiers) <= names(source, "identifier")
            assert set(mapping.consent) <= names(source, "consent")


def test_of_clients_any_name() -> None:
    assert all(ANY in names(Source(id="web"), part) for part in ("identifier", "trait", "property", "context"))
