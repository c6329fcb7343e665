"""The story itself: who does what in the shop, and what must and must not come of it."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from local.demo.receiver import Received, Receiver
from local.demo.report import Report
from local.demo.shop import (
    EVERYTHING,
    SHIRT,
    SHOES,
    Shop,
    shopify_cart,
    shopify_checkout,
    shopify_customer,
    shopify_order,
)

#: the shop's definition of abandonment, shortened for the demo; seconds
CART_TIMER = 20
#: profiles are woken every minute: a timer's end, at most one run later, and the way to the endpoint
WEBHOOK_WITHIN = CART_TIMER + 150
SEGMENT_WITHIN = 5.0
#: two runs of the waker after the last timer has ended
SILENCE = CART_TIMER + 130


@dataclass
class Story:
    """One telling; `run` makes its customers new ones, `fault` is what goes wrong on purpose."""

    shop: Shop
    receiver: Receiver
    report: Report
    run: str
    fault: str | None = None
    started: dict[str, float] = field(default_factory=dict)

    def tell(self) -> None:
        """Everything in order; timers run side by side."""
        self.morning()
        self.afternoon()

    def morning(self) -> None:
        """What is measured to the second: it wants the stack for itself."""
        self.history()
        self.fourth_view()

    def afternoon(self) -> None:
        """What is mostly waited for."""
        self.login()
        self.leave_carts()
        self.reminders_arrive()
        self.silence()
        self.profile()

    def history(self) -> None:
        """A few sessions of everyday shoppers, so that the rest happens in a shop and not in a void."""
        self.report.chapter("A morning in the shop")
        since = time.monotonic()
        shoppers = [f"visitor-{n}-{self.run}" for n in range(1, 7)]
        for number, shopper in enumerate(shoppers):
            visit = self.shop.visit(shopper, EVERYTHING).page("Home").view(SHIRT, times=1 + number % 3)
            if number % 2:
                visit.log_in(f"regular-{number}-{self.run}", email=f"regular-{number}-{self.run}@example.com")
                visit.add(f"cart-{shopper}", SHOES).order(f"cart-{shopper}", SHOES)
            visit.end()
        refused = self.shop.visit(f"nora-{self.run}", {"analytics": False, "personalization": False, "email": False})
        refused.view(SHOES, times=4).add(f"cart-nora-{self.run}", SHOES).end()
        known = self.report.eventually(
            lambda: [self.shop.profile("anonymous_id", shopper) for shopper in shoppers],
            lambda all_: None not in all_,
            60,
        )
        self.report.check(
            "six shoppers' sessions became six profiles",
            "6 profiles",
            f"{sum(profile is not None for profile in known)} profiles",
            ok=None not in known,
            since=since,
        )
        nora = self.shop.profile("anonymous_id", f"nora-{self.run}")
        self.report.check(
            "a visitor who refused everything left no trace", "no profile", str(nora), ok=nora is None, since=since
        )

    def fourth_view(self) -> None:
        """More than 3 views in 24 hours: true with the fourth, not with the third."""
        self.report.chapter("Ada looks at a shirt for the fourth time")
        ada = f"ada-device-{self.run}"
        self.shop.visit(ada, EVERYTHING).view(SHIRT, times=3).end()
        third = self.report.eventually(lambda: self._segments("anonymous_id", ada), lambda seen: seen is not None, 30)
        since = time.monotonic()
        self.shop.visit(ada, EVERYTHING).view(SHIRT).end()
        fourth = self.report.eventually(
            lambda: self._segments("anonymous_id", ada), lambda seen: "product_viewer" in (seen or []), 30
        )
        took = time.monotonic() - since
        self.report.check(
            f"the fourth view is in the segment {took:.2f} s after it was sent",
            f"no segment after three views, product_viewer within {SEGMENT_WITHIN:.0f} s of the fourth",
            f"{third} after three, {fourth} after four, {took:.2f} s",
            ok=third == [] and "product_viewer" in (fourth or []) and took <= SEGMENT_WITHIN,
            since=since,
        )

    def login(self) -> None:
        """The customer the shop has known from Shopify is the visitor who looked at shirts."""
        self.report.chapter("Ada logs in: the visitor and the customer are one")
        email = self._email("ada")
        self.shop.shopify("customers/create", shopify_customer(self._number(1), email, "Ada"))
        self.report.eventually(lambda: self.shop.profile("email", email), lambda seen: seen is not None, 30)
        since = time.monotonic()
        device = f"ada-device-{self.run}"
        self.shop.sign_in(device, EVERYTHING, f"ada-{self.run}", email=email, first_name="Ada")
        merged = self.report.eventually(
            lambda: (self.shop.profile("email", email) or {}, self.shop.profile("anonymous_id", device) or {}),
            lambda both: both[0].get("profile_id") == both[1].get("profile_id"),
            30,
        )
        customer, visitor = merged
        namespaces = sorted({identifier["namespace"] for identifier in customer.get("identifiers", [])})
        self.report.check(
            "the anonymous visitor and the customer from Shopify were merged",
            "one profile with both identifiers, the name from Shopify and the segment from the visit",
            f"{namespaces}, {customer.get('traits')}, {customer.get('segments')}",
            ok=customer.get("profile_id") == visitor.get("profile_id")
            and {"anonymous_id", "shopify_customer_id", "user_id"} <= set(namespaces)
            and customer.get("traits", {}).get("first_name") == "Ada"
            and "product_viewer" in customer.get("segments", []),
            since=since,
        )

    def leave_carts(self) -> None:
        """Four carts are left alone at about the same time; one of them is then ordered."""
        self.report.chapter(f"Four carts are filled and left (the timer is {CART_TIMER} s)")
        device = f"ada-device-{self.run}"
        self.shop.visit(device, EVERYTHING, f"ada-{self.run}").add(f"cart-ada-{self.run}", SHIRT, SHOES).end()
        self._left("ada", "in the browser, logged in, with consent")

        banner = EVERYTHING | {"email": self.fault == "consent"}
        ben = self.shop.visit(f"ben-device-{self.run}", banner)
        ben.log_in(f"ben-{self.run}", email=self._email("ben"), first_name="Ben")
        ben.add(f"cart-ben-{self.run}", SHOES).end()
        self._left("ben", "in the browser, logged in, without consent to e-mail")

        cleo = shopify_customer(self._number(3), self._email("cleo"), "Cleo")
        dan = shopify_customer(self._number(5), self._email("dan"), "Dan")
        for customer in (cleo, dan):
            self.shop.shopify("customers/create", customer)
            self.shop.set_consent("email", customer["email"], {"email": True})
        token = f"cleo{self.run}"
        self.shop.shopify("carts/create", shopify_cart(token, SHIRT))
        self._left("cleo", "an anonymous Shopify cart")
        self.shop.shopify("carts/create", shopify_cart(f"dan{self.run}", SHOES))
        self.shop.shopify("checkouts/create", shopify_checkout(f"dan{self.run}", dan, SHOES))
        self._left("dan", "an anonymous Shopify cart that reached the checkout")
        time.sleep(CART_TIMER / 4)
        if self.fault == "order":
            self.shop.shopify("checkouts/create", shopify_checkout(token, cleo, SHIRT))
        else:
            self.shop.shopify("orders/create", shopify_order(token, cleo, SHIRT))
        self.report.say("cleo ordered what was in her cart, under her e-mail address")

    def reminders_arrive(self) -> None:
        """The two who left their carts and consent to e-mail are reminded."""
        self.report.chapter("The timers run out")
        for name, first_name, products in (("ada", "Ada", [SHIRT, SHOES]), ("dan", "Dan", [SHOES])):
            email, since = self._email(name), self.started[name]
            left = WEBHOOK_WITHIN - (time.monotonic() - since)
            got = self.report.eventually(
                lambda email=email: self._reminders(email),  # type: ignore[misc]
                bool,
                max(left, 1),
                f"waiting for {first_name}'s timer and the next wake-up",
            )
            message = got[0].message if got else {}
            names = sorted(product["name"] for product in message.get("cart", {}).get("products", []))
            self.report.check(
                f"{first_name}'s cart reminder arrived, signed",
                f"one verified webhook with {first_name}'s name and {[product['name'] for product in products]}",
                f"{len(got)} webhooks, verified {[one.verified for one in got]}: {json.dumps(message)}",
                ok=bool(got)
                and all(one.verified for one in got)
                and first_name in str(message.get("greeting"))
                and names == sorted(str(product["name"]) for product in products),
                since=since,
            )

    def silence(self) -> None:
        """Who must hear nothing hears nothing, and nobody hears anything twice, also after two more wake-ups."""
        self.report.chapter("And nothing else")
        until = max(self.started.values()) + SILENCE
        while (left := until - time.monotonic()) > 0 and not self.report.failed:
            self.report.say(f"listening for what must not come, {left:.0f} s more")
            time.sleep(min(15, left))
        self._ben_heard_nothing()
        self._cleo_heard_nothing()
        for name in ("ada", "dan"):
            ids = {one.id for one in self._reminders(self._email(name))}
            self.report.check(
                f"{name} was reminded exactly once",
                "one webhook-id",
                f"{sorted(ids)}",
                ok=len(ids) == 1,
                since=self.started[name],
            )

    def profile(self) -> None:
        """The profile as the API returns it."""
        self.report.chapter("Ada, as the API returns her")
        since = time.monotonic()
        ada = self.shop.profile("email", self._email("ada"))
        self.report.console.print_json(json.dumps(ada))
        delivered = [one["campaign"] for one in (ada or {}).get("deliveries", []) if one["state"] == "delivered"]
        self.report.check(
            "the profile shows the delivery",
            "traits, identifiers, segments, consent, and cart_reminder delivered",
            f"delivered: {delivered}",
            ok="cart_reminder" in delivered,
            since=since,
        )
        self.report.check(
            "the client delivered every call",
            "no error",
            f"{self.shop.undelivered}",
            ok=not self.shop.undelivered,
            since=since,
        )

    def _ben_heard_nothing(self) -> None:
        email = self._email("ben")
        got = self.receiver.messages_to(email)
        reason = "cart_reminder: no_consent"
        refused = self.report.eventually(lambda: self._refused(email), lambda seen: reason in seen, 10)
        self.report.check(
            "Ben, who did not consent to e-mail, got nothing, and the profile says why",
            "no webhook; the delivery not_sent for no_consent",
            f"{len(got)} webhooks; {refused}",
            ok=not got and reason in refused,
            since=self.started["ben"],
        )

    def _cleo_heard_nothing(self) -> None:
        email = self._email("cleo")
        got = self.receiver.messages_to(email)
        cleo = self.shop.profile("email", email) or {}
        namespaces = {identifier["namespace"] for identifier in cleo.get("identifiers", [])}
        granted = cleo.get("consent", {}).get("email", {}).get("granted")
        self.report.check(
            "Cleo, who ordered her anonymous cart under her e-mail address, got nothing",
            "no webhook, no delivery, though her cart is linked and she consented",
            f"{len(got)} webhooks, {cleo.get('deliveries')}, {sorted(namespaces)}, email consent {granted}",
            ok=not got and not cleo.get("deliveries") and "cart_token" in namespaces and granted is True,
            since=self.started["cleo"],
        )

    def _reminders(self, email: str) -> list[Received]:
        return [one for one in self.receiver.messages_to(email) if one.message.get("template") == "cart_reminder"]

    def _refused(self, email: str) -> list[str]:
        profile: dict[str, Any] = self.shop.profile("email", email) or {}
        return [
            f"{one['campaign']}: {one.get('reason')}"
            for one in profile.get("deliveries", [])
            if one["state"] == "not_sent"
        ]

    def _segments(self, namespace: str, value: str) -> list[str] | None:
        profile = self.shop.profile(namespace, value)
        return None if profile is None else list(profile["segments"])

    def _left(self, name: str, how: str) -> None:
        self.started[name] = time.monotonic()
        self.report.say(f"{name} left a cart: {how}")

    def _email(self, name: str) -> str:
        return f"{name}-{self.run}@example.com"

    def _number(self, offset: int) -> int:
        return int(self.run) * 100 + offset
