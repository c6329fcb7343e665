"""Bytes from outside, read strictly: bounded inflation, UTF-8, unambiguous JSON, times in any notation."""

from __future__ import annotations

import json
import re
import zlib
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from attune.domain.errors import AttuneError

KB: Final = 1024
MAX_DEPTH: Final = 16
#: what both JSON and msgpack carry, so that nothing accepted here is refused by a later store
_INTEGERS: Final = range(-(2**63), 2**64)
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_KEY: Final = re.compile(rb'"[ \t\r\n]*:')

#: levels of what callers usually write; the type below doubles with each
_USUAL_DEPTH: Final = 6

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000
#: numbers below it are seconds (until the year 5138), numbers above it milliseconds (from 1973 on)
_SECONDS_BELOW: Final = 10**11
_ABSURD: Final = 10**15


class UnreadableError(Exception):
    """The bytes are no event; `reason` is the quarantine's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without gzip, at most `limit` bytes; gzip is also known by its first bytes.

    Raises `AttuneError`: `too_large` (413) beyond the limit, however small the compressed bytes;
    `invalid_gzip` (400) when truncated, damaged or of several members; `unsupported_encoding` (415) for others.
    """
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise AttuneError("unsupported_encoding", "Content-Encoding must be gzip or identity", status=415)
    if encoding in ("gzip", "x-gzip") or body.startswith(_GZIP):
        body = _gunzip(body, limit)
    if len(body) > limit:
        raise too_large(limit)
    return body


def too_large(limit: int) -> AttuneError:
    """For a request that holds more than `limit` bytes."""
    return AttuneError("too_large", f"at most {limit:,} bytes are accepted, after decompression", status=413)


def invalid_json(message: str) -> AttuneError:
    """For a body that is no JSON, or ambiguous."""
    return AttuneError("invalid_json", message)


def require_json(body: bytes) -> bytes:
    """The JSON value in `body` without space around it; raises `invalid_json` unless it is sound UTF-8."""
    try:
        body.decode("utf-8")
        return bytes(_raw.decode(body))
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise invalid_json("the body is not valid JSON in UTF-8") from None


def read_json(raw: bytes) -> Any:
    """The value of well-formed JSON.

    Raises `UnreadableError`: `invalid_json`; `invalid_number` beyond 64 bits or a double's range; `too_deep`
    beyond 16 levels; `duplicate_keys`, since readers differ in which of two values they take.
    """
    try:
        value = _usual.decode(raw)
    except (UnicodeDecodeError, msgspec.DecodeError):
        value = _read_unusual(raw)
    # A value that is written back to the same text has lost no key: the check that takes least time.
    written = _json.encode(value)
    if written == raw or written == compact(raw):
        return value
    # Every key ends in `":`, and so may text inside strings. Equal counts prove that no key was lost; only
    # where they differ is each pair looked at, which takes several times as long as decoding.
    if key_marks(raw) != _count_keys(value) and _has_duplicates(raw):
        raise UnreadableError("duplicate_keys")
    return value


def _read_unusual(raw: bytes) -> Any:
    """What is deep or holds large numbers, or why it cannot be read."""
    try:
        value = msgspec.json.decode(raw)
    except msgspec.ValidationError:
        raise UnreadableError("invalid_number") from None
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise UnreadableError("invalid_json") from None
    except RecursionError:
        raise UnreadableError("too_deep") from None
    _count_keys(value)
    return value


def compact(raw: bytes) -> bytes:
    """Well-formed JSON without the space between its parts; as it came if it is so deep that this fails."""
    try:
        return msgspec.json.format(raw, indent=-1)
    except RecursionError:
        return raw


def key_marks(raw: bytes) -> int:
    """How often a quote is followed by a colon: at least the number of keys in the JSON text."""
    return len(_KEY.findall(raw))


def parse_time(value: object) -> int | None:
    """Milliseconds since the epoch from ISO 8601 (no offset: UTC) or a number of s or ms; None for others."""
    if isinstance(value, str):
        return _parse_time_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _ABSURD:
        return None
    return round(value * 1000) if abs(value) < _SECONDS_BELOW else round(value)


def _parse_time_text(text: str) -> int | None:
    # Python's own reader takes any character for the T, and stops at a NUL behind the Z.
    if not (text.isascii() and text.isprintable()):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_ABSURD))
        return parse_time(int(text)) if is_number else None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return since.days * _DAY + since.seconds * 1000 + since.microseconds // 1000


def _gunzip(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise AttuneError("invalid_gzip", "the body is not valid gzip") from None
    if len(inflated) > limit:
        raise too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise AttuneError("invalid_gzip", "the gzip body is cut short or has more than one member")
    return inflated


def _count_keys(value: object) -> int:
    """Of all objects, level by level; raises for what is too deep and for numbers out of range."""
    keys, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        is_nested = False
        for one in level:
            if isinstance(one, dict):
                is_nested, keys = True, keys + len(one)
                below += one.values()
            elif isinstance(one, list):
                is_nested = True
                below += one
            elif type(one) is int and one not in _INTEGERS:
                raise UnreadableError("invalid_number")
        if not is_nested:
            return keys
        level = below
    raise UnreadableError("too_deep")


def _has_duplicates(raw: bytes) -> bool:
    lost = 0

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal lost
        kept = dict(pairs)
        lost += len(pairs) - len(kept)
        return kept

    json.loads(raw.decode(), object_pairs_hook=keep)
    return lost > 0


def _of_usual_depth() -> Any:
    """The type of a JSON value of a few levels whose numbers every store holds: decoding checks both at once."""
    scalar = None | bool | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | float | str
    value: Any = scalar
    for _ in range(_USUAL_DEPTH):
        value = scalar | list[value] | dict[str, value]
    return value


_json: Final = msgspec.json.Encoder()
_raw: Final = msgspec.json.Decoder(msgspec.Raw)
_usual: Final = msgspec.json.Decoder(_of_usual_depth())
