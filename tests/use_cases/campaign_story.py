"""One shopper who left a cart alone, a campaign for that, and everything between them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attune.adapters.memory import (
    MemoryDefinitions,
    MemoryDeliveries,
    MemoryHolds,
    MemoryProfiles,
    MemoryQueue,
    MemorySecrets,
    MemorySender,
)
from attune.adapters.standard_webhooks import sign
from attune.domain.campaigns.deliveries import Delivery
from attune.domain.definitions.kinds import Definition
from attune.domain.profiles.carts import Cart
from attune.domain.profiles.changes import Change, SegmentEntered, encode_outbox
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Link, Profile, Timer, Trait
from attune.domain.profiles.state import encode_profile
from attune.domain.segments import compile_segments
from attune.ports import Commit, ProfileItem
from attune.ports.deliveries import Answer
from attune.use_cases.campaigns.deliver_messages import DeliverMessages, Message
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances
from attune.use_cases.campaigns.run_campaigns import OutboxRecord, RunCampaigns
from tests.builders import MINUTE, NOW, campaign, definition_list, definitions, identifiers, key_of, profile_id
from tests.faults.wires import Steady, Wire, wired

ENTERED = SegmentEntered("abandoned_cart", NOW, "cart-1")
WHSEC = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = {"greeting": "Hello {{ traits.first_name }}", "products": {"value": "cart.products"}}


class Story:
    """The shopper is in the segment at `NOW` and `now` is a little later; tests change what they tell about."""

    def __init__(self, *extra: Definition, answers: Iterable[Answer] = (), wire: Wire | None = None) -> None:
        self.now = NOW + MINUTE
        self.jitter = 0.0
        self.profiles = MemoryProfiles()
        self.holds = MemoryHolds()
        self.definitions = MemoryDefinitions(definition_list(campaign(message=MESSAGE), *extra))
        self.deliveries = MemoryDeliveries()
        self.queue = MemoryQueue()
        self.secrets = MemorySecrets({"shop_webhook": (WHSEC,)})
        self.sender = MemorySender(answers)
        self.put_back: dict[str, int] = {}
        self.counted: list[tuple[str, dict[str, Any]]] = []
        self.wire: Wire = wire or Steady()
        self._holders = iter(range(1_000))
        self.store(self.shopper())

    def shopper(self, number: int = 1, **overrides: Any) -> Profile:
        keyed = compile_segments(definitions()).segments["abandoned_cart"].keyed
        assert keyed is not None
        (email,) = identifiers(email="ada@example.com")
        said = {name: Consent(True, NOW - 60 * MINUTE, "shop") for name in ("analytics", "personalization", "email")}
        fields: dict[str, Any] = {
            "profile_id": profile_id(number),
            "links": {key_of("email", "ada@example.com"): Link(email, NOW)},
            "consent": said,
            "timers": {keyed.slot: {"cart-1": Timer(did=NOW - 15 * MINUTE)}},
            "carts": {"cart-1": Cart(products=[{"sku": "tea", "quantity": 2}])},
            "traits": {"first_name": Trait("Ada", NOW, b"1")},
        }
        return Profile(**(fields | overrides))

    def store(self, profile: Profile) -> None:
        self.commit(ProfileItem(profile_id=profile.profile_id, version=1, state=encode_profile(profile)))

    def commit(self, item: ProfileItem) -> None:
        found = self.profiles.items([item.profile_id], consistent=True).get(item.profile_id)
        version = found.version if found else 0
        changed = ProfileItem(
            profile_id=item.profile_id, version=version + 1, state=item.state, merged_into=item.merged_into
        )
        self.profiles.commit(Commit(items=((version or None, changed),)))

    def order(self) -> None:
        """The order comes after all."""
        ordered = self.shopper()
        next(iter(ordered.timers.values()))["cart-1"].without = self.now
        self.store(ordered)

    def withdraw(self, purpose: str = "email") -> None:
        shopper = self.shopper()
        self.store(self.shopper(consent=shopper.consent | {purpose: Consent(False, self.now, "shop")}))

    def _circumstances(self) -> ReadCircumstances:
        return ReadCircumstances(
            profiles=wired(self.wire, "profiles", self.profiles),
            holds=wired(self.wire, "holds", self.holds),
            definitions=self.definitions,
            clock=lambda: self.now,
        )

    def run(self, *records: OutboxRecord) -> list[str]:
        """One invocation of run_campaigns."""
        return RunCampaigns(
            circumstances=self._circumstances(),
            definitions=self.definitions,
            store=wired(self.wire, "deliveries", self.deliveries),
            queue=wired(self.wire, "queue", self.queue),
            count=lambda name, _, dimensions: self.counted.append((name, dict(dimensions))),
        )(records or (outbox(),))

    def deliver(self, *messages: Message) -> list[str]:
        """One invocation of deliver_messages, with what lies on the queue unless told otherwise."""
        return DeliverMessages(
            circumstances=self._circumstances(),
            store=wired(self.wire, "deliveries", self.deliveries),
            secrets=wired(self.wire, "secrets", self.secrets),
            sign=sign,
            sender=wired(self.wire, "sender", self.sender),
            put_back=wired(self.wire, "queue", _PutBack(self.put_back)).put_back,
            clock=lambda: self.now,
            jitter=lambda: self.jitter,
            holder=lambda: f"holder-{next(self._holders)}",
            count=lambda name, _, dimensions: self.counted.append((name, dict(dimensions))),
        )(messages or self.messages())

    def messages(self) -> list[Message]:
        return [
            Message(f"m{index}", f"r{index}", json.dumps({"profile_id": owner, "delivery_id": delivery}))
            for index, (owner, delivery) in enumerate(self.queue.messages)
        ]

    def claimed(self, **record: Any) -> Delivery:
        """Run the campaign; the one delivery that comes of it."""
        assert self.run(outbox(**record)) == []
        return self.one()

    def one(self) -> Delivery:
        (delivery,) = self.deliveries.all()
        return delivery


class _PutBack:
    def __init__(self, hidden: dict[str, int]) -> None:
        self._hidden = hidden

    def put_back(self, receipt: str, seconds: int) -> None:
        self._hidden[receipt] = seconds


def outbox(*changes: Change, number: int = 1, sequence: str = "1") -> OutboxRecord:
    return OutboxRecord(profile_id(number), sequence, encode_outbox(changes or (ENTERED,)))
