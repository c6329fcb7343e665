"""What deliveries need of the world: their store, their queue, and the way to the receivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from attune.domain.campaigns.deliveries import Delivery, State


class Claims(Protocol):
    """Where a delivery is claimed by its id."""

    def claim(self, delivery: Delivery) -> Delivery:
        """Stores it unless its id exists; answers what is stored now (the given one, or the one found)."""
        ...


class Attempts(Protocol):
    """What is being sent."""

    def under_way(self, profile_id: str, now: int) -> bool:
        """Whether a message that was caused under this profile id may be leaving at `now`, ms; read consistently."""
        ...


class DeliveryStore(Claims, Attempts, Protocol):
    """Deliveries by (profile id, delivery id)."""

    def get(self, profile_id: str, delivery_id: str) -> Delivery | None:
        """Read consistently."""
        ...

    def settle(self, delivery: Delivery, *, read_state: State, read_attempts: int) -> None:
        """Writes the new state; `ConflictError` if state or attempts moved on meanwhile."""
        ...

    def of_profile(self, profile_id: str) -> list[Delivery]:
        """In order of ids, which tell nothing of times; also what is past its time and not deleted yet."""
        ...


class DeliveryQueue(Protocol):
    """Work for deliver_messages."""

    def enqueue(self, profile_id: str, delivery_id: str) -> None:
        """At least once."""
        ...


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint said: status 0 and a reason where no HTTP answer came."""

    status: int
    reason: str = ""
    retry_after: int | None = None


class WebhookSender(Protocol):
    """Sends one signed request."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for anything the endpoint does; never follows redirects; never reaches a private address."""
        ...
