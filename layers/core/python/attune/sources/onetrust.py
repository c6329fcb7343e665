"""OneTrust's consent receipts → statements of consent, each as of the time at which it was made.

| of a receipt | becomes |
|---|---|
| `identifier`, `identifierType` | the identifier; of a type that is not below, a namespace of its name |
| `purposes`: `name` (or `purposeName`, `id`, `purposeId`) | purposes, by the source's `consent_categories` |
| `purposes`: `status` (or `transactionType`) | granted or withdrawn, as in `_STATUSES` |
| `withdrawnDate`, `consentDate`, `interactionDate`, `timestamp` | since when |
| all of it | the message id, so that a receipt that comes again counts once |

Names of fields are read in whatever case. A body is a receipt or a list of them; test receipts say nothing.

The purposes that are defined lie among those categories when a source is handed over (`ConsentSignals.told_to`).

In doubt nothing is permitted: a grant without a time is refused (it might grant again what was withdrawn since), a
status that nobody knows withdraws, and a purpose that nobody mapped is noted and never granted.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from attune.domain.events import CONSENT, Event, Rejected, short_hash
from attune.domain.identifiers import Identifier
from attune.domain.sources import Source
from attune.sources import content, payloads
from attune.sources.consent_signals import UNKNOWN
from attune.sources.payloads import UnreadableError
from attune.sources.webhooks import Call, Reading

#: receipts of one body
MAX_RECEIPTS: Final = 1_000
#: None: it says neither yes nor no
_STATUSES: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("active", "confirmed", "granted", "extend", "optin", "optedin"), True),
    **dict.fromkeys(("withdrawn", "optout", "optedout", "hardoptout", "expired", "noconsent"), False),
    **dict.fromkeys(("notgiven", "cancel", "cancelled", "denied"), False),
    **dict.fromkeys(("pending", "none", "nochoice", "changepreferences", "alwaysactive"), None),
}
#: what is not here names a namespace itself
_TYPES: Final = {
    "email": "email", "emailaddress": "email", "phone": "phone", "phonenumber": "phone", "mobile": "phone",
    "userid": "user_id", "customerid": "user_id", "anonymousid": "anonymous_id", "cookieid": "anonymous_id",
}  # fmt: skip
_TIMES: Final = ("interactiondate", "timestamp", "createddate")
_LETTERS: Final = re.compile("[^a-z0-9]")

type Fields = dict[str, Any]


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says."""
    try:
        document = payloads.read_json(call.body)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=call.body),))
    if call.item or not isinstance(document, list):
        return _read_one(document, call.body, source, received_at, {})
    if len(document) > MAX_RECEIPTS:
        return Reading(rejected=(Rejected(reason="too_many_items", raw=call.body),))
    readings = [_read_one(one, msgspec.json.encode(one), source, received_at, {"item": True}) for one in document]
    return Reading(
        made=tuple(event for reading in readings for event in reading.made),
        rejected=tuple(refused for reading in readings for refused in reading.rejected),
    )


def _read_one(document: object, raw: bytes, source: Source, received_at: int, how: dict[str, Any]) -> Reading:
    """What can be heard is heard even where the rest is refused: above all a withdrawal."""
    try:
        receipt = _lowered(document)
        who = _who(receipt)
        said, notes = _said(receipt, source)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=raw, how=how),))
    if receipt.get("test") is True:
        return Reading()
    at, timed = _time(receipt, said, received_at)
    undated = at is None and any(said.values())
    heard = {purpose: granted for purpose, granted in said.items() if not (undated and granted)}
    reason = "invalid_time" if undated else "unknown_purpose" if UNKNOWN in notes and not said else ""
    rejected = (Rejected(reason=reason, raw=raw, how=how),) if reason else ()
    if not heard:
        return Reading(rejected=rejected)
    event = _statement(who, heard, received_at if at is None else at, notes + timed, raw, source)
    return Reading(made=(event,), rejected=rejected)


def _lowered(document: object) -> Fields:
    """Its fields by their names without case and signs; a name that occurs twice so is ambiguous."""
    if not isinstance(document, dict):
        raise UnreadableError("invalid_event")
    fields = {_plain(name): value for name, value in document.items()}
    if len(fields) != len(document):
        raise UnreadableError("duplicate_keys")
    return fields


def _plain(name: object) -> str:
    return _LETTERS.sub("", name.lower()) if isinstance(name, str) else ""


def _who(receipt: Fields) -> Identifier:
    value, kind = receipt.get("identifier"), receipt.get("identifiertype")
    if kind is None and isinstance(value, str) and "@" in value:
        kind = "email"
    if not isinstance(kind, str):
        raise UnreadableError("no_identifier")
    namespace = _TYPES.get(_plain(kind)) or re.sub("[^a-z0-9_]", "_", kind.lower())
    found, _ = content.read_identifiers([(namespace, value)])
    if not found:
        raise UnreadableError("no_identifier")
    return found[0]


def _said(receipt: Fields, source: Source) -> tuple[dict[str, bool], tuple[str, ...]]:
    """By purpose; where two of theirs stand for one of ours, both must grant it."""
    listed = receipt.get("purposes")
    if not isinstance(listed, list):
        raise UnreadableError("invalid_consent")
    said: dict[str, bool] = {}
    notes: dict[str, None] = {}
    for one in map(_lowered, listed):
        purposes = _purposes(one, source)
        status = one.get("status", one.get("transactiontype"))
        if not isinstance(status, str):
            raise UnreadableError("invalid_consent")
        granted = _STATUSES.get(_plain(status), False)
        notes |= {} if purposes else {UNKNOWN: None}
        notes |= {} if _plain(status) in _STATUSES else {"unknown_status": None}
        for purpose in purposes if granted is not None else ():
            said[purpose] = said.get(purpose, True) and granted is True
    return said, tuple(notes)


def _purposes(one: Fields, source: Source) -> tuple[str, ...]:
    for field in ("name", "purposename", "id", "purposeid"):
        name = one.get(field)
        if isinstance(name, str):
            mapped = source.consent_categories.get(name, ())
            if mapped:
                return mapped
    return ()


def _time(receipt: Fields, said: dict[str, bool], received_at: int) -> tuple[int | None, tuple[str, ...]]:
    """None where it says no time that can be read. What lies in the future counts from its receipt."""
    own = ("withdrawndate",) if said and not any(said.values()) else ("consentdate",) if all(said.values()) else ()
    for field in (*own, *_TIMES):
        stamp = payloads.parse_time(receipt.get(field))
        if stamp is not None and stamp >= content.YEAR_2000:
            return (received_at, ("time_clamped",)) if stamp > received_at else (stamp, ())
    return None, ("time_of_receipt",)


def _statement(
    who: Identifier, said: dict[str, bool], at: int, notes: tuple[str, ...], raw: bytes, source: Source
) -> Event:
    """Its id follows from the whole receipt: the same when it comes again, another when it says something else."""
    stated = Event(
        type=CONSENT,
        message_id="onetrust-" + short_hash(source.id, payloads.compact(raw)).hex(),
        time=at,
        identifiers=(who,),
        consent=said,
        evidence={"method": "webhook"},
        notes=notes,
    )
    return content.fingerprinted(stated, None)
