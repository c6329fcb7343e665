"""Webhooks connected as the manual says: what shops and CRMs send arrives in profiles, and what people ask is kept."""

from __future__ import annotations

import hmac
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from attune.sources import hubspot, shopify
from local.state import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

MANUAL = (ROOT / "docs/collect.md").read_text()
SHOP = "acme.myshopify.com"
SECRET = "a secret of this journey"
PATIENCE = 90
#: seconds until every function has heard of a definition
SETTLING = 6

pytestmark = pytest.mark.cloud


def blocks(section: str, language: str) -> list[str]:
    """The section's snippets, in order."""
    text = MANUAL.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Desk:
    """A folder with the manual's definitions, where its commands are run, and senders who sign what they send."""

    def __init__(self, stack: Stack, folder: Path, api: httpx.Client) -> None:
        self._stack, self._folder, self._api = stack, folder, api
        command = folder / "bin/attune"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "cli"} "$@"\n')
        command.chmod(0o755)

    def connect(self, section: str, definition: str, **variables: str) -> str:
        """Follow the section's first snippets: write the definition, apply it, put the secret. What they print."""
        file = self._folder / definition
        file.parent.mkdir(exist_ok=True)
        file.write_text(blocks(section, "yaml")[0].replace("https://api.example.com", self._stack.api_url))
        printed = self.run(blocks(section, "sh")[0], **variables)
        time.sleep(SETTLING)
        return printed

    def send(self, target: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return self._api.post(target, content=body, headers=headers)

    def run(self, script: str, **variables: str) -> str:
        environment = os.environ | variables | {
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "ATTUNE_API_URL": self._stack.api_url,
            "ATTUNE_ADMIN_KEY": self._stack.admin_key,
            "COLUMNS": "200",
        }  # fmt: skip
        shell = ["sh", "-ec", script]
        done = subprocess.run(
            shell, cwd=self._folder, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def of_shopify(self, topic: str, payload: dict[str, Any], delivery: str = "d1") -> int:
        body = msgspec.json.encode(payload)
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-Webhook-Id": delivery,
            "X-Shopify-Hmac-SHA256": shopify.sign(SECRET, body).decode(),
            "Content-Type": "application/json",
        }
        return self._api.post("/v1/webhooks/store", content=body, headers=headers).status_code

    def of_hubspot(self, notifications: list[dict[str, Any]], query: str = "") -> int:
        body, stamp = msgspec.json.encode(notifications), str(int(time.time() * 1_000))
        path = "/v1/webhooks/crm"
        address = hubspot.signed_address(self._stack.api_url + path, query)
        headers = {
            "X-HubSpot-Request-Timestamp": stamp,
            "X-HubSpot-Signature-v3": hubspot.sign(SECRET, "POST", address, body, stamp).decode(),
            "Content-Type": "application/json",
        }
        target = f"{path}?{query}" if query else path
        return self._api.post(target, content=body, headers=headers).status_code

    def profile(self, namespace: str, value: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._stack.server_key}"}
        answer = self._api.get(f"/v1/profiles/{quote(f'{namespace}:{value}', safe='')}", headers=headers)
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with httpx.Client(base_url=stack.api_url, timeout=30, trust_env=False) as api:
        yield Desk(stack, tmp_path_factory.mktemp("desk"), api)


def once(ask: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)


def test_a_shops_orders_and_refunds_are_one_persons_and_requests_are_kept(desk: Desk) -> None:
    desk.connect("Shopify", "definitions/store.yaml", SHOPIFY_CLIENT_SECRET=SECRET)
    number = int(time.time() * 1_000)
    email, order = f"ada-{number}@example.com", number + 1
    customer = {"id": number, "email": email, "first_name": "Ada"}
    refund = {"id": number + 2, "order_id": order, "transactions": [], "refund_line_items": []}
    bought = {"id": order, "email": email, "customer": customer, "line_items": [], "buyer_accepts_marketing": False}
    once(lambda: desk.of_shopify("refunds/create", refund) == 200)
    assert desk.of_shopify("orders/create", bought) == 200
    once(lambda: desk.profile("email", email).get("traits", {}).get("first_name") == "Ada")
    once(lambda: desk.profile("shopify_order_id", str(order)) == desk.profile("email", email))

    asked = {"shop_domain": SHOP, "customer": customer, "orders_requested": [order], "data_request": {"id": number}}
    assert [desk.of_shopify("customers/data_request", asked) for _ in range(2)] == [200, 200]
    assert desk.of_shopify("customers/redact", asked) == 200  # quarantined: it was signed as another topic
    (told,) = [line for line in desk.run(blocks("Shopify", "sh")[1]).splitlines() if str(number) in line]
    assert "show what is held" in told
    assert email not in told

    redact = {"shop_domain": SHOP, "customer": customer, "orders_to_redact": [order]}
    assert desk.of_shopify("customers/redact", redact, "d2") == 200
    waiting = desk.run("attune privacy requests").splitlines()
    (asked_to_forget,) = [line for line in waiting if str(number) in line and "forget the person" in line]
    desk.run(f"attune privacy fulfil {asked_to_forget.split()[-1]}")
    once(lambda: desk.profile("email", email) == {})


def test_a_contact_is_known_by_the_address_that_a_change_tells(desk: Desk) -> None:
    desk.connect("HubSpot", "definitions/crm.yaml", HUBSPOT_CLIENT_SECRET=SECRET)
    now = int(time.time() * 1_000)
    email = f"grace-{now}@example.com"
    created = {"subscriptionType": "contact.creation", "portalId": 1, "objectId": now, "occurredAt": now - 2_000}
    changes = {"email": email, "firstname": "Grace", "hs_email_optout": "true"}
    changed = [
        created | {"subscriptionType": "contact.propertyChange", "propertyName": name, "propertyValue": value}
        for name, value in changes.items()
    ]
    # A running function hears of a new secret within a minute; until then HubSpot comes again.
    once(lambda: desk.of_hubspot([created]) == 200)
    assert desk.of_hubspot(changed, query="from=a%3Ab%20c") == 200
    once(lambda: desk.profile("email", email).get("traits", {}).get("first_name") == "Grace")
    once(
        lambda: desk.profile("hubspot_contact_id", str(now)).get("consent", {}).get("email", {}).get("granted") is False
    )
    assert desk.of_hubspot([created | {"subscriptionType": "contact.privacyDeletion"}]) == 200
    (told,) = [line for line in desk.run("attune privacy requests").splitlines() if str(now) in line]
    assert "forget the person" in told


def test_a_checkout_at_stripe_is_an_order_of_whoever_paid(desk: Desk) -> None:
    desk.connect("Stripe", "definitions/payments.yaml", STRIPE_ENDPOINT_SECRET=SECRET)
    now = int(time.time())
    email, customer = f"mary-{time.time_ns()}@example.com", f"cus_{time.time_ns()}"
    session = {"id": f"cs_{customer}", "customer": customer, "currency": "usd", "amount_total": 1999}
    session["customer_details"] = {"email": email}
    paid = {"id": f"evt_{customer}", "type": "checkout.session.completed", "created": now, "data": {"object": session}}
    body = msgspec.json.encode(paid)
    signature = hmac.digest(SECRET.encode(), f"{now}.".encode() + body, "sha256").hex()
    headers = {"Stripe-Signature": f"t={now},v1={signature}", "Content-Type": "application/json; charset=utf-8"}
    assert [desk.send("/v1/webhooks/payments", body, headers).status_code for _ in range(2)] == [200, 200]
    assert desk.send("/v1/webhooks/payments", body + b" ", headers).status_code == 401
    once(lambda: bool(desk.profile("email", email)))
    assert desk.profile("stripe_customer_id", customer) == desk.profile("email", email)


def test_a_contact_in_salesforce_is_acknowledged_in_its_own_words(desk: Desk) -> None:
    target = desk.connect("Salesforce", "definitions/sales.yaml").split("/v1/")[-1].strip()
    email = f"emmy-{time.time_ns()}@example.com"
    message = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>00D000000000062EAA</OrganizationId><Notification><Id>04l{time.time_ns()}</Id>"
        '<sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>003{time.time_ns()}</sf:Id><sf:Email>{email}</sf:Email><sf:FirstName>Emmy</sf:FirstName>"
        "</sObject></Notification></notifications></e:Body></e:Envelope>"
    ).encode()
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
    for address, status, answer in (
        (target, 200, "true"),
        (target + "0", 401, "false"),
        ("webhooks/sales", 401, "false"),
    ):
        said = desk.send(f"/v1/{address}", message, headers)
        assert (said.status_code, said.headers["content-type"]) == (status, "text/xml; charset=utf-8")
        assert f"<Ack>{answer}</Ack>" in said.text
    once(lambda: desk.profile("email", email).get("traits", {}).get("first_name") == "Emmy")


def test_a_booking_by_ones_own_mapping_arrives_with_its_consent(desk: Desk) -> None:
    desk.connect("Any other webhook", "definitions/bookings.yaml", BOOKING_SECRET=SECRET)
    email = f"ida-{time.time_ns()}@example.com"
    body = blocks("Any other webhook", "json")[0].replace("ada@example.com", email).replace("b-17", email)
    data = body.replace("+44 20 7946 0000", f"+44{time.time_ns() % 10**10:010}").encode()
    signature = "sha256=" + hmac.digest(SECRET.encode(), data, "sha256").hex()
    headers = {"X-Booking-Signature": signature, "Content-Type": "application/json"}
    assert desk.send("/v1/webhooks/bookings", data, headers).status_code == 200
    once(lambda: desk.profile("email", email).get("traits", {}).get("first_name") == "Ada")
    once(lambda: desk.profile("email", email).get("consent", {}).get("email", {}).get("granted") is True)
