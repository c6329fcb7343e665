"""Salesforce's Outbound Messages → events: SOAP with up to 100 notifications, each about one record.

Salesforce signs nothing, and its organisation id is no secret. So the address it is given carries one: a token in the
query, which must be a live secret of the source; and every message must name the source's organisation. Without a
secret nothing is taken.

`OBJECTS` is the table: what a changed record of each kind says, as a mapping over `{object, notification_id, fields}`.
Docs/collect.md shows it to people; a test keeps the two equal. Other kinds of records, custom ones too, go by the
source's own mapping. The notification's id is the message id, so what Salesforce repeats for a day is recognised.

`HasOptedOutOfEmail` is true or false on every change. True withdraws; false is a box left alone and says nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Rejected
from attune.sources.mapped import read_document
from attune.sources.payloads import UnreadableError
from attune.sources.salesforce_messages import MAX_ALONE, alone, document_of, read_message
from attune.sources.webhooks import Call, Reading

#: characters of an id; the long form has three more, which say which of its letters are capitals
_SHORT_ID, _LONG_ID = 15, 18


def proves(call: Call, source: Source, secrets: Sequence[str], now: int) -> bool:  # noqa: ARG001 - no time is signed
    """The token first: what somebody without it sends is not even read."""
    given = call.query.get("token", "").encode("utf-8", "surrogatepass")
    live = [secret.encode("utf-8", "surrogatepass") for secret in secrets if secret]
    if not any(hmac.compare_digest(given, secret) for secret in live):
        return False
    try:
        message = read_message(call.body)
    except UnreadableError:
        return True  # it is from there and cannot be read: that is for quarantine
    return _is_same(message.organization_id, source.organization_id)


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says."""
    try:
        message = read_message(call.body)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=call.body),))
    events: list[Event] = []
    raws: list[bytes] = []
    made: list[Event] = []
    rejected: list[Rejected] = []
    for notification in message.notifications:
        raw = _kept(alone(message, notification), call.body)
        said = _read_one(document_of(notification), source, received_at, raw)
        events += said.events
        raws += [raw] * len(said.events)
        made += said.made
        rejected += said.rejected
    return Reading(events=tuple(events), raws=tuple(raws), made=tuple(made), rejected=tuple(rejected))


def _kept(raw: bytes, body: bytes) -> bytes:
    """What a notification is kept by. Written anew it may take several times its room (`>` is `&gt;` then)."""
    return raw if len(raw) <= MAX_ALONE else body


def _read_one(document: dict[str, Any], source: Source, received_at: int, raw: bytes) -> Reading:
    mapping = OBJECTS.get(document["object"], source.mapping)
    if mapping is None:
        return Reading(rejected=(Rejected(reason="unknown_topic", raw=raw),))
    return read_document(document, mapping, source, received_at, raw=raw, item=True)


def _is_same(given: str, organization_id: str) -> bool:
    """An id has a short and a long form, which begins with it; in neither is case idle."""
    if {len(given), len(organization_id)} - {_SHORT_ID, _LONG_ID}:
        return False
    length = min(len(given), len(organization_id))
    return given[:length] == organization_id[:length]


def _fields(*names: str, **renamed: str) -> dict[str, str]:
    return {name: f"fields.{name}" for name in names} | {name: f"fields.{field}" for name, field in renamed.items()}


_PERSON: Final = Mapping(
    type="identify",
    message_id="notification_id",
    time="fields.LastModifiedDate || fields.SystemModstamp || fields.CreatedDate",
    identifiers={"email": "fields.Email", "phone": "fields.MobilePhone"},
    traits=_fields(
        first_name="FirstName",
        last_name="LastName",
        name="Name",
        email="Email",
        phone="Phone",
        mobile_phone="MobilePhone",
        job_title="Title",
        created_at="CreatedDate",
        lead_source="LeadSource",
    ),
    consent={"email": "([fields.HasOptedOutOfEmail][?@ == 'true'] | [0]) && `false`"},
)

OBJECTS: Final[dict[str, Mapping]] = {
    "Contact": msgspec.structs.replace(
        _PERSON,
        identifiers={"salesforce_contact_id": "fields.Id", **_PERSON.identifiers},
        traits={
            **_PERSON.traits,
            **_fields(account_id="AccountId", department="Department", birthday="Birthdate"),
            "address": (
                "fields.MailingCountry && fields.{street: MailingStreet, city: MailingCity, state: MailingState,"
                " postal_code: MailingPostalCode, country: MailingCountry}"
            ),
        },
    ),
    "Lead": msgspec.structs.replace(
        _PERSON,
        identifiers={
            "salesforce_lead_id": "fields.Id",
            "salesforce_contact_id": "fields.ConvertedContactId",
            **_PERSON.identifiers,
        },
        traits={
            **_PERSON.traits,
            **_fields(company="Company", industry="Industry", lead_status="Status", website="Website"),
            "address": (
                "fields.Country && fields.{street: Street, city: City, state: State, postal_code: PostalCode,"
                " country: Country}"
            ),
        },
    ),
}
