"""The function receive_webhook over adapters in memory, and senders who sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from attune.adapters.memory import MemoryDefinitions, MemorySecrets, MemoryStream
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Record, decode_record
from attune.ports import StreamUnavailableError
from attune.sources import hubspot
from attune.use_cases.collection.receive_webhook import ReceiveWebhook
from tests.builders import Pseudonyms, source
from tests.functions.gateway import Answer, call, http_event, load

ROUTE = "POST /v1/webhooks/{source}"
SHOP = "shop.myshopify.example"
CRM = "https://collect.example/v1/webhooks/crm"


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Stream(MemoryStream):
    def __init__(self) -> None:
        super().__init__()
        self.is_down = False

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        if self.is_down:
            raise StreamUnavailableError
        super().put(records)


class Door:
    """The function's handler over adapters in memory."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.stream = Stream()
        self.requests = MemoryPrivacyRequests()
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        shops = [
            Source(id="shop", type="shopify"),
            Source(id="bound", type="shopify", shop_domain=SHOP),
            Source(id="bare", type="shopify"),
            Source(id="canadian", type="shopify", normalise=Normalisation(region="CA")),
            Source(id="crm", type="hubspot", url=CRM),
            source(id="site"),
        ]
        secrets = {
            "shop": ("new", "old"),
            "bound": ("bound",),
            "site": ("site",),
            "bare": ("",),
            "canadian": ("new",),
            "crm": ("crm",),
        }
        self._ports: dict[str, Any] = {
            "definitions": MemoryDefinitions(shops),
            "secrets": MemorySecrets(secrets),
            "pseudonyms": Pseudonyms(),
            "stream": self.stream,
            "requests": self.requests,
            "count": lambda name, value, dimensions: self.counted.append((name, value, dict(dimensions))),
        }
        self.rebuild()

    def rebuild(self, **ports: Any) -> None:
        """The function anew, with other ports."""
        self.module.receive = ReceiveWebhook(**(self._ports | ports))

    def post(
        self,
        topic: str,
        body: object,
        *,
        to: str = "shop",
        secret: str = "new",
        signed: str | None = None,
        **headers: str,
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": signature(secret, data) if signed is None else signed,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return call(self.module.handler, http_event(ROUTE, data, sent, {"source": to}))

    def notify(self, body: object, *, query: str = "", sent: str | None = None, age: int = 0) -> Answer:
        """HubSpot's call over the address with `query`, which arrives as `sent`; `age` in ms."""
        data, stamp = json.dumps(body).encode(), str(int(time.time() * 1000) - age)
        signed = hubspot.sign("crm", "POST", hubspot.signed_address(CRM, query), data, stamp).decode()
        headers = {"x-hubspot-signature-v3": signed, "x-hubspot-request-timestamp": stamp}
        event = http_event(ROUTE, data, headers, {"source": "crm"})
        return call(self.module.handler, event | {"rawQueryString": query if sent is None else sent})

    def records(self) -> list[Record]:
        return [decode_record(record.data) for record in self.stream.records]

    def events(self) -> list[Event]:
        return [event for record in self.records() for event in record.events]

    def rejected(self) -> list[tuple[str, bytes]]:
        return [(one.reason, one.raw) for record in self.records() for one in record.rejected]


def receiving_function() -> Any:
    """Its module, loaded as Lambda loads it; what it is wired to is replaced by a door."""
    variables = ("STREAM_NAME", "DEFINITIONS_TABLE", "IDENTITY_SECRET", "WEBHOOK_SECRETS", "PRIVACY_REQUESTS_TABLE")
    with pytest.MonkeyPatch.context() as environment:
        for name in (*variables, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "unused")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        return load("receive_webhook")
