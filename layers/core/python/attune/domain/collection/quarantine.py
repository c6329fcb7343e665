"""What lies in quarantine: one input, how it came, and what was tried with it since."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from attune.domain.events import Origin
from attune.domain.identifiers import Identifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.domain.events import Record, Rejected

#: the source of what no source can be told of: bytes on the stream that are no record
STREAM: Final = "stream"
INVALID_RECORD: Final = "invalid_record"
#: how an input came, where that lies beside it: behind its key
CAME: Final = ".came"
#: the outcome of a replay that went onto the stream; every other outcome is a reason why not
REPLAYED: Final = "replayed"

#: a namespace that no client can name
_INPUT: Final = "$input"
_IDENTIFIER: Final = re.compile(r"([a-z_]{1,64})\.([a-z][a-z0-9_-]{0,63})\.([0-9]{1,15})-([0-9a-f]{32})", re.ASCII)


class Came(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an input came: by which entrance, whether a server key or a signature vouched for it, and what reading its
    bytes again takes beside them (`Rejected.how`). `replayed_at`: when it had been replayed before it came back, ms.

    Without `origin` nothing is known of it: it was kept before any of this was.
    """  # noqa: D205 - the first sentence is that long

    origin: Origin | None = None
    trusted: bool = False
    how: dict[str, Any] = {}
    replayed_at: int = 0


class Quarantined(msgspec.Struct, frozen=True, order=True):
    """One input's name: why it lies there, whose it is, when it came (ms), a keyed hash of it and of how it came."""

    reason: str
    source: str
    received_at: int
    digest: str

    @property
    def id(self) -> str:
        """As people and the API name it: `no_identifier.shop.1750000000000-44136fa355b3678a1146ad16f7e8649e`."""
        return f"{self.reason}.{self.source}.{self.received_at}-{self.digest}"

    @classmethod
    def named(cls, name: str) -> Self | None:
        """The one of this id; None for what is no id."""
        found = _IDENTIFIER.fullmatch(name)
        return cls(found[1], found[2], int(found[3]), found[4]) if found else None


class Trace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at a replay: when (ms), by whose key, with which patch, what became of it.

    `outcome` is `replayed` or why not. `message_ids`: of the events that went onto the stream.
    """

    at: int
    by: str
    outcome: str
    patch: str = ""
    message_ids: tuple[str, ...] = ()


def quarantined(
    reason: str, source: str, received_at: int, raw: bytes, came: Came, key_of: Callable[[Identifier], str]
) -> Quarantined:
    """The name of an input. What came in another way is another one: it would be read otherwise.

    `key_of`: `Pseudonyms.key`.
    """
    return Quarantined(
        reason, source, received_at, digest(raw + (encode_came(came) if came != Came() else b""), key_of)
    )


def digest(raw: bytes, key_of: Callable[[Identifier], str]) -> str:
    """32 hex digits in place of input. They outlast an erasure, and without the secret nobody can test a guess."""
    return key_of(Identifier(_INPUT, hashlib.sha256(raw).hexdigest()))


def came_with(record: Record, rejected: Rejected) -> Came:
    """How what a record carries came."""
    return Came(origin=record.origin, trusted=record.trusted, how=rejected.how, replayed_at=record.replayed_at)


def encode_came(came: Came) -> bytes:
    """JSON, the same for the same."""
    return _encoder.encode(came)


def decode_came(data: bytes) -> Came:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _came.decode(data)


def encode_trace(trace: Trace) -> bytes:
    """JSON."""
    return _encoder.encode(trace)


def decode_trace(data: bytes) -> Trace:
    """Raises `msgspec.MsgspecError` for anything else."""
    return _trace.decode(data)


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_came: Final = msgspec.json.Decoder(Came)
_trace: Final = msgspec.json.Decoder(Trace)
