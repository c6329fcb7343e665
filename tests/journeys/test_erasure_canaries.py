"""Fifty texts in everything that a person can say of themselves: found in many stores, and after an erasure in none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import boto3
import httpx
import pytest

from local.demo.receiver import Receiver
from local.first_steps import SETTLING
from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local.state import Stack

pytestmark = pytest.mark.cloud

AGREED: Final = {"categoryPreferences": dict.fromkeys(("analytics", "personalization", "email", "advertising"), True)}
SHOP_SECRET: Final = "a secret of the canaries"
#: what each is called; its text is made of it and of the run's number
NAMES: Final = (
    *("mail", "user", "device", "card", "phone", "customer"),
    *("trait", "street", "tag", "markup", "umlaut", "company"),
    *("property", "nested", "listed", "product", "brand", "order", "cart", "checkout", "before"),
    *("event", "page", "screen", "title", "screenprop", "grouptrait", "group"),
    *("url", "referrer", "query", "agent", "address", "utm", "deviceid", "system", "message"),
    *("hookname", "hooklast", "hooksold", "hooktoken"),
    *("csvname", "csvextra", "ndjsonname", "ndjsonprop"),
    *("refused", "conflict", "late", "told", "reference"),
)


class Canaries:
    """One person, and the texts of one run. Each is nobody else's, and none is part of another."""

    def __init__(self) -> None:
        self.number = str(int(time.time() * 1_000))
        spelled = {name: f"zq{name}{self.number}x" for name in NAMES}
        digits = {"phone": f"+49{self.number[-10:]}", "customer": f"77{self.number}"}
        bits = f"{int(self.number):012x}"[-12:]
        address = {"address": f"2001:db8:{bits[:4]}:{bits[4:8]}:{bits[8:]}::7"}
        text = {"markup": f"<b>zqmarkup{self.number}</b>", "umlaut": f"Zoë Österling-{self.number}"}
        self._texts = spelled | digits | address | text | {"mail": f"zqmail.{self.number}@example.com"}

    def __getattr__(self, name: str) -> str:
        return self._texts[name]

    @property
    def all(self) -> list[str]:
        return list(self._texts.values())

    @property
    def people(self) -> list[str]:
        """What a company would name in a request: an address and an account."""
        return [f"email:{self.mail}", f"user_id:{self.user}"]


def attune(stack: Stack, *arguments: str, feed: str = "", fails: bool | None = False) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={
            "ATTUNE_API_URL": stack.api_url,
            "ATTUNE_ADMIN_KEY": stack.admin_key,
            "ATTUNE_SERVER_KEY": stack.server_key,
            "PATH": "",
            "COLUMNS": "200",
        },
        input=feed,
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )
    assert fails is None or (ran.returncode != 0) == fails, ran.stderr + ran.stdout
    return ran.stdout


def looked_for(stack: Stack, canaries: Canaries, *, fails: bool) -> dict[str, Any]:
    """What `attune privacy verify` finds of all of them."""
    options = [part for one in canaries.people for part in ("--subject", one)]
    command = ("privacy", "verify", *options, "--string", "-", "--json")
    said = attune(stack, *command, feed="\n".join(canaries.all), fails=fails)
    found: dict[str, Any] = json.loads(said[said.index("{") :])["result"]
    return found


def eventually[T](look: Callable[[], T | None], seconds: float = 90) -> T:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return found


class Person:
    """Says everything through every entrance."""

    def __init__(self, stack: Stack, canaries: Canaries) -> None:
        self.stack, self.canaries = stack, canaries
        self._api = httpx.Client(base_url=stack.api_url, timeout=35, trust_env=False)
        make: Any = boto3.client
        self.s3 = make("s3", **client_settings(stack.aws_endpoint_url))

    def close(self) -> None:
        self._api.close()

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.stack.admin_key}"}
        answer = self._api.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def send(self, *events: dict[str, Any]) -> None:
        """By the company's server. Each says who it is of and where they were."""
        body = {"batch": [self._whole(one) for one in events]}
        headers = {"User-Agent": f"Shop/{self.canaries.agent}"}
        answer = self._api.post("/v1/batch", json=body, auth=(self.stack.server_key, ""), headers=headers)
        assert answer.status_code == 200, answer.text

    def _whole(self, said: dict[str, Any]) -> dict[str, Any]:
        one = self.canaries
        context = {
            "consent": AGREED,
            "ip": one.address,
            "userAgent": f"Mozilla/5.0 ({one.agent})",
            "page": {
                "url": f"https://shop.example/{one.url}?e=%7A{one.query[1:]}",
                "search": f"?q={one.query}",
                "referrer": f"https://friend.example/{one.referrer}",
                "title": one.title,
            },
            "campaign": {"name": one.utm, "source": "mail"},
            "device": {"id": one.deviceid, "type": "phone"},
            "os": {"name": one.system, "version": "1"},
        }
        return {"userId": one.user, "anonymousId": one.device, "context": context} | said

    def be_nobody_yet(self) -> None:
        """On a device that nobody has signed in on: a profile of its own, until somebody does."""
        one = self.canaries
        self.send(self._track("Before", "0", {"b": one.before}) | {"userId": None})
        eventually(lambda: self.profile(f"anonymous_id%3A{one.device}"))

    def introduce(self, **more: str) -> None:
        one = self.canaries
        traits = {
            "email": one.mail,
            "phone": one.phone,
            "loyalty_id": one.card,
            "first_name": one.trait,
            "bio": one.markup,
            "last_name": one.umlaut,
            "tags": [one.tag, "plain"],
            "address": {"street": one.street, "country": "DE"},
            "company": {"name": one.company},
        }
        self.send({"type": "identify", "traits": traits, "messageId": f"a-{one.number}"} | more)

    def shop_around(self) -> None:
        one = self.canaries
        product = {"product_id": one.product, "name": one.listed, "brand": one.brand, "price": 5.0}
        cart = {"cart_id": one.cart, "currency": "EUR", **product}
        bought = {"order_id": one.order, "checkout_id": one.checkout, "products": [product]}
        page = {"title": one.title}
        self.send(
            self._track(one.event, "", {"a": one.property}) | {"messageId": one.message},
            self._track("Product Added", "b", cart),
            self._track("Order Completed", "c", bought),
            self._track("Told", "d", {"x": {"y": [{"z": one.nested}]}}),
            {"type": "page", "name": one.page, "messageId": f"e-{one.number}", "properties": page},
            {"type": "screen", "name": one.screen, "messageId": f"f-{one.number}", "properties": {"s": one.screenprop}},
            {"type": "group", "groupId": one.group, "messageId": f"g-{one.number}", "traits": {"n": one.grouptrait}},
        )
        self.send(self._track("Other", "", {"a": one.conflict}) | {"messageId": one.message})

    def _track(self, event: str, number: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        message_id = f"{number}-{self.canaries.number}"
        return {"type": "track", "event": event, "messageId": message_id, "properties": properties}

    def be_refused(self) -> None:
        """Something that is no event, of somebody who is named in it."""
        one = self.canaries
        self.send({"type": "tarck", "traits": {"email": one.mail, "note": one.refused}, "messageId": f"h-{one.number}"})

    def order_in_the_shop(self) -> None:
        one = self.canaries
        source = f"shop_{one.number}"
        domain = f"c{one.number}.myshopify.com"
        vouched = {"analytics": True, "personalization": True}
        shop = {"kind": "source", "id": source, "type": "shopify", "shop_domain": domain, "consent": vouched}
        self.admin("PUT", f"/v1/definitions/source/{source}", shop)
        self.admin("PUT", f"/v1/sources/{source}/secrets", {"secrets": [SHOP_SECRET]})
        customer = {"id": int(one.customer), "email": one.mail, "verified_email": True}
        order = {
            "id": int(one.number) + 3,
            "email": one.mail,
            "cart_token": one.hooktoken,
            "customer": customer | {"first_name": one.hookname, "last_name": one.hooklast},
            "line_items": [{"id": 1, "product_id": 2, "title": one.hooksold, "quantity": 1, "price": "5.00"}],
            "total_price": "5.00",
            "currency": "EUR",
        }
        body = json.dumps(order).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Shop-Domain": domain,
            "X-Shopify-Webhook-Id": one.number,
            "X-Shopify-Hmac-SHA256": base64.b64encode(hmac.digest(SHOP_SECRET.encode(), body, hashlib.sha256)).decode(),
        }
        time.sleep(SETTLING)
        answer = self._api.post(f"/v1/webhooks/{source}", content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    def be_in_files(self) -> None:
        one = self.canaries
        source = f"tills_{one.number}"
        mapping = {
            "identifiers": {"loyalty_id": "card", "email": "mail"},
            "time": "at",
            "event": "'Store Visit'",
            "properties": {"name": "name", "extra": "extra"},
        }
        consent = {"analytics": True, "personalization": True}
        tills = {"kind": "source", "id": source, "type": "file", "consent": consent, "mapping": mapping}
        self.admin("PUT", f"/v1/definitions/source/{source}", tills)
        time.sleep(SETTLING)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())  # before they consented it would not be kept
        head, bob = "card,mail,at,name,extra", f"other-{one.number},,{at},Bob,"
        rows = f"{head}\n{bob}\n{one.card},{one.mail},{at},{one.csvname},{one.csvextra}\n"
        line = {"card": one.card, "mail": one.mail, "at": at, "name": one.ndjsonname, "extra": {"deep": one.ndjsonprop}}
        other = {"card": f"other-{one.number}", "at": at, "name": "Bob"}
        for name, text in (("visits.csv", rows), ("visits.ndjson", f"{json.dumps(line)}\n{json.dumps(other)}\n")):
            key = f"imports/{source}/{name}"
            self.s3.put_object(Bucket=self.stack.outputs["ImportsBucket"], Key=key, Body=text.encode())
            eventually(lambda key=key: self._report(key))  # type: ignore[misc]

    def _report(self, key: str) -> bool:
        bucket = self.stack.outputs["ImportsBucket"]
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}.report.json").get("Contents")
        if not found:
            return False
        state = json.loads(self.s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read())
        assert state["state"] != "failed", state
        return bool(state["state"] != "reading")

    def be_on_a_list(self) -> None:
        one = self.canaries
        body = {"add": [f"email:{one.mail}"]}
        headers = {"Authorization": f"Bearer {self.stack.server_key}"}
        answer = self._api.post(f"/v1/lists/fair_{one.number}", json=body, headers=headers)
        assert answer.is_success, answer.text

    def hear_of_the_shop(self, receiver: Receiver) -> None:
        """A campaign whose message says what they said, sent to somebody who takes it."""
        one = self.canaries
        hook, segment, campaign = (f"{what}_{one.number}" for what in ("hook", "sung", "song"))
        when = {"type": "performed", "event": "Sung", "at_least": 1, "within": "24h"}
        sung = {"kind": "segment", "id": segment, "when": when, "grace": "0s"}
        self.admin("PUT", f"/v1/definitions/segment/{segment}", sung)
        channel = {"kind": "channel", "id": hook, "type": "webhook", "url": receiver.url, "purpose": "email"}
        self.admin("PUT", f"/v1/definitions/channel/{hook}", channel)
        receiver.secret = self.admin("POST", f"/v1/channels/{hook}/secrets")["secret"]
        song = {"kind": "campaign", "id": campaign, "trigger": {"segment": segment}, "channel": hook}
        message = {"email": "{{ traits.email }}", "hello": "{{ traits.first_name }} {{ traits.last_name }}"}
        self.admin("PUT", f"/v1/definitions/campaign/{campaign}", song | {"message": message})
        time.sleep(SETTLING)
        self.send({"type": "track", "event": "Sung", "messageId": f"i-{one.number}", "properties": {"t": one.told}})
        eventually(lambda: receiver.messages_to(one.mail))

    def come_late(self) -> None:
        """What was said before, sent again, and something that was on its way all the time."""
        one = self.canaries
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
        self.send(self._track("Late", "z", {"late": one.late}) | {"timestamp": before})
        self.introduce(timestamp=before)

    def profile(self, address: str = "") -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self.stack.server_key}"}
        answer = self._api.get(f"/v1/profiles/{address or f'email%3A{self.canaries.mail}'}", headers=headers)
        return dict(answer.json()) if answer.status_code == 200 else None


def told_elsewhere(stack: Stack) -> Iterator[str]:
    """What the command does not ask: lines of every log group there is, and what runs were given and answered."""
    make: Any = boto3.client
    logs, machines = (make(one, **client_settings(stack.aws_endpoint_url)) for one in ("logs", "stepfunctions"))
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])
    for name, machine in stack.outputs.items():
        if name.endswith("MachineArn"):
            for run in machines.list_executions(stateMachineArn=machine)["executions"]:
                described = machines.describe_execution(executionArn=run["executionArn"])
                yield f"{described['name']} {described.get('input')} {described.get('output')}"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def person(stack: Stack, canaries: Canaries) -> Iterator[Person]:
    with closing(Person(stack, canaries)) as somebody:
        yield somebody


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as endpoint:
        yield endpoint


def test_nothing_of_fifty_texts_is_left_anywhere_after_an_erasure(
    stack: Stack, person: Person, canaries: Canaries, receiver: Receiver
) -> None:
    person.be_nobody_yet()
    person.order_in_the_shop()
    person.introduce()
    eventually(person.profile)
    person.shop_around()
    person.be_refused()
    person.be_in_files()
    person.be_on_a_list()
    person.hear_of_the_shop(receiver)
    attune(stack, "privacy", "access", *canaries.people, "--reference", canaries.reference, "--wait")

    before = looked_for(stack, canaries, fails=True)
    held = {name for name, one in before["stores"].items() if one["found"]}
    assert held >= {"profiles", "lake", "quarantine", "imports", "audit"}, before
    not_yet_or_no_more = len(("late", "reference"))  # what is said later; what went when the access request was over
    assert before["texts"] == {"wanted": len(NAMES), "found": len(NAMES) - not_yet_or_no_more}, before

    attune(stack, "privacy", "erase", canaries.people[0], "--reference", canaries.reference, "--wait")
    assert person.profile() is None
    after = looked_for(stack, canaries, fails=False)
    assert {name: one["where"] for name, one in after["stores"].items() if one["found"]} == {}
    assert after["stores"].keys() == before["stores"].keys()

    said = list(told_elsewhere(stack))
    assert len(said) > 100
    assert [text for text in canaries.all if any(text.lower() in line.lower() for line in said)] == []

    person.come_late()
    attune(stack, "quarantine", "replay", "--since", "1d", "--reason", "invalid_type", fails=None)  # other people's too
    time.sleep(10)
    assert person.profile() is None
    again = looked_for(stack, canaries, fails=False)
    assert (again["found"], again["unread"]) == (0, 0), again
