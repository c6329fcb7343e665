"""One person who says a text of their own in every field, by every client call; and who looks for them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import boto3
import httpx

from local.first_steps import SETTLING
from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.demo.receiver import Receiver
    from local.state import Stack

AGREED: Final = {"categoryPreferences": dict.fromkeys(("analytics", "personalization", "email", "advertising"), True)}
#: what each is called; its text is made of it and of the run's number
NAMES: Final = (
    *("mail", "user", "device", "card", "phone", "customer", "external"),
    *("trait", "street", "city", "postal", "tag", "markup", "umlaut", "company", "avatar", "deeptrait"),
    *("property", "nested", "listed", "product", "brand", "sku", "variant", "picture", "coupon", "affiliate"),
    *("order", "cart", "checkout", "before", "event", "page", "screen", "title", "screenprop", "grouptrait", "group"),
    *("url", "referrer", "query", "agent", "address", "utm", "keyword", "deviceid", "devicename", "pushtoken"),
    *("system", "carrier", "place", "integration", "message", "unknown"),
    *("hookname", "hooklast", "hooksold", "hooktoken", "asked"),
    *("hubtitle", "hubown", "stripeid", "stripename", "stripestreet", "salesname", "salesdept", "trusted"),
    *("csvname", "csvextra", "ndjsonname", "ndjsonprop", "tablename"),
    *("refused", "conflict", "told", "given"),
)
#: what is said later, what no store takes, and what goes when its request is over
UNHEARD: Final = ("late", "form", "reason", "reference")


class Canaries:
    """One person, and the texts of one run. Each is nobody else's, and none is part of another."""

    def __init__(self) -> None:
        self.number = str(int(time.time() * 1_000))
        spelled = {name: f"zq{name}{self.number}x" for name in (*NAMES, *UNHEARD)}
        digits = {"phone": f"+49{self.number[-10:]}", "customer": f"77{self.number}", "asked": f"78{self.number}"}
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
    """The command; `fails`: whether it must, None where it may."""
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
    """What it answers, once it is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return found


class Person:
    """Says everything through the client's entrance."""

    def __init__(self, stack: Stack, canaries: Canaries) -> None:
        self.stack, self.canaries = stack, canaries
        self.api = httpx.Client(base_url=stack.api_url, timeout=35, trust_env=False)

    def aws(self, service: str) -> Any:
        """A client of the local cloud's."""
        make: Any = boto3.client
        return make(service, **client_settings(self.stack.aws_endpoint_url))

    def close(self) -> None:
        self.api.close()

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.stack.admin_key}"}
        answer = self.api.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def server(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.stack.server_key}"} | options.pop("headers", {})
        return self.api.request(method, path, headers=headers, **options)

    def send(self, *events: dict[str, Any]) -> None:
        """By the company's server. Each says who it is of and where they were."""
        body = {"batch": [self._whole(one) for one in events]}
        headers = {"User-Agent": f"Shop/{self.canaries.agent}"}
        answer = self.api.post("/v1/batch", json=body, auth=(self.stack.server_key, ""), headers=headers)
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
            "campaign": {"name": one.utm, "source": "mail", "term": one.keyword},
            "device": {"id": one.deviceid, "type": "phone", "name": one.devicename, "token": one.pushtoken},
            "os": {"name": one.system, "version": "1"},
            "network": {"carrier": one.carrier},
            "location": {"city": one.place},
            "externalIds": [{"id": one.external, "type": "club_id", "collection": "users", "encoding": "none"}],
        }
        return {"userId": one.user, "anonymousId": one.device, "context": context} | said

    def be_nobody_yet(self) -> None:
        """On a device that nobody has signed in on: a profile of its own, until somebody does."""
        one = self.canaries
        self.send(self.track("Before", "0", {"b": one.before}) | {"userId": None})
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
            "avatar": one.avatar,
            "tags": [one.tag, "plain"],
            "address": {"street": one.street, "city": one.city, "postalCode": one.postal, "country": "DE"},
            "company": {"name": one.company, "of": {"the": [{"deep": one.deeptrait}]}},
        }
        self.send({"type": "identify", "traits": traits, "messageId": f"a-{one.number}"} | more)

    def shop_around(self) -> None:
        one = self.canaries
        product = {
            "product_id": one.product,
            "name": one.listed,
            "brand": one.brand,
            "sku": one.sku,
            "variant": one.variant,
            "image_url": f"https://shop.example/{one.picture}.png",
            "price": 5.0,
        }
        cart = {"cart_id": one.cart, "currency": "EUR", **product}
        bought = {"order_id": one.order, "checkout_id": one.checkout, "products": [product]}
        bought |= {"coupon": one.coupon, "affiliation": one.affiliate}
        page = {"title": one.title}
        told = self.track("Told", "d", {"x": {"y": [{"z": one.nested}]}})
        self.send(
            self.track(one.event, "", {"a": one.property}) | {"messageId": one.message},
            self.track("Product Added", "b", cart),
            self.track("Order Completed", "c", bought),
            told | {"integrations": {"Mail": {"id": one.integration}}, "unheard_of": one.unknown},
            {"type": "page", "name": one.page, "messageId": f"e-{one.number}", "properties": page},
            {"type": "screen", "name": one.screen, "messageId": f"f-{one.number}", "properties": {"s": one.screenprop}},
            {"type": "group", "groupId": one.group, "messageId": f"g-{one.number}", "traits": {"n": one.grouptrait}},
        )
        self.send(self.track("Other", "", {"a": one.conflict}) | {"messageId": one.message})

    def track(self, event: str, number: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        message_id = f"{number}-{self.canaries.number}"
        return {"type": "track", "event": event, "messageId": message_id, "properties": properties}

    def be_refused(self) -> None:
        """Something that is no event, of somebody who is named in it; and what no form of ours asks for."""
        one = self.canaries
        self.send({"type": "tarck", "traits": {"email": one.mail, "note": one.refused}, "messageId": f"h-{one.number}"})
        link = self.server("POST", f"/v1/profiles/email%3A{one.mail}/preferences-link", json={})
        assert self.api.post(link.json()["url"], data={"note": one.form}).headers["attune-code"] == "invalid_body"
        because = {"X-Attune-Reason": f"for {one.reason}"}
        refused = self.server("GET", f"/v1/profiles/email%3A{one.mail}", headers=because)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_reason")

    def be_on_a_list(self) -> None:
        one = self.canaries
        answer = self.server("POST", f"/v1/lists/fair_{one.number}", json={"add": [f"email:{one.mail}"]})
        assert answer.is_success, answer.text

    def hear_of_the_shop(self, receiver: Receiver, gone: str) -> None:
        """A campaign whose message says what they said, to an endpoint that takes it and to one that is `gone`."""
        one = self.canaries
        segment = f"sung_{one.number}"
        when = {"type": "performed", "event": "Sung", "at_least": 1, "within": "24h"}
        sung = {"kind": "segment", "id": segment, "when": when, "grace": "0s"}
        self.admin("PUT", f"/v1/definitions/segment/{segment}", sung)
        message = {"email": "{{ traits.email }}", "hello": "{{ traits.first_name }} {{ traits.last_name }}"}
        for name, url in (("song", receiver.url), ("echo", gone)):
            hook, campaign = f"{name}_hook_{one.number}", f"{name}_{one.number}"
            channel = {"kind": "channel", "id": hook, "type": "webhook", "url": url, "purpose": "email"}
            self.admin("PUT", f"/v1/definitions/channel/{hook}", channel)
            secret = self.admin("POST", f"/v1/channels/{hook}/secrets")["secret"]
            receiver.secret = secret if name == "song" else receiver.secret
            tells = {"kind": "campaign", "id": campaign, "trigger": {"segment": segment}, "channel": hook}
            self.admin("PUT", f"/v1/definitions/campaign/{campaign}", tells | {"message": message})
        time.sleep(SETTLING)
        self.send({"type": "track", "event": "Sung", "messageId": f"i-{one.number}", "properties": {"t": one.told}})
        eventually(lambda: receiver.messages_to(one.mail))

    def come_late(self) -> None:
        """What was said before, sent again, and something that was on its way all the time."""
        one = self.canaries
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
        self.send(self.track("Late", "z", {"late": one.late}) | {"timestamp": before})
        self.introduce(timestamp=before)

    def profile(self, address: str = "") -> dict[str, Any] | None:
        answer = self.server("GET", f"/v1/profiles/{address or f'email%3A{self.canaries.mail}'}")
        return dict(answer.json()) if answer.status_code == 200 else None
