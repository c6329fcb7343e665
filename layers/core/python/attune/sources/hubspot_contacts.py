"""HubSpot's contact properties → traits, addresses and consent. Nothing raises: odd values are left out.

| property | trait |
|---|---|
| those of `TRAITS` | under the name there |
| `email` | `email`, and the person is known by it |
| `phone`, `mobilephone` | the same, and the person is known by them |
| any other | its own name; of a whole contact without HubSpot's own, which begin with `hs_` |

Consent, each with the time of the change:

- `hs_email_optout` and `hs_email_optout_<number>`: `true` withdraws e-mail. There is one purpose for all e-mail, so who
  opted out of one kind gets none. `false` says nothing: an objection taken back is no consent.
- `hs_legal_basis`: `Freely given consent from contact` among its values grants e-mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from attune.domain.events import CONSENT, Event, short_hash
from attune.sources import content
from attune.sources.content import as_object
from attune.sources.shopify_values import text

TRAITS: Final = {
    "firstname": "first_name",
    "lastname": "last_name",
    "jobtitle": "job_title",
    "lifecyclestage": "lifecycle_stage",
    "hs_lead_status": "lead_status",
    "hs_language": "language",
}
_ADDRESSES: Final = {"email": "email", "phone": "phone", "mobilephone": "phone"}
_OPT_OUT: Final = re.compile(r"hs_email_optout(_[0-9]+)?")
_LEGAL_BASIS: Final = "hs_legal_basis"
_FREELY_GIVEN: Final = "freely given consent from contact"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: what HubSpot writes in place of a sensitive value
_REDACTED: Final = "REDACTED"
#: properties of a whole contact
MAX_PROPERTIES: Final = 500

type Payload = dict[str, Any]


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a contact. `consent`: (granted, its time as written); `changed_at`: of the newest property."""

    numbers: tuple[object, ...] = ()
    addresses: tuple[tuple[str, object], ...] = ()
    traits: Payload = {}
    consent: tuple[tuple[bool, object], ...] = ()
    changed_at: object = None


def change_of(payload: Payload) -> Contact:
    """Of one changed property; an emptied one is a trait that is no more."""
    return _contact([(text(payload.get("propertyName")), payload.get("propertyValue"), payload.get("occurredAt"))])


def contact_of(payload: Payload) -> Contact:
    """Of a whole contact: HubSpot's counters and the properties that are empty are left out."""
    properties = list(as_object(payload.get("properties")).items())[:MAX_PROPERTIES]
    said = [(name, as_object(one)) for name, one in properties]
    told = [(name, one.get("value"), one.get("timestamp")) for name, one in said if one.get("value") not in (None, "")]
    contact = _contact([one for one in told if not one[0].startswith("hs_") or _is_ours(one[0])])
    merged = payload.get("merged-vids")
    others = merged if isinstance(merged, list) else []
    changed = as_object(as_object(payload.get("properties")).get("lastmodifieddate")).get("value")
    return msgspec.structs.replace(contact, numbers=(payload.get("vid"), *others), changed_at=changed)


def consents_of(contact: Contact, event: Event, received_at: int) -> tuple[Event, ...]:
    """Statements, the same in every call that repeats them. A grant without a time grants nothing."""
    dated = (
        (granted, content.known_time(stamp, received_at) or (None if granted else event.time))
        for granted, stamp in contact.consent
    )
    return tuple(_consent(event, granted, at) for granted, at in dated if at is not None)


def _consent(event: Event, granted: bool, at: int) -> Event:
    who = event.identifiers[:1]
    parts = (who[0].namespace, who[0].value, "email", str(granted), str(at))
    stated = Event(
        type=CONSENT,
        message_id="hubspot-" + short_hash(CONSENT, *parts).hex(),
        time=at,
        identifiers=who,
        consent={"email": granted},
        evidence={"method": "webhook"},
    )
    return content.fingerprinted(stated, None)


def _contact(changes: list[tuple[str, object, object]]) -> Contact:
    """Each change: property, value, time as written."""
    told = [(name, value, at) for name, value, at in changes if _NAME.fullmatch(name) and value != _REDACTED]
    return Contact(
        addresses=tuple((_ADDRESSES[name], value) for name, value, _ in told if name in _ADDRESSES),
        traits={TRAITS.get(name, name): _value(value) for name, value, _ in told if not _is_consent(name)},
        consent=tuple((granted, at) for name, value, at in told for granted in _granted(name, value)),
    )


def _granted(name: str, value: object) -> Iterator[bool]:
    said = text(value).strip().lower()
    if _OPT_OUT.fullmatch(name) and said == "true":
        yield False
    if name == _LEGAL_BASIS and _FREELY_GIVEN in (one.strip() for one in said.split(";")):
        yield True


def _value(value: object) -> object:
    """HubSpot writes every value as text; an empty one is none."""
    return value if isinstance(value, bool | int | float) else text(value) or None


def _is_consent(name: str) -> bool:
    return name == _LEGAL_BASIS or _OPT_OUT.fullmatch(name) is not None


def _is_ours(name: str) -> bool:
    return name in TRAITS or _is_consent(name)
