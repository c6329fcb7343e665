"""receive_webhook from the gateway's event to the stream: whose signature counts, and that nothing signed is lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attune.adapters.memory import MemoryDefinitions, MemorySecrets, MemoryStream
from attune.domain.definitions import Source
from attune.domain.events import CONSENT, Event, Origin, Record, decode_record
from attune.ports import StreamUnavailableError
from attune.sources.shopify import TOPICS
from attune.use_cases.receive_webhook import ReceiveWebhook
from tests.builders import Pseudonyms, key_of, source
from tests.functions.gateway import Answer, OutOfReach, call, http_event, load

KB = 1024
ROUTE = "POST /v1/webhooks/{source}"
SHOP = "shop.myshopify.example"
AT = "2025-06-15T10:06:40-04:00"
CART = {"id": "c1", "token": "c1", "line_items": [], "updated_at": AT}
ORDER = {"id": 1, "cart_token": "c1", "email": "ada@example.com", "created_at": AT, "line_items": []}


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
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        shops = [
            Source(id="shop", type="shopify"),
            Source(id="bound", type="shopify", shop_domain=SHOP),
            Source(id="bare", type="shopify"),
            source(id="site"),
        ]
        secrets = {"shop": ("new", "old"), "bound": ("bound",), "site": ("site",), "bare": ("",)}
        self._ports: dict[str, Any] = {
            "definitions": MemoryDefinitions(shops),
            "secrets": MemorySecrets(secrets),
            "pseudonyms": Pseudonyms(),
            "stream": self.stream,
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

    def records(self) -> list[Record]:
        return [decode_record(record.data) for record in self.stream.records]

    def events(self) -> list[Event]:
        return [event for record in self.records() for event in record.events]

    def rejected(self) -> list[tuple[str, bytes]]:
        return [(one.reason, one.raw) for record in self.records() for one in record.rejected]


@pytest.fixture(scope="module")
def module() -> Any:
    variables = ("STREAM_NAME", "DEFINITIONS_TABLE", "IDENTITY_SECRET", "WEBHOOK_SECRETS")
    with pytest.MonkeyPatch.context() as environment:
        for name in (*variables, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "unused")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        return load("receive_webhook")


@pytest.fixture
def door(module: Any) -> Door:
    return Door(module)


def test_a_signed_webhook_is_stored_as_an_event_that_is_vouched_for(door: Door) -> None:
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.body) == (200, {"success": True})
    (record,) = door.records()
    assert (record.source, record.origin, record.trusted) == ("shop", Origin.WEBHOOK, True)
    assert record.key == key_of("cart_token", "c1")
    assert [event.name for event in record.events] == ["Cart Viewed"]


def test_both_live_secrets_sign_while_they_are_rotated(door: Door) -> None:
    assert door.post("carts/update", CART, secret="old").status == 200
    assert door.post("carts/update", CART, secret="older").code == "invalid_signature"


def test_the_signature_is_the_one_shopify_makes() -> None:
    assert signature("hush", b'{"id":1}') == "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="


@pytest.mark.parametrize("signed", ["", "x", "é", "\udcff", " ", "AAAA", signature("new", b"another body")])
def test_a_wrong_signature_is_refused(door: Door, signed: str) -> None:
    answer = door.post("carts/update", CART, signed=signed)
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert door.records() == []


def test_one_changed_byte_of_the_body_breaks_the_signature(door: Door) -> None:
    body = json.dumps(CART).encode()
    assert door.post("carts/update", body + b" ", signed=signature("new", body)).code == "invalid_signature"


def test_a_shops_secret_signs_for_its_own_source_only(door: Door) -> None:
    assert door.post("carts/update", CART, to="shop", secret="bound").code == "invalid_signature"


def test_a_source_without_a_secret_takes_nothing_not_even_signed_with_none(door: Door) -> None:
    assert door.post("carts/update", CART, to="bare", secret="").code == "invalid_signature"


def test_a_source_bound_to_a_shop_refuses_another(door: Door) -> None:
    post = {"to": "bound", "secret": "bound"}
    assert door.post("carts/update", CART, **post, x_shopify_shop_domain=SHOP.upper()).status == 200
    assert door.post("carts/update", CART, **post, x_shopify_shop_domain="other.example").code == "invalid_signature"
    assert door.post("carts/update", CART, **post).code == "invalid_signature"


@pytest.mark.parametrize("name", ["nobody", "site", "", "$x", "shop/../shop"])
def test_a_source_that_is_no_shop_is_unknown(door: Door, name: str) -> None:
    answer = door.post("carts/update", CART, to=name, secret="site")
    assert (answer.status, answer.code) == (404, "unknown_source")


def test_a_topic_nobody_reads_is_kept_byte_for_byte(door: Door) -> None:
    body = b'{ "id": 1,\n "name":"x" }'
    assert door.post("shop/update", body).status == 200
    assert door.rejected() == [("unknown_topic", body)]
    assert door.counted == [("EventsRejected", 1, {"source": "shop", "reason": "unknown_topic"})]


def test_signed_bytes_that_are_no_event_are_kept_with_their_reason(door: Door) -> None:
    bodies = [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"token":"a","token":"b"}', b"[" * 100_000]
    for body in bodies:
        assert door.post("carts/update", body).status == 200
    reasons = [
        "invalid_json",
        "invalid_json",
        "invalid_json",
        "invalid_event",
        "no_identifier",
        "duplicate_keys",
        "too_deep",
    ]
    assert door.rejected() == list(zip(reasons, bodies, strict=True))


def test_consent_goes_ahead_of_the_event_in_a_record_of_our_own(door: Door) -> None:
    door.post("orders/create", {**ORDER, "buyer_accepts_marketing": True})
    consent, order = door.records()
    assert (consent.origin, order.origin) == (Origin.INTERNAL, Origin.WEBHOOK)
    assert consent.key == order.key == key_of("email", "ada@example.com")
    assert [(event.type, event.consent) for event in consent.events] == [(CONSENT, {"email": True})]
    assert door.counted == [("EventsAccepted", 2, {"source": "shop"})]


def test_the_same_webhook_again_is_the_same_event(door: Door) -> None:
    door.post("orders/create", ORDER)
    door.post("orders/create", ORDER, x_shopify_webhook_id="another")
    first, again = door.events()
    assert (first.message_id, first.fingerprint) == (again.message_id, again.fingerprint)


def test_a_webhook_of_500_kb_passes_and_one_byte_more_is_too_large(door: Door) -> None:
    cart = json.dumps({**CART, "line_items": [{"title": ""}]}).encode()
    full = cart.replace(b'"title": ""', b'"title": "' + b"x" * (500 * KB - len(cart)) + b'"')
    assert door.post("carts/update", full).status == 200
    assert door.post("shop/update", full).status == 200
    answer = door.post("carts/update", full + b" ")
    assert (answer.status, answer.code) == (413, "too_large")
    assert max(len(record.data) for record in door.stream.records) < 1024 * KB


def test_a_stream_that_is_down_makes_the_shop_come_again(door: Door) -> None:
    door.stream.is_down = True
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("port", ["definitions", "secrets", "pseudonyms", "stream"])
def test_whatever_is_out_of_reach_makes_the_shop_come_again(door: Door, port: str) -> None:
    door.rebuild(**{port: OutOfReach()})
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.code, door.stream.records) == (503, "unavailable", [])
    assert "retry-after" in answer.headers


odd = st.none() | st.text(max_size=5) | st.integers() | st.floats() | st.lists(st.dictionaries(st.text(), st.text()))
fields = st.sampled_from([*ORDER, *CART, "customer", "buyer_accepts_marketing", "total_price", "completed_at"])
payloads = st.dictionaries(fields, odd).map(lambda payload: json.dumps(payload).encode())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    topic=st.sampled_from(sorted(TOPICS)) | st.text(max_size=10),
    body=st.binary(max_size=80) | payloads,
    is_signed=st.booleans(),
)
def test_any_signed_bytes_are_stored_and_any_others_refused(
    module: Any, topic: str, body: bytes, *, is_signed: bool
) -> None:
    door = Door(module)
    answer = door.post(topic, body, secret="new" if is_signed else "nobody's")
    if is_signed:
        assert answer.status == 200
        mains = [event for event in door.events() if event.type != CONSENT]
        assert len(mains) + len(door.rejected()) == 1
    else:
        assert (answer.status, answer.code) == (401, "invalid_signature")
        assert door.records() == []
