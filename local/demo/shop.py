"""The shop: its web pages through a real Segment client, its Shopify webhooks, and its servers' calls."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
from segment.analytics.client import Client

from local.state import Stack

EVERYTHING = {"analytics": True, "personalization": True, "email": True}
SHOPIFY_SOURCE = "shopify_store"
SHOP_DOMAIN = "attune-demo.myshopify.com"

SHIRT = {"product_id": "p-shirt", "sku": "SH-1", "name": "Linen shirt", "price": 49.0, "quantity": 1}
SHOES = {"product_id": "p-shoes", "sku": "SO-7", "name": "Running shoes", "price": 120.0, "quantity": 1}


class ShopError(Exception):
    """The API answered what it should not have."""


@dataclass
class Shop:
    """Everything the demo sends goes through here, and through the deployed stack's public API."""

    stack: Stack
    shopify_secret: str

    def __post_init__(self) -> None:
        """Open the clients; what the Segment client could not deliver is kept in `undelivered`."""
        self.undelivered: list[str] = []
        self._api = httpx.Client(base_url=self.stack.api_url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Close the API client."""
        self._api.close()

    def visit(self, anonymous_id: str, consent: dict[str, bool] | None, user_id: str | None = None) -> "Visit":
        """A browser session on the shop's pages, with the public write key."""
        return Visit(self, self.stack.write_key, anonymous_id, consent, user_id)

    def sign_in(self, anonymous_id: str, consent: dict[str, bool] | None, user_id: str, **traits: str) -> None:
        """The shop's own server has checked a password: with the server key it says whose device this is."""
        Visit(self, self.stack.server_key, anonymous_id, consent, None).log_in(user_id, **traits).end()

    def shopify(self, topic: str, payload: dict[str, Any]) -> None:
        """A webhook as Shopify signs and sends it."""
        body = json.dumps(payload).encode()
        digest = hmac.digest(self.shopify_secret.encode(), body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": SHOP_DOMAIN,
            "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
        }
        self._expect(self._api.post(f"/v1/webhooks/{SHOPIFY_SOURCE}", content=body, headers=headers), 200)

    def send_batch(self, body: bytes) -> None:
        """A gzipped body of `POST /v1/batch` with the server key, as a server sends its history."""
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **self._server()}
        self._expect(self._api.post("/v1/batch", content=body, headers=headers), 200)

    def send_json(self, body: dict[str, Any]) -> None:
        """A batch with the server key, as it is."""
        self._expect(self._api.post("/v1/batch", json=body, headers=self._server()), 200)

    def profile(self, namespace: str, value: str) -> dict[str, Any] | None:
        """What Attune says of a customer; None where it knows nobody."""
        answer = self._api.get(f"/v1/profiles/{_address(namespace, value)}", headers=self._server())
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._expect(answer, 200)

    def set_consent(self, namespace: str, value: str, consent: dict[str, bool]) -> None:
        """The shop's preference centre, with a server key."""
        path = f"/v1/profiles/{_address(namespace, value)}/consent"
        self._expect(self._api.put(path, json={"consent": consent}, headers=self._server()), 202)

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A call with the admin key."""
        headers = {"Authorization": f"Bearer {self.stack.admin_key}"}
        answer = self._api.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise ShopError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def _server(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.stack.server_key}"}

    def _expect(self, answer: httpx.Response, status: int) -> dict[str, Any]:
        if answer.status_code != status:
            raise ShopError(f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text}")
        return dict(answer.json())


class Visit:
    """One browser session, through `segment-analytics-python`; leave it with `end`, which flushes."""

    def __init__(
        self, shop: Shop, key: str, anonymous_id: str, consent: dict[str, bool] | None, user_id: str | None
    ) -> None:
        """`consent` is what the visitor chose in the banner; None for no banner at all."""
        self._client = Client(
            key,
            host=shop.stack.api_url,
            gzip=True,
            on_error=lambda error, _: shop.undelivered.append(str(error)),
        )
        self._who = {"anonymous_id": anonymous_id, "user_id": user_id}
        self._context = {"consent": {"categoryPreferences": consent}} if consent is not None else {}

    def view(self, product: dict[str, Any], times: int = 1) -> "Visit":
        """Look at a product."""
        for _ in range(times):
            self._track("Product Viewed", product)
        return self

    def add(self, cart_id: str, *products: dict[str, Any]) -> "Visit":
        """Put products into the cart."""
        for product in products:
            self._track("Product Added", product | {"cart_id": cart_id, "currency": "EUR"})
        return self

    def order(self, cart_id: str, *products: dict[str, Any]) -> "Visit":
        """Buy what is in the cart."""
        total = sum(float(product["price"]) for product in products)
        order = {"order_id": f"o-{cart_id}", "cart_id": cart_id, "total": total, "currency": "EUR"}
        self._track("Order Completed", order | {"products": list(products)})
        return self

    def log_in(self, user_id: str, **traits: str) -> "Visit":
        """Say who this is."""
        self._who["user_id"] = user_id
        self._client.identify(traits=traits, context=dict(self._context), **self._who)
        return self

    def page(self, name: str) -> "Visit":
        """Open a page."""
        self._client.page(name=name, context=dict(self._context), **self._who)
        return self

    def end(self) -> None:
        """Leave: send what is still queued, and wait for the answer."""
        self._client.flush()
        self._client.shutdown()

    def _track(self, event: str, properties: dict[str, Any]) -> None:
        self._client.track(event=event, properties=dict(properties), context=dict(self._context), **self._who)


def shopify_customer(number: int, email: str, first_name: str) -> dict[str, Any]:
    """The payload of customers/create."""
    stamp = _now()
    return {
        "id": number,
        "email": email,
        "first_name": first_name,
        "last_name": "Demo",
        "verified_email": True,
        "created_at": stamp,
        "updated_at": stamp,
    }


def shopify_cart(token: str, *products: dict[str, Any]) -> dict[str, Any]:
    """The payload of carts/create: it names nobody."""
    stamp = _now()
    return {"id": token, "token": token, "line_items": _lines(products), "created_at": stamp, "updated_at": stamp}


def shopify_checkout(token: str, customer: dict[str, Any], *products: dict[str, Any]) -> dict[str, Any]:
    """The payload of checkouts/create: from here on the cart has an e-mail address."""
    stamp = _now()
    return {
        "id": customer["id"] + 7,
        "token": f"checkout-{token}",
        "cart_token": token,
        "email": customer["email"],
        "customer": customer,
        "currency": "EUR",
        "total_price": str(sum(float(product["price"]) for product in products)),
        "abandoned_checkout_url": f"https://{SHOP_DOMAIN}/checkouts/{token}/recover",
        "line_items": _lines(products),
        "created_at": stamp,
        "updated_at": stamp,
    }


def shopify_order(token: str, customer: dict[str, Any], *products: dict[str, Any]) -> dict[str, Any]:
    """The payload of orders/create, under the customer's e-mail address."""
    return shopify_checkout(token, customer, *products) | {
        "id": customer["id"] + 9,
        "checkout_token": f"checkout-{token}",
        "processed_at": _now(),
    }


def _lines(products: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [
        {
            "product_id": 1000 + index,
            "variant_id": 2000 + index,
            "sku": product["sku"],
            "title": product["name"],
            "price": f"{product['price']:.2f}",
            "quantity": product["quantity"],
        }
        for index, product in enumerate(products)
    ]


def _address(namespace: str, value: str) -> str:
    return quote(f"{namespace}:{value}", safe="")


def _now() -> str:
    return datetime.now(UTC).isoformat()
