"""OneTrust's consent receipts → statements of consent, each as of the time at which it was made.

| of a receipt | becomes |
|---|---|
| `identifier`, `identifierType` | the identifier; of a type that is not below, a namespace of its name |
| `purposes`: `name` (or `purposeName`, `id`, `purposeId`) | purposes, by the source's `consent_categories` |
| `purposes`: `status` (or `transactionType`, `transactionStatus`) | granted or withdrawn, as in `_STATUSES` |
| the times in `_GRANTED_AT`, `_WITHDRAWN_AT`: of the purpose, else of the receipt | since when; for each a statement |
| all of it | the message ids, so that a receipt that comes again counts once |

OneTrust's event webhooks send one in an envelope: who it is of lies in `payload` as `dataSubject…`, the purposes are
`profiles`, status and times of each are its `profileFields`.

Names of fields are read in whatever case. A body is a receipt or a list of them; test receipts say nothing.

The purposes that are defined lie among those categories when a source is handed over (`ConsentSignals.told_to`).

A receipt repeats what was consented to long ago: dated with the receipt it would grant again what was withdrawn since.
In doubt nothing is permitted: a grant without a time is refused, and so are those beside a purpose that cannot be read,
a status that nobody knows withdraws, and a purpose that nobody mapped is noted and never granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event, Rejected, short_hash
from attune.domain.identifiers import Identifier
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
#: when a purpose was granted or withdrawn, the surest first; the first of each may stand in the receipt, too
_GRANTED_AT: Final = ("consentdate", "lasttransactiondate", "lasttransaction", "interactiondate", "timestamp")
_WITHDRAWN_AT: Final = ("withdrawndate", "withdrawaldate", "interactiondate", "timestamp")
_RECEIPT_AT: Final = ("interactiondate", "timestamp", "createddate")
_LETTERS: Final = re.compile("[^a-z0-9]")

type Fields = dict[str, Any]


class _Word(msgspec.Struct, frozen=True):
    """Granted or withdrawn, and when (ms): None where it says no time that can be read."""

    granted: bool
    at: int | None


class _Heard(msgspec.Struct):
    """What a receipt says, by purpose of ours; what was odd; why some of it cannot be read, "" if all can."""

    words: dict[str, _Word] = {}
    notes: dict[str, None] = {}
    unreadable: str = ""


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
        receipt = _receipt(document)
        if str(receipt.get("test")).strip().lower() in ("true", "1"):
            return Reading()
        who = _who(receipt)
        heard = _heard(receipt, source)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=raw, how=how),))
    undated = any(word.granted and word.at is None for word in heard.words.values())
    strange = UNKNOWN in heard.notes and not heard.words
    reason = "invalid_time" if undated else "unknown_purpose" if strange else ""
    if heard.unreadable:
        reason = heard.unreadable
    return Reading(
        made=tuple(_statements(who, heard, received_at, raw, source)),
        rejected=(Rejected(reason=reason, raw=raw, how=how),) if reason else (),
    )


def _receipt(document: object) -> Fields:
    """The receipt by itself, also out of its envelope."""
    fields = _lowered(document)
    payload = fields.get("payload")
    if "purposes" in fields or not isinstance(payload, dict):
        return fields
    inner = _lowered(payload)
    return {
        "identifier": inner.get("datasubjectidentifier") or inner.get("datasubjectemail"),
        "identifiertype": inner.get("datasubjectidentifiertype"),
        "purposes": inner.get("profiles"),
        "test": inner.get("testdatasubject"),
    }


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


def _heard(receipt: Fields, source: Source) -> _Heard:
    listed = receipt.get("purposes")
    if not isinstance(listed, list):
        raise UnreadableError("invalid_consent")
    heard = _Heard()
    for one in listed:
        try:
            _hear(heard, _purpose(one), receipt, source)
        except UnreadableError as unreadable:
            heard.unreadable = heard.unreadable or unreadable.reason
    return heard


def _hear(heard: _Heard, one: Fields, receipt: Fields, source: Source) -> None:
    """Where two of theirs stand for one of ours, both must grant it, and it counts from the later one."""
    status = one.get("status", one.get("transactiontype", one.get("transactionstatus")))
    if not isinstance(status, str):
        raise UnreadableError("invalid_consent")
    granted = _STATUSES.get(_plain(status), False)
    purposes = _purposes(one, source)
    heard.notes |= {} if purposes else {UNKNOWN: None}
    heard.notes |= {} if _plain(status) in _STATUSES else {"unknown_status": None}
    if granted is None:
        return
    word = _Word(granted, _time(one, receipt, granted=granted))
    for purpose in purposes:
        before = heard.words.get(purpose, word)
        if before.granted == granted:
            undated = before.at is None or word.at is None
            heard.words[purpose] = _Word(granted, None if undated else max(before.at or 0, word.at or 0))
        elif not granted:
            heard.words[purpose] = word


def _purpose(one: object) -> Fields:
    """A purpose of a receipt, with what an envelope keeps apart."""
    fields = _lowered(one)
    apart = fields.get("profilefields")
    return fields if apart is None else _lowered(apart) | fields


def _purposes(one: Fields, source: Source) -> tuple[str, ...]:
    for field in ("name", "purposename", "id", "purposeid"):
        name = one.get(field)
        if isinstance(name, str):
            mapped = source.consent_categories.get(name, ())
            if mapped:
                return mapped
    return ()


def _time(one: Fields, receipt: Fields, *, granted: bool) -> int | None:
    """A grant is as old as the surest of its times. Of a withdrawal, one before the last grant is of another one."""
    own = _GRANTED_AT if granted else _WITHDRAWN_AT
    said = [one.get(name) for name in own] + [receipt.get(name) for name in (own[0], *_RECEIPT_AT)]
    times = [_known(stamp) for stamp in said if stamp not in (None, "")]
    if granted:
        return times[0] if times else None
    begun = _known(one.get("consentdate")) or 0
    return next((at for at in times if at is not None and at >= begun), None)


def _known(stamp: object) -> int | None:
    at = payloads.parse_time(stamp)
    return None if at is None or at < content.YEAR_2000 else at


def _statements(who: Identifier, heard: _Heard, received_at: int, raw: bytes, source: Source) -> Iterator[Event]:
    """One for each time. What lies in the future, and a withdrawal without a time, count from the receipt of it."""
    by_time: dict[int | None, dict[str, bool]] = {}
    for purpose, word in heard.words.items():
        if not word.granted or (word.at is not None and not heard.unreadable):
            by_time.setdefault(word.at, {})[purpose] = word.granted
    notes = tuple(heard.notes)
    for at, said in by_time.items():
        odd = ("time_of_receipt",) if at is None else ("time_clamped",) if at > received_at else ()
        time = received_at if at is None else min(at, received_at)
        yield _statement(who, said, time, notes + odd, raw, source)
        notes = ()  # counted once


def _statement(
    who: Identifier, said: dict[str, bool], at: int, notes: tuple[str, ...], raw: bytes, source: Source
) -> Event:
    """Its id follows from the whole receipt, what is heard of it and as of when: the same when all are so again.

    So a withdrawal without a time is heard again each time that it comes: there may have been a grant in between.
    """
    heard = msgspec.json.encode([sorted(said.items()), at])
    stated = Event(
        type=CONSENT,
        message_id="onetrust-" + short_hash(source.id, payloads.compact(raw), heard).hex(),
        time=at,
        identifiers=(who,),
        consent=said,
        evidence={"method": "webhook"},
        notes=notes,
    )
    return content.fingerprinted(stated, None)
