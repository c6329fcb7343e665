"""What a browser or a mail program posts to a preference link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec

from attune.domain.errors import AttuneError

if TYPE_CHECKING:
    from attune.runtime.http import Request

#: bytes and fields of a form
MAX_FORM: Final = 10_000
MAX_FIELDS: Final = 200
#: what names a purpose's field
PURPOSE: Final = "purpose."
SEEN: Final = "seen"
#: value → whether the purpose is allowed
_WORDS: Final = {"yes": True, "no": False}
#: RFC 8058
_ONE_CLICK: Final = {"List-Unsubscribe": "One-Click"}


class Answer(msgspec.Struct, frozen=True):
    """What was chosen, by purpose, and what the page showed when it was."""

    choices: dict[str, bool]
    seen: str


class Unsubscribe(msgspec.Struct, frozen=True):
    """One click in a mail program."""


def read_form(request: Request) -> Answer | Unsubscribe:
    """`AttuneError`: `too_large` (413), `invalid_body` (400) for what is no form of ours."""
    if len(request.body) > MAX_FORM:
        raise AttuneError("too_large", f"at most {MAX_FORM:,} bytes are accepted", status=413)
    kind = request.headers.get("content-type", "")
    pairs = _parts(kind, request.body) if kind.lower().startswith("multipart/form-data") else _pairs(request.body)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _invalid()
    if fields == _ONE_CLICK:
        return Unsubscribe()
    seen = fields.pop(SEEN, "")
    if not seen or not all(name.startswith(PURPOSE) and word in _WORDS for name, word in fields.items()):
        raise _invalid()
    return Answer({name.removeprefix(PURPOSE): _WORDS[word] for name, word in fields.items()}, seen)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise _invalid() from None


def _parts(kind: str, body: bytes) -> list[tuple[str, str]]:
    """Mail programs may post their one click so."""
    from email import message_from_bytes

    message = message_from_bytes(b"Content-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n" + body)
    parts = [part for part in message.walk() if not part.is_multipart()] if message.is_multipart() else []
    named = [(part.get_param("name", header="content-disposition"), part.get_payload()) for part in parts]
    if not all(isinstance(name, str) and isinstance(text, str) for name, text in named):
        raise _invalid()
    return [(str(name), str(text).strip()) for name, text in named]


def _invalid() -> AttuneError:
    return AttuneError("invalid_body", "the form is not the one that this page has")
