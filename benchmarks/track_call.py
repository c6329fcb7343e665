"""The track call that `make bench TOPIC=collect` measures, its plan and its source: 1.1 KB, 13 properties."""

from __future__ import annotations

import json
from typing import Any, Final

from attune.domain.definitions.normalisation import CurrencyValue, Normalisation
from attune.domain.definitions.sources import Source
from attune.domain.definitions.tracking_plans import CommonRules, PlannedEvent, TrackingPlan

PROPERTIES: Final[dict[str, Any]] = {
    "cart_id": {"type": "string", "minLength": 1, "maxLength": 64},
    "product_id": {"type": "string", "maxLength": 64},
    "sku": {"type": "string", "pattern": "^[A-Z0-9-]{1,32}$"},
    "category": {"type": "string", "maxLength": 128},
    "name": {"type": "string", "maxLength": 256},
    "brand": {"type": "string", "maxLength": 64},
    "variant": {"type": "string", "maxLength": 64},
    "price": {"type": "number", "minimum": 0},
    "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000},
    "coupon": {"type": ["string", "null"], "maxLength": 64},
    "position": {"type": "integer", "minimum": 0},
    "currency": {"enum": ["EUR", "USD", "GBP"]},
    "url": {"type": "string", "maxLength": 2_048},
}
PLANNED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": PROPERTIES,
    "required": ["cart_id", "product_id", "price", "quantity"],
    "additionalProperties": False,
}
CONTEXT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "library": {"type": "object", "properties": {"name": {"type": "string"}, "version": {"type": "string"}}},
        "locale": {"type": "string", "maxLength": 16},
        "page": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("path", "referrer", "title", "url")},
        },
        "consent": {
            "type": "object",
            "properties": {"categoryPreferences": {"type": "object", "additionalProperties": {"type": "boolean"}}},
            "required": ["categoryPreferences"],
        },
    },
    "required": ["consent"],
}
PLAN: Final = TrackingPlan(
    id="storefront",
    events={"Product Added": PlannedEvent(properties=PLANNED)},
    common=CommonRules(context=CONTEXT),
    on_violation="block",
)
#: the same rules as one schema of the whole call
WHOLE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"event": {"const": "Product Added"}, "properties": PLANNED, "context": CONTEXT},
    "required": ["event", "properties", "context"],
}
SOURCE: Final = Source(
    id="shop",
    tracking_plan="storefront",
    normalise=Normalisation(ecommerce=True, currency="EUR", values={"properties.currency": CurrencyValue()}),
)
CALL: Final[dict[str, Any]] = {
    "type": "track",
    "event": "Product Added",
    "messageId": "ajs-next-1750000000000-4b0c6a7e-6f0d-4a31-9d1f-2f8b8b2f3a10",
    "anonymousId": "0b1f5f2e-7a55-4b7c-9a32-6f2c1d6a7c11",
    "userId": "customer-48211",
    "timestamp": "2025-06-15T15:06:38.900Z",
    "sentAt": "2025-06-15T15:06:39.000Z",
    "integrations": {},
    "properties": {
        "cart_id": "cart-77120", "product_id": "sku-1093", "sku": "RS-42-BLK", "category": "Shoes/Running",
        "name": "Trail runner 42, waterproof", "brand": "Fleet", "variant": "black", "price": 119.9, "quantity": 1,
        "coupon": "SUMMER25", "position": 3, "currency": "EUR", "url": "https://shop.example.com/p/1093?c=running&s=1",
    },
    "context": {
        "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "userAgent": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
        ),
        "page": {
            "path": "/p/1093", "referrer": "https://shop.example.com/shoes/running", "title": "Trail runner 42 | Shop",
            "url": "https://shop.example.com/p/1093?c=running&s=1",
        },
        "consent": {"categoryPreferences": {"analytics": True, "personalization": True}},
    },
}  # fmt: skip
#: as browsers write it
RAW: Final = json.dumps(CALL, separators=(",", ":")).encode()
