"""The Segment HTTP API's calls → events, as real clients send them (analytics.js, node, python, RudderStack).

Where a part of a call goes:

| call | becomes |
|---|---|
| `userId`, `anonymousId`, `context.externalIds` (`type` → namespace) | identifiers |
| `previousId` of `alias` | identifier `anonymous_id` |
| `traits.email`, `traits.phone` of `identify`; `context.traits.email`, `.phone` of any call | identifiers |
| `event` of `track` | name |
| `properties`; `name`, `category` of `page` and `screen`; `groupId`, `traits` of `group` | properties |
| `traits` and `context.traits` of `identify` | traits |
| `integrations` | `context.integrations` |
| `context.consent`, and the browser's `Sec-GPC` | consent by purpose (`consent_signals.py`) |
| fields that the call does not have in the Segment spec | `context.unknown_fields` |
"""

from __future__ import annotations

import re
from typing import Any, Final

from attune.domain.definitions.sources import Source
from attune.domain.events import CALLS, PREFERENCE_UPDATE, Event, Rejected
from attune.sources import consent_signals, content, payloads
from attune.sources.consent_signals import USUAL, ConsentSignals
from attune.sources.payloads import UnreadableError
from attune.sources.segment_requests import Envelope

YEAR: Final = 366 * 86_400_000

#: fields that every call has a place for, or that belong to the transport
_PLACED: Final = frozenset({
    "type", "userId", "anonymousId", "properties", "context", "integrations", "messageId",
    "timestamp", "originalTimestamp", "sentAt", "receivedAt", "writeKey",
})  # fmt: skip
#: with those that only some calls have
_KNOWN: Final = {
    "track": _PLACED | {"event"},
    "identify": _PLACED | {"traits"},
    "page": _PLACED | {"name", "category"},
    "screen": _PLACED | {"name", "category"},
    "group": _PLACED | {"groupId", "traits"},
    "alias": _PLACED | {"previousId"},
}


def normalise(
    raw: bytes, envelope: Envelope, source: Source, received_at: int, signals: ConsentSignals = USUAL
) -> Event | Rejected:
    """One call of the request as an event, or why it is none, with its bytes."""
    try:
        return _event(raw, envelope, source, received_at, signals)
    except UnreadableError as unreadable:
        return Rejected(reason=unreadable.reason, raw=raw)


def _event(raw: bytes, envelope: Envelope, source: Source, received_at: int, signals: ConsentSignals) -> Event:
    fields = payloads.read_json(raw)
    if not isinstance(fields, dict):
        raise UnreadableError("invalid_event")
    call = _call(envelope.call or fields.get("type"))
    name = _name(call, fields)
    context = _context(call, fields, envelope)
    said = _object(fields, "traits")
    identifiers, notes = content.read_identifiers(_claims(call, fields, context, said))
    if not identifiers:
        raise UnreadableError("no_identifier")
    timestamp = _timestamp(fields)
    time, time_notes = _time(timestamp, fields, envelope, received_at)
    properties = _properties(call, fields, said)
    method = "statement" if name == PREFERENCE_UPDATE else "banner"
    consent = _object(context, "consent", "invalid_consent")
    heard = consent_signals.hear(consent, source, signals, gpc=envelope.gpc, method=method)
    # Rudder's clients put the traits of an identify call into its context.
    traits = {**_object(context, "traits"), **said} if call == "identify" else {}
    event = Event(
        type=call,
        message_id=_message_id(fields.get("messageId")),
        time=time,
        identifiers=identifiers,
        name=name,
        properties=properties,
        traits=traits,
        context=_without_traits(context) if call == "identify" else context,
        consent=heard.consent or None,
        evidence=heard.evidence,
        basis=consent_signals.vouched(consent, source) or None,
        fingerprint=content.fingerprint(call, identifiers, name, properties, traits, timestamp),
        notes=notes + time_notes + heard.notes,
    )
    return event if event.message_id else _identified(event, timestamp, source)


def _identified(event: Event, timestamp: object, source: Source) -> Event:
    """With an id made for it. Who refuses, allows and refuses again, and tells no time, is heard the third time too."""
    refuses = event.name == PREFERENCE_UPDATE and not all((event.consent or {}).values())
    anew = refuses and timestamp is None  # not so for a grant: it may be a retry that a withdrawal has overtaken
    return content.with_message_id(event, source.id, said_at=event.time if anew else 0)


def _call(call: object) -> str:
    if isinstance(call, str) and call.startswith("$"):
        raise UnreadableError("reserved_name")
    if not isinstance(call, str) or call not in CALLS:
        raise UnreadableError("invalid_type")
    return call


def _name(call: str, fields: dict[str, Any]) -> str:
    """Only a track call has a name: a page called like an event must not count as that event."""
    for said in (fields.get("event"), fields.get("name")):
        if isinstance(said, str) and said.lstrip().startswith("$"):
            raise UnreadableError("reserved_name")
    if call != "track":
        return ""
    name = fields.get("event")
    if not isinstance(name, str) or not name.strip():
        raise UnreadableError("invalid_name")
    return name


def _context(call: str, fields: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    context = {**envelope.context, **_object(fields, "context")}
    integrations = fields.get("integrations", envelope.integrations)
    if integrations is not None:
        context["integrations"] = integrations
    if not (known := _KNOWN[call]).issuperset(fields):
        context["unknown_fields"] = {name: value for name, value in fields.items() if name not in known}
    return context


def _without_traits(context: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name != "traits"}


def _claims(
    call: str, fields: dict[str, Any], context: dict[str, Any], traits: dict[str, Any]
) -> list[tuple[object, object]]:
    claims: list[tuple[object, object]] = [
        ("user_id", fields.get("userId")),
        ("anonymous_id", fields.get("anonymousId")),
    ]
    if call == "alias":
        claims.append(("anonymous_id", fields.get("previousId")))
    # The traits of a group call describe the group.
    for described in (traits if call == "identify" else {}, content.as_object(context.get("traits"))):
        if described:
            claims += (("email", described.get("email")), ("phone", described.get("phone")))
    external = context.get("externalIds")
    for claim in external if isinstance(external, list) else ():
        if isinstance(claim, dict) and isinstance(claim.get("type"), str):
            claims.append((re.sub(r"[^a-z0-9_]", "_", claim["type"].lower()), claim.get("id")))
    return claims


def _properties(call: str, fields: dict[str, Any], traits: dict[str, Any]) -> dict[str, Any]:
    properties = _object(fields, "properties")
    if call == "group":
        named = {"groupId": fields.get("groupId"), "traits": traits or None}
    elif call in ("page", "screen"):
        named = {"name": fields.get("name"), "category": fields.get("category")}
    else:
        return properties
    return properties | {name: value for name, value in named.items() if value is not None}


def _message_id(said: object) -> str:
    if said is None or said == "":
        return ""
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)
    if not isinstance(said, str) or len(said) > content.MAX_MESSAGE_ID:
        raise UnreadableError("invalid_message_id")
    return said


def _time(said: object, fields: dict[str, Any], envelope: Envelope, received_at: int) -> tuple[int, tuple[str, ...]]:
    """When it happened by our clock: the sender's is wrong by what `sentAt` differs from the receipt.

    Of an import the times stand as they were said: the clock that sends it is not the one that took them.
    """
    if said is None:
        return received_at, ()
    time = payloads.parse_time(said)
    if time is None:
        raise UnreadableError("invalid_time")
    sent_at = payloads.parse_time(fields.get("sentAt") or envelope.sent_at)
    if sent_at is not None and not envelope.historical:
        time = received_at - (sent_at - time)
    if not content.YEAR_2000 <= time <= received_at + YEAR:
        raise UnreadableError("invalid_time")
    return (received_at, ("time_clamped",)) if time > received_at else (time, ())


def _timestamp(fields: dict[str, Any]) -> Any:
    """`timestamp`, which a caller may set; RudderStack's clients add the time of the call as `originalTimestamp` to it.

    An event that Segment forwards has been received by it: there `timestamp` is corrected already, by the clock of
    that receipt.
    """
    said, original = fields.get("timestamp"), fields.get("originalTimestamp")
    if said is None or (original is not None and fields.get("receivedAt") is not None):
        return said if original is None else original
    return said


def _object(fields: dict[str, Any], name: str, reason: str = "invalid_event") -> dict[str, Any]:
    """An object or nothing; `null` is nothing."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError(reason)
    return value
