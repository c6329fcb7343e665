"""What a Shopify payload explicitly says of marketing consent, each statement with the time it was made.

A webhook repeats consent given long ago. Dated with the webhook it would grant again what was withdrawn elsewhere
in between, so each statement becomes a `$consent` event with the consent's own time:

- `email_marketing_consent`, `sms_marketing_consent` of the customer: `subscribed` grants, only with its
  `consent_updated_at`; `unsubscribed` and `redacted` withdraw, without a time as of the webhook. `not_subscribed` and
  `pending` (a double opt-in not confirmed) say nothing.
- `accepts_marketing` of versions before 2024-01, only with its `accepts_marketing_updated_at`, and only where there is
  no `email_marketing_consent`.
- `buyer_accepts_marketing: true` of a checkout or an order grants e-mail as of its `created_at`; `false` is a box
  left alone and says nothing. It is not heard where the typed address is another than the account's. So it is with
  `buyer_accepts_sms_marketing` and `sms_marketing_phone`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attune.domain.events import CONSENT, Event, short_hash
from attune.domain.identifiers import WEAK, Identifier, normalise_identifier
from attune.sources import content
from attune.sources.content import as_object
from attune.sources.shopify_values import buyer_email

_STATES: Final = {"subscribed": True, "unsubscribed": False, "redacted": False}
_FIELDS: Final = {"email": "email_marketing_consent", "sms": "sms_marketing_consent"}


def consent_events(payload: dict[str, Any], event: Event, received_at: int) -> tuple[Event, ...]:
    """The statements in the payload that `event` was made of, about the person it names (not about a cart)."""
    who = tuple(identifier for identifier in event.identifiers if identifier.namespace not in WEAK)
    if not who:
        return ()
    dated = (
        (purpose, granted, content.known_time(stamp, received_at) or (None if granted else event.time))
        for purpose, granted, stamp in _statements(payload)
    )
    return tuple(_event(who, purpose, granted, at) for purpose, granted, at in dated if at is not None)


def _event(who: tuple[Identifier, ...], purpose: str, granted: bool, at: int) -> Event:
    """The same for every webhook that repeats the statement."""
    parts = (who[0].namespace, who[0].value, purpose, str(granted), str(at))
    stated = Event(
        type=CONSENT,
        message_id="shopify-" + short_hash(CONSENT, *parts).hex(),
        time=at,
        identifiers=who[:1],
        consent={purpose: granted},
        evidence={"method": "webhook"},
    )
    return content.fingerprinted(stated, None)


def _statements(payload: dict[str, Any]) -> Iterator[tuple[str, bool, object]]:
    """Purpose, granted or withdrawn, and when."""
    customer = as_object(payload.get("customer")) if "customer" in payload else payload
    for purpose, field in _FIELDS.items():
        said = as_object(customer.get(field))
        granted = _STATES.get(str(said.get("state")).lower())
        if granted is not None:
            yield purpose, granted, said.get("consent_updated_at")
    legacy, at = customer.get("accepts_marketing"), customer.get("accepts_marketing_updated_at")
    if isinstance(legacy, bool) and at and not customer.get("email_marketing_consent"):
        yield "email", legacy, at
    if payload.get("buyer_accepts_marketing") is True and _same("email", payload.get("email"), buyer_email(payload)):
        yield "email", True, payload.get("created_at")
    phone = customer.get("phone") or payload.get("phone")
    if payload.get("buyer_accepts_sms_marketing") is True and _same("phone", payload.get("sms_marketing_phone"), phone):
        yield "sms", True, payload.get("created_at")


def _same(namespace: str, typed: object, known: object) -> bool:
    one = normalise_identifier(namespace, typed)
    return one is not None and one == normalise_identifier(namespace, known)
