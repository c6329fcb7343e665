"""What docs/collect.md says of Stripe, Salesforce and other webhooks: definitions are applied, examples are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from attune.adapters.memory import MemoryDefinitions, MemorySecrets
from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.signatures import HmacSignature, Signature
from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event
from attune.sources import salesforce, stripe
from attune.sources.mapped import GRANTED, WITHDRAWN
from attune.sources.salesforce_messages import NOT_STORED, STORED
from cli.apply import read_definitions
from tests.functions.gateway import Context, http_event
from tests.functions.webhook_door import ROUTE, Door, receiving_function

MANUAL = (Path(__file__).parents[2] / "docs/collect.md").read_text()
SECRET = "a secret of forty characters or about that"


def section(heading: str) -> str:
    return MANUAL.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def snippets(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def sources(text: str, folder: Path) -> list[Source]:
    """Every definition of a section, as `attune apply` takes it."""
    found: list[Source] = []
    for number, yaml in enumerate(snippets(text, "yaml")):
        file = folder / f"{number}.yaml"
        file.write_text(yaml)
        for _, definition in read_definitions([file]):
            assert isinstance(definition, Source)
            assert check(definition, snapshot(())) == []
            found.append(definition)
    return found


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table under `header`; a bar within a cell is escaped."""
    table = text.partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


class Sender:
    """Posts to one source of the manual."""

    def __init__(self, module: Any, *known: Source) -> None:
        self.door = Door(module)
        self.door.rebuild(
            definitions=MemoryDefinitions(known), secrets=MemorySecrets({one.id: (SECRET,) for one in known})
        )

    def post(self, source: str, body: bytes, headers: dict[str, str], **query: str) -> tuple[int, str, str]:
        """Status, body and content type of the answer."""
        event = http_event(ROUTE, body, headers, {"source": source}) | {"queryStringParameters": query}
        answer = self.door.module.handler(event, Context())
        return answer["statusCode"], answer["body"], answer["headers"]["content-type"]

    def events(self) -> list[Event]:
        return [one for one in self.door.events() if one.type != CONSENT]


@pytest.fixture(scope="module")
def module() -> Any:
    return receiving_function()


def mac(data: bytes) -> bytes:
    return hmac.new(SECRET.encode(), data, hashlib.sha256).digest()


# --------------------------------------------------------------------------------------------------------------- Stripe
def test_stripes_section(module: Any, tmp_path: Path) -> None:
    sender = Sender(module, *sources(section("Stripe"), tmp_path))
    session = {"id": "cs_1", "customer": "cus_1", "amount_total": 1999, "currency": "usd"}
    now = int(time.time())
    document = {"id": "evt_1", "type": "checkout.session.completed", "created": now, "data": {"object": session}}
    body = json.dumps(document).encode()
    signature = f"t={now},v1={mac(f'{now}.'.encode() + body).hex()}"
    assert sender.post("payments", body, {"stripe-signature": signature})[:2] == (200, '{"success":true}')
    (order,) = sender.events()
    assert (order.name, order.properties["total"]) == ("Order Completed", 19.99)
    assert sender.post("payments", body + b" ", {"stripe-signature": signature})[0] == 401


def test_stripes_table_is_the_one_that_is_used() -> None:
    shown = rows(section("Stripe"), "| Stripe's event |")
    assert [names(row[0])[0] for row in shown] == list(stripe.EVENTS)
    for row, mapping in zip(shown, stripe.EVENTS.values(), strict=True):
        assert row[1] == ("identify" if mapping.type == "identify" else f"`{str(mapping.event).strip("'")}`")
        assert names(row[2]) == list(mapping.identifiers)
        assert names(row[3]) == list(mapping.traits or mapping.properties)


# ----------------------------------------------------------------------------------------------------------- Salesforce
def outbound(kind: str, organization: str = "00D000000000062EAA", **fields: str) -> bytes:
    inner = "".join(f"<sf:{name}>{value}</sf:{name}>" for name, value in fields.items())
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><Notification><Id>04l1</Id>"
        f'<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{inner}</sObject>'
        "</Notification></notifications></e:Body></e:Envelope>"
    ).encode()


XML = {"content-type": "text/xml; charset=UTF-8", "soapaction": '""'}


def test_salesforces_section(module: Any, tmp_path: Path) -> None:
    plain, custom = sources(section("Salesforce"), tmp_path)
    sender = Sender(module, plain)
    contact = outbound("Contact", Id="0031", Email="ada@example.com", FirstName="Ada")
    assert sender.post("sales", contact, XML, token=SECRET) == (200, STORED.text, STORED.content_type)
    card = outbound("Loyalty__c", Card__c="L-1", Points__c="12")
    assert sender.post("sales", card, XML, token=SECRET)[0] == 200
    assert [one.traits["first_name"] for one in sender.events()] == ["Ada"]
    assert [reason for reason, _ in sender.door.rejected()] == ["unknown_topic"]
    sender = Sender(module, custom)
    assert sender.post("sales", card, XML, token=SECRET)[0] == 200
    assert [(one.name, one.properties) for one in sender.events()] == [("Loyalty__c Changed", {"points": 12})]


def test_salesforce_hears_false_whenever_nothing_is_stored(module: Any, tmp_path: Path) -> None:
    (plain, _) = sources(section("Salesforce"), tmp_path)
    sender = Sender(module, plain)
    contact = outbound("Contact", Id="0031")

    def refused(status: int, body: bytes = contact, source: str = "sales", token: str = SECRET) -> None:
        answer = sender.post(source, body, XML, token=token)
        assert answer == (status, NOT_STORED.text, NOT_STORED.content_type)

    refused(401, token="guessed-guessed")
    refused(401, token="")
    refused(401, outbound("Contact", organization="00D000000000063EAA", Id="0031"))
    refused(404, source="nobody")
    refused(413, b" " * 500 * 1024 + contact)
    sender.door.stream.is_down = True
    refused(503)
    assert sender.door.records() == []
    assert "<Ack>false</Ack>" in NOT_STORED.text


def test_salesforces_table_is_the_one_that_is_used() -> None:
    shown = [
        (names(row[0])[0], row[1], row[2].strip("`")) for row in rows(section("Salesforce"), "| record | becomes |")
    ]
    assert shown == [
        (kind, f"{title} `{name}`", expression)
        for kind, mapping in salesforce.OBJECTS.items()
        for title, part in (("identifier", mapping.identifiers), ("trait", mapping.traits))
        for name, expression in part.items()
    ]


# ---------------------------------------------------------------------------------------------------- any other webhook
def test_the_bookings_of_the_manual(module: Any, tmp_path: Path) -> None:
    text = section("Any other webhook")
    sender = Sender(module, *sources(text, tmp_path))
    body = snippets(text, "json")[0].encode()
    signature = "sha256=" + mac(body).hex()
    assert sender.post("bookings", body, {"x-booking-signature": signature})[0] == 200
    (booked,) = sender.events()
    assert (booked.name, booked.time) == ("Appointment Booked", 1_749_974_400_000)
    assert {one.namespace: one.value for one in booked.identifiers} == {
        "email": "ada@example.com",
        "phone": "+442079460000",
    }
    assert booked.properties == {
        "service": "Haircut",
        "price": 35.5,
        "products": [{"product_id": "wash", "quantity": 1}],
    }
    (stated,) = [one for one in sender.door.events() if one.type == CONSENT]
    assert (stated.consent, stated.time) == ({"email": True}, 1_748_768_400_000)
    assert sender.post("bookings", body, {"x-booking-signature": signature.upper()})[0] == 401


def test_github_and_slack_of_the_manual(module: Any, tmp_path: Path) -> None:
    sender = Sender(module, *sources(section("Any other webhook"), tmp_path))
    body = b'{"action": "opened", "sender": {"login": "ada"}}'
    assert sender.post("github", body, {"X-Hub-Signature-256": "sha256=" + mac(body).hex()})[0] == 200
    now = int(time.time())
    body = json.dumps({"event": {"type": "message", "user": "U1"}, "event_id": "Ev1", "event_time": now}).encode()
    signature = "v0=" + mac(f"v0:{now}:".encode() + body).hex()
    headers = {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": str(now)}
    assert sender.post("slack", body, headers)[0] == 200
    assert sender.post("slack", body, {**headers, "X-Slack-Request-Timestamp": str(now - 1)})[0] == 401
    assert [one.name for one in sender.events()] == ["opened", "message"]


def test_every_field_of_a_mapping_and_every_scheme_is_in_the_manual() -> None:
    text = section("Any other webhook")
    fields = {name for row in rows(text, "| field | gives |") for name in names(row[0])}
    assert fields == set(Mapping.__struct_fields__)
    words = names(next(row[1] for row in rows(text, "| field | gives |") if row[0] == "`consent`"))
    assert words[:-1] == [*GRANTED, *WITHDRAWN]
    schemes = {names(row[0])[0]: set(names(row[2])) for row in rows(text, "| `scheme` | proves |")}
    assert set(schemes) == {one.__struct_config__.tag for one in get_args(Signature)}
    assert schemes["hmac"] >= set(HmacSignature.__struct_fields__) - {"tolerance"}


def test_a_login_is_no_proof_of_the_body_but_of_the_sender(module: Any) -> None:
    """`token` and `basic`, which the manual's examples do not use."""
    mapping = {"event": "'Seen'", "identifiers": {"email": "email"}}
    known = [
        {"kind": "source", "id": "token", "type": "webhook", "signature": {"scheme": "token", "header": "X-Key"}},
        {"kind": "source", "id": "basic", "type": "webhook", "signature": {"scheme": "basic"}},
    ]
    sender = Sender(module, *(msgspec.convert({**one, "mapping": mapping}, Source) for one in known))
    body = b'{"email": "ada@example.com"}'
    login = "Basic " + base64.b64encode(SECRET.encode()).decode()
    assert sender.post("token", body, {"x-key": SECRET})[0] == 200
    assert sender.post("basic", body, {"authorization": login})[0] == 200
    assert sender.post("token", body, {"x-key": SECRET + "x"})[0] == 401
    assert sender.post("basic", body, {"authorization": login.lower()})[0] == 401
    assert len(sender.events()) == 2
