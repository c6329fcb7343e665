"""Whom a Shopify payload is about. Nothing raises: values that identify nobody are dropped by whoever reads claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from attune.sources.content import as_object
from attune.sources.shopify_values import buyer_email, number_in, token

type Payload = dict[str, Any]
type Claims = list[tuple[object, object]]


class Subject(msgspec.Struct, frozen=True):
    """`namespaces`: what somebody may be known by, strongest first; `claims`: what one payload says of it."""

    namespaces: tuple[str, ...]
    claims: Callable[[Payload], Claims]


def _person(payload: Payload) -> Claims:
    customer = as_object(payload.get("customer"))
    return [
        ("shopify_customer_id", number_in(customer.get("id"))),
        ("email", buyer_email(payload)),
        ("phone", customer.get("phone") or payload.get("phone")),
    ]


def _account(payload: Payload) -> Claims:
    """A customer's own webhooks; the consent topics spell the fields differently."""
    known = payload.get("id") or payload.get("customer_id") or payload.get("admin_graphql_api_id")
    return [
        ("shopify_customer_id", number_in(known)),
        ("email", payload.get("email") or payload.get("email_address")),
        ("phone", payload.get("phone") or payload.get("phone_number")),
    ]


def _member(payload: Payload) -> Claims:
    """Topics about an account that say no more of it than its number, each in its own spelling."""
    spellings = ("customerId", "customer_id", "admin_graphql_api_customer_kept_id")
    known = next((payload[name] for name in spellings if payload.get(name)), None)
    return [("shopify_customer_id", number_in(known))]


def _cart(payload: Payload) -> Claims:
    return [("cart_token", token(payload.get("token") or payload.get("id")))]


def _checkout(payload: Payload) -> Claims:
    """By its token, and by its number too: its deletion knows no other."""
    return [
        *_person(payload),
        ("checkout_token", token(payload.get("token"))),
        ("shopify_checkout_id", number_in(payload.get("id"))),
        ("cart_token", token(payload.get("cart_token"))),
    ]


def _order(payload: Payload) -> Claims:
    return [
        *_person(payload),
        ("shopify_order_id", number_in(payload.get("id") or payload.get("admin_graphql_api_id"))),
        *((name, token(payload.get(name))) for name in ("checkout_token", "cart_token")),
    ]


def _of_order(payload: Payload) -> Claims:
    """What happens to an order later names the order alone.

    Where it holds an address as well, as fulfilments do, that is the one typed in: to take it would let anybody bind a
    stranger's to their own account.
    """
    edit = as_object(payload.get("order_edit"))
    return [("shopify_order_id", number_in(payload.get("order_id") or edit.get("order_id")))]


_PERSON: Final = ("shopify_customer_id", "email", "phone")
ACCOUNT: Final = Subject(_PERSON, _account)
MEMBER: Final = Subject(("shopify_customer_id",), _member)
CART: Final = Subject(("cart_token",), _cart)
CHECKOUT: Final = Subject((*_PERSON, "shopify_checkout_id", "checkout_token", "cart_token"), _checkout)
DELETED_CHECKOUT: Final = Subject(
    ("shopify_checkout_id",), lambda payload: [("shopify_checkout_id", number_in(payload.get("id")))]
)
ORDER: Final = Subject((*_PERSON, "shopify_order_id", "checkout_token", "cart_token"), _order)
OF_ORDER: Final = Subject(("shopify_order_id",), _of_order)
