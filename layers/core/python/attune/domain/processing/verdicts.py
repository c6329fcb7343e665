"""What became of an event, as the row that the lake keeps of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.collection.quarantine import INVALID_RECORD, STREAM, digest
from attune.domain.identifiers import Identifier, reads_as_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune.domain.events import Event, Record, Rejected

#: properties that features and reports may read without opening the seal; none of them names a person
CLEAR_PROPERTIES: Final = (
    "product_id", "sku", "category", "brand", "variant", "price", "quantity",
    "value", "revenue", "total", "tax", "discount", "currency", "order_id", "cart_id", "checkout_id",
)  # fmt: skip
#: lists the things that an event is about, and may say anything of each: of these only what is `_OF_PRODUCTS`
PRODUCTS: Final = "products"
_NUMBERS: Final = frozenset({int, float, bool})
_LISTS: Final = frozenset({list, tuple})
_SCALARS: Final = _NUMBERS | {str, type(None)}
#: those of them that lead to somebody in another system
LEADING_PROPERTIES: Final = frozenset({"order_id", "cart_id", "checkout_id"})
#: what of a product tells of the thing, and not of whom it is for
_OF_PRODUCTS: Final = frozenset({
    "product_id", "sku", "category", "brand", "variant", "price", "quantity", "discount", "currency",
})  # fmt: skip
#: characters of a thing's name or number
_MAX_NAME: Final = 100
#: why a row was dropped that says what was done, and by nobody
UNIDENTIFIED: Final = "unidentified"
#: bytes of JSON that the clear properties of a row may have together, and of one of them where they have more. The
#: lake's records end at 1,000 KiB, and a sealed event of 500 KB already has 667 KB as base64.
MAX_CLEAR: Final = 16_384
_MAX_CLEAR_VALUE: Final = 500


class Verdict(StrEnum):
    """What became of an arrival.

    `applied` changed a profile; `dropped` was refused; `conflict` had another content under a known message id;
    `duplicate` was known already; `quarantined` was put aside by the processor, `rejected` by an entrance; `erased` was
    applied or in conflict, as its reason says, and is somebody's who was erased.
    """

    APPLIED = "applied"
    DROPPED = "dropped"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    MERGED = "merged"
    ERASED = "erased"


#: rows that are there to be counted and that no table of events holds
ONLY_COUNTED: Final = (Verdict.QUARANTINED, Verdict.DUPLICATE, Verdict.REJECTED, Verdict.ERASED)


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One event and fold.

    A row counts if its profile is stored, live or as a tombstone, or if it names none, and if what is sealed opens: a
    fold that lost a race may have archived under a profile or a key that never came to be. Of an event's rows (same
    `source`, `message_id`, `fingerprint`; those of merges aside) the one counts that has the highest `version`; at a
    tie a `dropped` one; at a tie again the latest `processed_at`. Rows that are `ONLY_COUNTED` are no event's.

    An *arrival* is an event, or input that is none, as an entrance received it once: same `source`, `message_id`,
    `fingerprint`, `received_at`, `replayed_at` and `copy`. However often the stream delivers it, or a failed batch is
    run again, it is one. Of its rows that one says what became of it that would count among them as above. A
    `duplicate` one does so only where there is no other, or where that one is `applied` and was never committed:
    another arrival of the event was applied before this was found to be a duplicate, or another was refused or in
    conflict at a higher version. Of an event's arrivals that were refused the first was, and the others are duplicates
    of it; so of those that conflict.

    An `erased` row stands for the applied one, or the one in conflict, that it was; its message id is a pseudonym
    (`erased_id`) and says the fingerprint too. So it is of what is refused for the erasure.

    A dropped event's row, and one that is only counted, holds no content and no profile. `sealed` is base64 in JSON,
    under the profile's own data key: the whole event; in the row of a merge, the data key of the absorbed profile.
    """

    message_id: str
    source: str
    verdict: Verdict
    received_at: int
    processed_at: int
    version: int = 0
    reason: str = ""
    fingerprint: str = ""
    profile_id: str = ""
    #: of a merge: the profile that was absorbed
    absorbed: str = ""
    type: str = ""
    event: str = ""
    time: int = 0
    properties: dict[str, Any] = {}
    consent: dict[str, bool] = {}
    sealed: bytes = b""
    #: when it came out of quarantine; 0 for what came from outside
    replayed_at: int = 0
    #: how often the same request had said the same before
    copy: int = 0


def clear_properties(event: Event, size: int = MAX_CLEAR + 1) -> dict[str, Any]:
    """The part of an event's properties that lies in the lake unsealed: values, what tells of products, at most 16 KB.

    `size`: bytes of the whole event, if known. Where there is more, only short values stay in the clear, and no
    lists; the sealed event has them all.
    """
    said = event.properties
    clear: dict[str, Any] = {
        name: said[name] for name in CLEAR_PROPERTIES if name in said and type(said[name]) in _SCALARS
    }
    if PRODUCTS in said and type(said[PRODUCTS]) in _LISTS:
        clear[PRODUCTS] = _things(said[PRODUCTS], _tells_of_things)
    if size <= MAX_CLEAR or len(_encoder.encode(clear)) <= MAX_CLEAR:
        return clear
    return {name: value for name, value in clear.items() if _is_short_scalar(value)}


def _is_short_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple) and len(_encoder.encode(value)) <= _MAX_CLEAR_VALUE


def bare_row(event: Event, record: Record, verdict: Verdict, reason: str, now: int, version: int) -> Row:
    """The row of an event that was not applied: that it came, from where and why not, and nothing of what it said.

    `version`, where it was refused, is the highest that is stored of the people it touches: a row of the same event
    that was archived before a crash, and whose commit somebody else's has overtaken, must not count.
    """
    return Row(
        message_id=event.message_id,
        source=record.source,
        verdict=verdict,
        reason=reason,
        version=version,
        fingerprint=event.fingerprint,
        received_at=record.received_at,
        processed_at=now,
        replayed_at=record.replayed_at,
        copy=event.copy,
    )


def unidentified_row(
    event: Event, record: Record, message_id: str, now: int, key_of: Callable[[Identifier], str]
) -> Row:
    """The row of a refused event that may be counted for what it was, though not for whose: nothing in it leads back.

    `message_id`: what stands for the event's own; the fingerprint, which covers what the event says, is left out too.
    """
    clear = clear_properties(event)
    bare = msgspec.structs.replace(
        bare_row(event, record, Verdict.DROPPED, UNIDENTIFIED, now, 0),
        message_id=message_id,
        fingerprint="",
        type=event.type,
        event=name_of_nobody(event.name),
        time=hour(event.time),
        properties=said_by_nobody(clear),
    )
    return loosened(bare, key_of)


def loosened[R: Row](row: R, key_of: Callable[[Identifier], str]) -> R:
    """Without what rows of one request, one fold or one person have in common and others have not.

    `copy` tells an arrival from the event's others in place of its instants, by a pseudonym of event and arrival.
    """
    arrival = erased_id(key_of, row.message_id, f"{row.received_at}", f"{row.replayed_at} {row.copy}")
    return msgspec.structs.replace(
        row,
        received_at=hour(row.received_at),
        processed_at=hour(row.processed_at),
        replayed_at=hour(row.replayed_at),
        version=min(row.version, 1),
        copy=int(arrival[:8], 16),
    )


def hour(at: int) -> int:
    """The beginning of the hour that an instant (ms) lies in."""
    return at - at % 3_600_000


def said_by_nobody(clear: Mapping[str, Any]) -> dict[str, Any]:
    """Clear properties without what may lead to somebody: numbers of orders, addresses."""
    said: dict[str, Any] = {}
    for name, value in clear.items():
        if name == PRODUCTS and type(value) in _LISTS:
            said[name] = _things(value, _tells_of_nobody)
        elif name not in LEADING_PROPERTIES and _tells_of_nobody(value):
            said[name] = value
    return said


def name_of_nobody(name: str) -> str:
    """An event's name, or nothing where somebody's address is in it."""
    return "" if reads_as_address(name) else name


def _tells_of_nobody(value: Any) -> bool:
    """Tells of things, and reads like no address in another spelling either."""
    return _tells_of_things(value) and not (type(value) is str and reads_as_address(value))


def _things(products: Iterable[Any], may_stay: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """What is known to tell of things, and no more: whoever has a mug engraved tells the shop their name there."""
    return [
        {part: value for part, value in one.items() if part in _OF_PRODUCTS and may_stay(value)}
        for one in products
        if isinstance(one, dict)
    ]


def _tells_of_things(value: Any) -> bool:
    """A number, or a short text that is no address."""
    kind = type(value)
    return kind in _NUMBERS or (kind is str and len(value) <= _MAX_NAME and "@" not in value)


def rejected_row(rejected: Rejected, record: Record, now: int, key_of: Callable[[Identifier], str]) -> Row:
    """The row of input that an entrance found to be no event. It has no id: a keyed hash of its bytes stands for it."""
    return Row(
        message_id="",
        source=record.source,
        verdict=Verdict.REJECTED,
        reason=rejected.reason,
        fingerprint=digest(rejected.raw, key_of),
        received_at=record.received_at,
        processed_at=now,
        replayed_at=record.replayed_at,
        copy=rejected.copy,
    )


def unread_row(data: bytes, arrived_at: int, now: int, key_of: Callable[[Identifier], str]) -> Row:
    """The row of a record that cannot be read: nobody knows how many events it was, so it counts as one."""
    return Row(
        message_id="",
        source=STREAM,
        verdict=Verdict.QUARANTINED,
        reason=INVALID_RECORD,
        fingerprint=digest(data, key_of),
        received_at=arrived_at,
        processed_at=now,
    )


def erased_id(key_of: Callable[[Identifier], str], source: str, message_id: str, fingerprint: str) -> str:
    """In place of a message id in rows of erased people; the fingerprint beside it is then left out.

    32 hex digits, under the deployment's identity secret. The same event has the same one, so that its arrivals are
    still counted as one event's, and what is refused after the erasure is the arrival that was erased in it. Without
    the secret nobody can test a guess.
    """
    return key_of(Identifier(_ERASED, f"{source}\x1f{message_id}\x1f{fingerprint}"))


def encode_row(row: Row) -> bytes:
    """One line of NDJSON, without the newline."""
    return _encoder.encode(row)


#: a namespace that no client can name
_ERASED: Final = "$erased"
_encoder: Final = msgspec.json.Encoder()
