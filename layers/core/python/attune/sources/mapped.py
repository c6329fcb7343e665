"""A document → events, as a mapping says: for webhooks of any sender, rows of files, and what was mended.

| of the mapping | becomes |
|---|---|
| `type`, `event` | the call, and the name of a track call |
| `message_id` | `<source>-` and a hash of the value, since two sources may count alike, and it may name somebody |
| `time` | when it happened, in any notation; of receipt where it gives nothing |
| `identifiers` | by namespace; a list gives several |
| `properties`, `traits` | what gives null is left out |
| `consent` | a `$consent` event of its own, as of `consent_time`, else of `time` |

Without a message id one is derived from source and content, so that a document that comes again is recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from attune.domain.collection.expressions import Evaluation, ExpressionError
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.events import CALLS, CONSENT, Event, Rejected, short_hash
from attune.domain.identifiers import WEAK
from attune.sources import content, payloads
from attune.sources.payloads import UnreadableError
from attune.sources.plain_values import require_plain
from attune.sources.webhooks import Reading

#: of one document
MAX_ITEMS: Final = 1_000
#: values of one namespace that are looked at
_MAX_CLAIMS: Final = 50
_MAX_TEXT: Final = 1_000
_YEAR: Final = 366 * 86_400_000
#: how senders that know no true and false say it
GRANTED: Final = ("true", "yes", "1", "granted", "subscribed", "opt_in", "opted_in")
WITHDRAWN: Final = ("false", "no", "0", "denied", "withdrawn", "unsubscribed", "opt_out", "opted_out")
_WORDS: Final = dict.fromkeys(GRANTED, True) | dict.fromkeys(WITHDRAWN, False)


def read_document(
    document: object, mapping: Mapping, source: Source, received_at: int, *, raw: bytes = b"", item: bool = False
) -> Reading:
    """What a document (JSON values) says; never raises: what cannot be an event is `rejected` with its reason.

    `raw`: the bytes that the document was read from. Where it holds several items (`mapping.each`), each is kept by
    its own JSON, to be read again as `item`: then the document is one of them.
    """
    reader = _Reader(mapping, source, received_at)
    try:
        if item or mapping.each is None:
            event, made = reader.read(document)
            return Reading(events=(event,), made=made)
        items = reader.items(document, mapping.each)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=raw or _encoded(document)),))
    return _read_items(items, reader)


def _read_items(items: list[Any], reader: _Reader) -> Reading:
    events: list[Event] = []
    raws: list[bytes] = []
    made: list[Event] = []
    rejected: list[Rejected] = []
    for item in items:
        try:
            event, statements = reader.read(item)
        except UnreadableError as unreadable:
            rejected.append(Rejected(reason=unreadable.reason, raw=_encoded(item), how={"item": True}))
        else:
            events.append(event)
            raws.append(_encoded(item))
            made += statements
    return Reading(events=tuple(events), raws=tuple(raws), made=tuple(made), rejected=tuple(rejected))


def _encoded(document: object) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return b""  # no JSON values, so no reader of ours made it


class _Reader:
    """The items of one document; each part raises `UnreadableError` for what it cannot read."""

    def __init__(self, mapping: Mapping, source: Source, received_at: int) -> None:
        self._mapping = mapping
        self._source = source
        self._received_at = received_at
        self._evaluation = Evaluation()

    def items(self, document: object, each: str) -> list[Any]:
        """The list in a document."""
        found = self._find(each, document)
        if not isinstance(found, list):
            raise UnreadableError("invalid_event")
        if len(found) > MAX_ITEMS:
            raise UnreadableError("too_many_items")
        return found

    def read(self, item: object) -> tuple[Event, tuple[Event, ...]]:
        """The event of an item, and its statement of consent."""
        if not isinstance(item, dict):
            raise UnreadableError("invalid_event")
        mapping = self._mapping
        call = self._call(item)
        identifiers, notes = content.read_identifiers(self._claims(item))
        if not identifiers:
            raise UnreadableError("no_identifier")
        stamp = self._find(mapping.time, item)
        time, time_notes = self._time(stamp)
        properties, traits = self._values(mapping.properties, item), self._values(mapping.traits, item)
        require_plain([properties, traits])
        event = Event(
            type=call,
            message_id=self._message_id(item),
            time=self._received_at if time is None else time,
            identifiers=identifiers,
            name=self._name(item) if call == "track" else "",
            properties=properties,
            traits=traits,
            basis=self._source.consent or None,
            notes=(*notes, *time_notes),
        )
        statements = self._consent(item, event, time)
        return content.with_message_id(content.fingerprinted(event, stamp), self._source.id), statements

    def _find(self, expression: str | None, item: object) -> Any:
        if expression is None:
            return None
        try:
            return self._evaluation.of(expression, item)
        except ExpressionError:
            raise UnreadableError("unmappable") from None

    def _call(self, item: object) -> str:
        written = self._mapping.type
        call: object = written if written in CALLS else self._find(written, item)
        if isinstance(call, str) and call.startswith("$"):
            raise UnreadableError("reserved_name")
        if not isinstance(call, str) or call not in CALLS:
            raise UnreadableError("invalid_type")
        return call

    def _name(self, item: object) -> str:
        name = self._find(self._mapping.event, item)
        if not isinstance(name, str) or not name.strip() or len(name) > _MAX_TEXT:
            raise UnreadableError("invalid_name")
        if name.lstrip().startswith("$"):
            raise UnreadableError("reserved_name")
        require_plain(name)
        return name

    def _claims(self, item: object) -> Iterator[tuple[object, object]]:
        for namespace, expression in self._mapping.identifiers.items():
            found = self._find(expression, item)
            for value in found[:_MAX_CLAIMS] if isinstance(found, list) else (found,):
                yield namespace, value

    def _values(self, expressions: dict[str, str], item: object) -> dict[str, Any]:
        found = {name: self._find(expression, item) for name, expression in expressions.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _message_id(self, item: object) -> str:
        said = self._find(self._mapping.message_id, item)
        if said is None or said == "":
            return ""
        if isinstance(said, int) and not isinstance(said, bool):
            said = str(said)
        if not isinstance(said, str) or len(said) > _MAX_TEXT:
            raise UnreadableError("invalid_message_id")
        return f"{self._source.id}-" + short_hash("message", self._source.id, said).hex()

    def _time(self, stamp: object) -> tuple[int | None, tuple[str, ...]]:
        """When the sender, whose clock is right, says it was; None where it says nothing."""
        if stamp is None or stamp == "":
            return None, ("time_of_receipt",)
        time = payloads.parse_time(stamp)
        if time is None or not content.YEAR_2000 <= time <= self._received_at + _YEAR:
            raise UnreadableError("invalid_time")
        return (self._received_at, ("time_clamped",)) if time > self._received_at else (time, ())

    def _consent(self, item: object, event: Event, time: int | None) -> tuple[Event, ...]:
        """Of the strongest identifier that people have. Nobody is taken to consent now because no time was given."""
        said = self._said(item)
        if not said:
            return ()
        if self._mapping.consent_time is not None:
            time, _ = self._time(self._find(self._mapping.consent_time, item))
        who = next((identifier for identifier in event.identifiers if identifier.namespace not in WEAK), None)
        if who is None or (time is None and any(said.values())):
            raise UnreadableError("invalid_consent")
        at = self._received_at if time is None else time
        parts = [str(part) for pair in sorted(said.items()) for part in pair]
        stated = Event(
            type=CONSENT,
            message_id=f"{self._source.id}-" + short_hash(CONSENT, who.namespace, who.value, *parts, str(at)).hex(),
            time=at,
            identifiers=(who,),
            consent=said,
            evidence={"method": "file" if self._source.type == "file" else "webhook"},
        )
        return (content.fingerprinted(stated, None),)

    def _said(self, item: object) -> dict[str, bool]:
        found = {purpose: self._find(expression, item) for purpose, expression in self._mapping.consent.items()}
        return {purpose: _truth(value) for purpose, value in found.items() if value is not None and value != ""}


def _truth(value: object) -> bool:
    said = _WORDS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    if said is None:
        raise UnreadableError("invalid_consent")
    return said
