"""What Shopify says of a customer's account: traits, and what happened to it."""

from __future__ import annotations

from typing import Any, Final

from attune.sources.content import as_object
from attune.sources.shopify_values import number, number_in, stated, text, whole

#: tags of one account
MAX_TAGS: Final = 250

type Payload = dict[str, Any]


def account_traits(payload: Payload) -> Payload:
    """Since version 2025-01 tags and sums come with topics of their own, so they are taken where they are."""
    traits = stated(
        first_name=text(payload.get("first_name")),
        last_name=text(payload.get("last_name")),
        email=text(payload.get("email")),
        phone=text(payload.get("phone")),
        orders_count=whole(payload.get("orders_count")),
        total_spent=number(payload.get("total_spent")),
    )
    if "tags" in payload:
        traits["tags"] = _tags(payload["tags"])
    return traits


def summary_traits(payload: Payload) -> Payload:
    """Of `customers/purchasing_summary`."""
    spent = as_object(payload.get("amountSpent"))
    return stated(orders_count=whole(payload.get("numberOfOrders")), total_spent=number(spent.get("amount")))


def tag_properties(payload: Payload) -> Payload:
    """The tags that came or went."""
    return {"tags": _tags(payload.get("tags"))}


def segment_properties(payload: Payload) -> Payload:
    """Shopify's segment by its number: it does not tell the name."""
    return stated(segment_id=number_in(payload.get("segment_id")))


def merge_properties(payload: Payload) -> Payload:
    """Which account went into this one, and whether it did."""
    deleted = payload.get("admin_graphql_api_customer_deleted_id")
    return stated(merged_customer_id=number_in(deleted), status=text(payload.get("status")))


def _tags(value: object) -> list[str]:
    """Text with commas, or a list; each once, in order of the alphabet, so that equal sets are equal."""
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return sorted({tag for one in given if (tag := text(one).strip())})[:MAX_TAGS]
