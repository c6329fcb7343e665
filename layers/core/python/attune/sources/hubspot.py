"""HubSpot's webhooks: notifications about contacts, up to 100 in a call, and whole contacts that a workflow sends.

`NOTIFICATIONS` is the table; docs/collect.md shows it to people; a test keeps the two equal. Newer subscriptions say
`object.creation` with an `objectTypeId` for what older ones call `contact.creation`: both are read. Marketing consent
becomes an event of its own with its own time (`sources/hubspot_contacts.py`).

A notification's `eventId` is not unique, so its message id is made of portal, subscription, contact, time, type and
property, which HubSpot repeats whenever it sends one again.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from attune.domain.definitions.sources import Source
from attune.domain.errors import AttuneError
from attune.domain.events import Event, Rejected, short_hash
from attune.domain.privacy.requests import PrivacyRequest, request_id
from attune.sources import content, payloads
from attune.sources.hubspot_contacts import Contact, change_of, consents_of, contact_of
from attune.sources.payloads import UnreadableError
from attune.sources.shopify_values import text
from attune.sources.webhooks import Call, Reading

#: of a call, ten times what HubSpot sends: each that is refused is written to quarantine by itself
MAX_NOTIFICATIONS: Final = 1_000
#: ms by which HubSpot's clock and ours may differ; older calls may be replays
TOLERANCE: Final = 300_000
#: HubSpot leaves these as they are when it signs an address, whatever it writes into the request
_UNESCAPED: Final = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
_TIMESTAMP: Final = re.compile(r"[0-9]{1,16}")

type Payload = dict[str, Any]
type Reader = Callable[[Payload, Source, int], Reading]


class Notification(msgspec.Struct, frozen=True):
    """What one kind of notification becomes: a track call of that name, or an identify; or a privacy request."""

    event: str = ""
    is_request: bool = False


NOTIFICATIONS: Final = {
    "contact.creation": Notification("Contact Created"),
    "contact.propertyChange": Notification(),
    "contact.deletion": Notification("Contact Deleted"),
    "contact.restore": Notification("Contact Restored"),
    "contact.merge": Notification("Contact Merged"),
    "contact.privacyDeletion": Notification(is_request=True),
}
#: `objectTypeId` of contacts
_CONTACTS: Final = "0-1"


def proves(call: Call, source: Source, secrets: Sequence[str], now: int) -> bool:
    """Version 3: base64 of HMAC-SHA256 over method, address, body and time, under any live secret; 5 minutes.

    The address is the one of the source's definition with the call's query, never one made of headers.
    """
    stamp = call.headers.get("x-hubspot-request-timestamp", "").strip()
    if not _TIMESTAMP.fullmatch(stamp) or abs(now - int(stamp)) > TOLERANCE or not source.url:
        return False
    given = call.headers.get("x-hubspot-signature-v3", "").strip().encode("utf-8", "surrogatepass")
    address = signed_address(source.url, call.raw_query)
    matches = [
        hmac.compare_digest(given, sign(secret, call.method, address, call.body, stamp)) for secret in secrets if secret
    ]
    return any(matches)


def signed_address(url: str, raw_query: str) -> str:
    """As HubSpot signs it."""
    address = f"{url}?{raw_query}" if raw_query else url
    return _UNESCAPED.sub(lambda escape: unquote(escape.group()), address)


def sign(secret: str, method: str, address: str, body: bytes, stamp: str) -> bytes:
    """What HubSpot puts into `X-HubSpot-Signature-v3`; `stamp`: ms, as in `X-HubSpot-Request-Timestamp`."""
    signed = f"{method.upper()}{address}".encode("utf-8", "surrogatepass") + body + stamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), signed, "sha256"))


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says: a list is notifications, an object is what a workflow sends."""
    try:
        body = payloads.require_json(call.body)
        several = body.startswith(b"[")
        raws = msgspec.json.decode(body, type=list[msgspec.Raw]) if several else [msgspec.Raw(body)]
    except (AttuneError, msgspec.DecodeError):
        return Reading(rejected=(Rejected(reason="invalid_json", raw=call.body),))
    if not several and not call.item:
        return _reading_of(body, _workflow, source, received_at)
    if len(raws) > MAX_NOTIFICATIONS:
        return Reading(rejected=(Rejected(reason="too_many_items", raw=call.body),))
    readings = [_reading_of(bytes(raw), _notification, source, received_at) for raw in raws]
    return Reading(
        events=tuple(event for one in readings for event in one.events),
        raws=tuple(bytes(raw) for raw, one in zip(raws, readings, strict=True) if one.events),
        made=tuple(event for one in readings for event in one.made),
        rejected=tuple(
            msgspec.structs.replace(one, how={"item": True}) for reading in readings for one in reading.rejected
        ),
        requests=tuple(request for one in readings for request in one.requests),
    )


def _reading_of(raw: bytes, read_one: Reader, source: Source, received_at: int) -> Reading:
    try:
        return read_one(content.read_object(raw), source, received_at)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=raw),))


def _notification(payload: Payload, source: Source, received_at: int) -> Reading:
    kind = _kind(payload)
    known = NOTIFICATIONS.get(kind)
    if known is None:
        raise UnreadableError("unknown_topic")
    if known.is_request:
        return Reading(requests=(_request(payload, kind, source, received_at),))
    change = change_of(payload) if kind == "contact.propertyChange" else Contact()
    merged = payload.get("mergedObjectIds")
    others = merged if kind == "contact.merge" and isinstance(merged, list) else []
    numbers = [payload.get("objectId"), *(payload.get(name) for name in ("newObjectId", "primaryObjectId")), *others]
    contact = msgspec.structs.replace(change, numbers=tuple(numbers))
    message_id = "hubspot-" + short_hash(*_composite(payload, kind)).hex()
    return _said(contact, known.event, message_id, source, received_at, payload.get("occurredAt"))


def _workflow(payload: Payload, source: Source, received_at: int) -> Reading:
    """Only contacts: a company or a deal is nobody."""
    if "vid" not in payload:
        raise UnreadableError("unknown_topic")
    contact = contact_of(payload)
    parts = ("contact", *(text(payload.get(name)) for name in ("portal-id", "vid")), str(contact.changed_at))
    message_id = "hubspot-" + short_hash(*parts, _encoder.encode(payload)).hex()
    return _said(contact, "", message_id, source, received_at, contact.changed_at)


def _said(contact: Contact, name: str, message_id: str, source: Source, received_at: int, stamp: object) -> Reading:
    claims: list[tuple[object, object]] = [("hubspot_contact_id", number) for number in contact.numbers]
    identifiers, notes = content.read_identifiers([*claims, *contact.addresses])
    if not identifiers:
        raise UnreadableError("no_identifier")
    time = content.known_time(stamp, received_at)
    event = Event(
        type="track" if name else "identify",
        message_id=message_id,
        time=received_at if time is None else time,
        identifiers=identifiers,
        name=name,
        traits=contact.traits,
        basis=source.consent or None,
        notes=notes if time is not None else (*notes, "time_of_receipt"),
    )
    made = consents_of(contact, event, received_at)
    return Reading(events=(content.fingerprinted(event, stamp),), made=made)


def _request(payload: Payload, kind: str, source: Source, received_at: int) -> PrivacyRequest:
    """The deletion of a contact for good, under GDPR: whoever has copies must delete them too."""
    identifiers, _ = content.read_identifiers([("hubspot_contact_id", payload.get("objectId"))])
    if not identifiers:
        raise UnreadableError("no_identifier")
    return PrivacyRequest(
        request_id=request_id("hubspot", source.id, *_composite(payload, kind)),
        kind="erasure",
        source=source.id,
        received_at=received_at,
        identifiers=identifiers,
    )


def _kind(payload: Payload) -> str:
    """As the older subscriptions spell it."""
    said = text(payload.get("subscriptionType"))
    family, _, happened = said.partition(".")
    return f"contact.{happened}" if family == "object" and payload.get("objectTypeId") == _CONTACTS else said


def _composite(payload: Payload, kind: str) -> tuple[str, ...]:
    """What HubSpot repeats when it sends a notification again."""
    names = ("portalId", "subscriptionId", "objectId", "occurredAt", "propertyName")
    return (kind, *(text(payload.get(name)) for name in names))


_encoder: Final = msgspec.json.Encoder(order="deterministic")
