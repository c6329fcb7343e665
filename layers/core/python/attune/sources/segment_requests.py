"""A request to the Segment HTTP API, opened: its limits, what it says once for all calls, each call's bytes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.sources import payloads
from attune.sources.payloads import KB, UnreadableError

MAX_EVENT: Final = 32 * KB
MAX_BATCH: Final = 500 * KB
MAX_EVENTS: Final = 2_500

#: calls that hold many; `import` is a batch of what happened long ago
BATCHES: Final = frozenset({"batch", "import"})
#: what a call that could not be read takes along, so that it can be read again
_KEPT: Final = ("call", "historical", "sent_at", "context", "integrations", "gpc")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A request's calls as bytes and what it says once for all. `call`: their type, if the path says it.

    `historical`: the calls are of the past and copied from elsewhere, so their times owe nothing to a clock that was
    wrong when they were sent. `gpc`: the browser sends Global Privacy Control with it.
    """

    items: tuple[bytes, ...]
    call: str = ""
    historical: bool = False
    write_key: object = None
    sent_at: object = None
    context: dict[str, Any] = {}
    integrations: object = None
    gpc: bool = False

    def how(self) -> dict[str, Any]:
        """What reading one of its calls again takes beside the call's bytes (`Rejected.how`), for `reopen`."""
        blank = Envelope(items=())
        said = ((name, getattr(self, name)) for name in _KEPT)
        return {name: value for name, value in said if value != getattr(blank, name)}


def most_bytes(call: str) -> int:
    """Of a request, after decompression."""
    return MAX_BATCH if call in BATCHES else MAX_EVENT


def open_request(body: bytes, call: str) -> Envelope:
    """The request in a decompressed body; `call` is the path's last part.

    Raises `AttuneError`: `invalid_json`, `invalid_batch` (400), `too_large` (413). Nothing is half-accepted.
    """
    raw = payloads.require_json(body)
    if call in BATCHES:
        return _open_batch(raw, historical=call == "import")
    try:
        write_key = _write_key.decode(raw).writeKey
    except msgspec.DecodeError:
        write_key = None
    return Envelope(items=(raw,), call=call, write_key=write_key)


def reopen(raw: bytes, how: dict[str, Any]) -> Envelope:
    """The request as if it had held this one call alone."""
    return Envelope(
        items=(raw,),
        call=str(how.get("call", "")),
        historical=how.get("historical") is True,
        sent_at=how.get("sent_at"),
        context=dict(how.get("context", {})),
        integrations=how.get("integrations"),
        gpc=how.get("gpc") is True,
    )


class _WriteKey(msgspec.Struct):
    writeKey: Any = None  # noqa: N815 (Segment's spelling)


_write_key: Final = msgspec.json.Decoder(_WriteKey)
_parts: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _open_batch(raw: bytes, *, historical: bool) -> Envelope:
    try:
        parts = _parts.decode(raw)
        items = tuple(map(bytes, _items.decode(parts["batch"])))
    except (msgspec.ValidationError, KeyError):
        raise AttuneError("invalid_batch", "the body must be an object with a list named `batch`") from None
    # A second `batch` would silently replace the first.
    if not _says_all(parts, raw):
        raise payloads.invalid_json("a key occurs twice in the body")
    _check_sizes(items, len(parts.get("context", b"")) + len(parts.get("integrations", b"")))
    shared = {name: _shared(parts, name) for name in ("writeKey", "sentAt", "context", "integrations")}
    if not isinstance(shared["context"], dict | None):
        raise AttuneError("invalid_batch", "`context` must be an object")
    return Envelope(
        items=items,
        historical=historical,
        write_key=shared["writeKey"],
        sent_at=shared["sentAt"],
        context=shared["context"] or {},
        integrations=shared["integrations"],
    )


def _says_all(parts: dict[str, msgspec.Raw], raw: bytes) -> bool:
    """Whether no key of the body was lost: the parts make the same text, or at least as many keys."""
    written = msgspec.json.encode(parts)
    if written == raw or payloads.compact(written) == payloads.compact(raw):
        return True
    return payloads.key_marks(raw) == len(parts) + sum(payloads.key_marks(bytes(part)) for part in parts.values())


def _shared(parts: dict[str, msgspec.Raw], name: str) -> Any:
    try:
        return payloads.read_json(bytes(parts[name])) if name in parts else None
    except UnreadableError as unreadable:
        raise payloads.invalid_json(f"`{name}` cannot be read: {unreadable.reason}") from None


def _check_sizes(items: tuple[bytes, ...], shared: int) -> None:
    """What a batch says once counts for each of its events, since each event carries it from here on."""
    if len(items) > MAX_EVENTS:
        raise AttuneError("too_large", f"at most {MAX_EVENTS:,} events are accepted in a batch", status=413)
    sizes = [len(item) + shared for item in items]
    if max(sizes, default=0) > MAX_EVENT:
        raise payloads.too_large(MAX_EVENT)
    if sum(sizes) > MAX_BATCH:
        raise payloads.too_large(MAX_BATCH)
