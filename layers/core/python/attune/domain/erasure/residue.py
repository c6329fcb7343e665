"""Whether stored bytes hold what somebody said: in any spelling that our stores write, however it is packed.

For checking an erasure, so it errs on the side of finding: what merely looks alike is told as well. It shares nothing
with `mentions`, by which an erasure finds what it removes: a fault in the one would hide behind the other.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import re
import unicodedata
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from attune.domain.profiles.state import plain_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: characters of the shortest text that is looked for: shorter ones stand everywhere
MIN_LENGTH: Final = 4
#: layers of packing that are opened: base64 within gzip within base64, and one more
_DEPTH: Final = 4
_GZIP: Final = b"\x1f\x8b"
_DEFLATED: Final = b"\xc1"
#: what may be base64, standard or of URLs, and is long enough to hold a text
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
#: characters of base64 that hold whole bytes: where among them a text begins nobody can tell
_QUANTUM: Final = 4
#: bytes of a deflated state's head: its mark, then its length before
_HEAD: Final = 5
_ESCAPED: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|/)")
_PERCENT: Final = re.compile(rb"%[0-9a-fA-F]{2}")
_CONTROL: Final = bytes(range(9)) + bytes(range(14, 32)) + b"\x0b\x0c\x7f"
_FEW: Final = 0.03
#: bytes of a layer that is looked through with those before it; layers that are looked through together
_ENOUGH: Final = 1024 * 1024
_MANY: Final = 10_000
#: bytes that a deflated state may have become: a profile's item has at most 400 KB, and deflate gives a thousandfold
_MAX_STATE: Final = 64 * 1024 * 1024


class Residue:
    """Looks for texts. Case does not matter, as addresses are written either way."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Raises `ValueError` for a text that is too short to be looked for."""
        wanted = list(dict.fromkeys(texts))
        if any(len(text) < MIN_LENGTH for text in wanted):
            raise ValueError(f"a text must have {MIN_LENGTH} characters")
        self._spellings = {text: _spellings(text) for text in wanted}

    def __call__(self, data: bytes) -> set[str]:
        """Those of the texts that `data` holds, as it stands or packed."""
        found: set[str] = set()
        for layers in _together(unpacked(data)):
            lowered = layers.lower()
            found |= {
                text
                for text, spellings in self._spellings.items()
                if text not in found and any(one in lowered for one in spellings)
            }
        return found


def _together(layers: Iterable[bytes]) -> Iterator[bytes]:
    """Many short ones as one: looking through each for every spelling would take most of the time."""
    held: list[bytes] = []
    for layer in layers:
        held.append(layer)
        if len(layer) > _ENOUGH or len(held) > _MANY:
            yield b"\n".join(held)
            held = []
    yield b"\n".join(held)


def unpacked(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """`data`, and what lies in it by gzip, deflate, base64, escapes of JSON or of URLs, over and over."""
    yield data
    if depth == 0:
        return
    if data[:2] == _GZIP:
        yield from _inner(_gunzip(data), depth)
    elif data[:1] == _DEFLATED:
        yield from _inner(_inflate(data), depth)
    elif depth == _DEPTH or _may_hold_more(data):
        yield from _from_runs(data, depth)
        if _is_text(data):
            yield from _inner(_unescaped(data), depth)
            yield from _inner(_unquoted(data), depth)


def _from_runs(data: bytes, depth: int) -> Iterator[bytes]:
    """What its runs of base64 hold, read from each of four places: letters before may belong to something else."""
    runs = _BASE64.findall(data)
    for start in range(_QUANTUM if runs else 0):
        decoded = [one for run in runs if (one := _from_base64(run[start:]))]
        yield b"\n".join(decoded)  # together, because most are short
        for one in decoded:
            if one[:2] == _GZIP or one[:1] == _DEFLATED or _may_hold_more(one):
                yield from _inner(one, depth)


def _may_hold_more(data: bytes) -> bool:
    """Whether it is written rather than enciphered: a ninth of what is enciphered are control characters."""
    return len(data) - len(data.translate(None, _CONTROL)) <= len(data) * _FEW


def _inner(data: bytes | None, depth: int) -> Iterator[bytes]:
    return iter(()) if not data else unpacked(data, depth - 1)


def _spellings(text: str) -> frozenset[bytes]:
    """In lower case."""
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text}
    forms |= {one for form in list(forms) for one in (form.lower(), form.upper())}
    written = {one for form in forms for one in (form, html.escape(form), quote(form, safe=""), quote_plus(form))}
    written |= {json.dumps(one)[1:-1] for one in list(written)}
    written |= {json.dumps(one, ensure_ascii=False)[1:-1] for one in list(written)}
    spelled = {one.encode("utf-8", "surrogatepass") for one in written}
    spelled |= {form.encode(wide, "surrogatepass") for form in forms for wide in ("utf-16-le", "utf-16-be")}
    return frozenset(one.lower() for one in spelled)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _gunzip(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return None


def _inflate(data: bytes) -> bytes | None:
    if len(data) < _HEAD or int.from_bytes(data[1:_HEAD], "big") > _MAX_STATE:
        return None
    try:
        return plain_state(data)
    except zlib.error:
        return None


def _from_base64(packed: bytes) -> bytes | None:
    """As far as it goes: of what does not come out even, the last character is left."""
    standard = packed.rstrip(b"=").translate(_TO_STANDARD)
    if len(standard) % _QUANTUM == 1:
        standard = standard[:-1]
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % _QUANTUM))
    except binascii.Error:
        return None


def _unescaped(data: bytes) -> bytes | None:
    """Without the escapes of JSON that stand for a character; None where there are none."""
    if _ESCAPED.search(data) is None:
        return None
    plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|/)", lambda one: chr(int(one[1], 16)) if one[1] else "/", data.decode())
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _unquoted(data: bytes) -> bytes | None:
    return unquote_to_bytes(data) if _PERCENT.search(data) else None
