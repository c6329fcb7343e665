"""Which fields a source may give, by its mapping and by what its kind of sender says: the catalog's ground.

For a sender whose mapping is code (Shopify, HubSpot) the names stand here; a test has the code read documents in which
everything is said, and keeps both equal. `*`: whatever the sender names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.privacy.catalog import ANY, By, Given
from attune.sources import hubspot_contacts, salesforce, shopify, stripe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from attune.domain.definitions import mappings
    from attune.domain.definitions.sources import Source
    from attune.domain.privacy.catalog import Part

_CLIENTS: Final[Mapping[Part, tuple[str, ...]]] = {
    "identifier": ("user_id", "anonymous_id", "email", "phone", ANY),
    "trait": (ANY,),
    "property": (ANY,),
    "context": (ANY,),
}
_HUBSPOT: Final[Mapping[Part, tuple[str, ...]]] = {
    "identifier": ("hubspot_contact_id", "email", "phone"),
    "trait": (*sorted({"email", "phone", "mobilephone", *hubspot_contacts.TRAITS.values()}), ANY),
    "consent": ("email",),
}
_SHOPIFY: Final[Mapping[Part, tuple[str, ...]]] = {
    "identifier": tuple(sorted({one for topic in shopify.TOPICS.values() for one in topic.subject.namespaces})),
    "trait": ("email", "first_name", "last_name", "orders_count", "phone", "tags", "total_spent"),
    "property": (
        "cancel_reason", "carrier", "cart_id", "checkout_id", "checkout_url", "coupon", "currency", "discount", "email",
        "error_code", "estimated_delivery_at", "financial_status", "fulfillment_id", "fulfillment_status", "gateway",
        "kind", "lines_added", "lines_removed", "merged_customer_id", "order_id", "order_name", "products", "refund_id",
        "revenue", "segment_id", "shipment_status", "shipping", "status", "tags", "tax", "total", "tracking_number",
        "tracking_url", "transaction_id", "value",
    ),
    "consent": ("email", "sms"),
}  # fmt: skip
#: receipts of consent; a type of identifier that is not among these names a namespace itself
_ONETRUST: Final[Mapping[Part, tuple[str, ...]]] = {"identifier": ("user_id", "anonymous_id", "email", "phone", ANY)}


def given_fields(source: Source) -> tuple[Given, ...]:
    """Every field that the source may give, under the name that its sender or its mapping gives it; once each."""
    return tuple(dict.fromkeys(_given(source)))


def _given(source: Source) -> Iterator[Given]:
    match source.type:
        case "http":
            yield from _listed(_CLIENTS)
        case "shopify":
            yield from _listed(_SHOPIFY)
        case "hubspot":
            yield from _listed(_HUBSPOT)
        case "onetrust":
            yield from _listed(_ONETRUST)
        case "stripe":
            yield from _mapped(stripe.EVENTS.values(), "spec")
        case "salesforce":
            yield from _mapped(salesforce.OBJECTS.values(), "spec")
        case "webhook" | "file":
            pass  # all of it is in the mapping
    if source.mapping is not None:
        yield from _mapped((source.mapping,), "file" if source.type == "file" else "mapping")
    told = [*source.consent, *(purpose for named in source.consent_categories.values() for purpose in named)]
    yield from (Given(part="consent", name=purpose, by="definition") for purpose in told)


def _listed(fields: Mapping[Part, tuple[str, ...]]) -> Iterator[Given]:
    for part, names in fields.items():
        yield from (Given(part=part, name=name, by="spec") for name in names)


def _mapped(found: Iterable[mappings.Mapping], by: By) -> Iterator[Given]:
    for mapping in found:
        parts: tuple[tuple[Part, Iterable[str]], ...] = (
            ("identifier", mapping.identifiers),
            ("trait", mapping.traits),
            ("property", mapping.properties),
            ("consent", mapping.consent),
        )
        for part, names in parts:
            yield from (Given(part=part, name=name, by=by) for name in names)
