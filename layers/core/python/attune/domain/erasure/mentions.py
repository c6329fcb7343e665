"""Whether bytes name somebody: the search that an erasure makes through what was kept as it came.

Such bytes are of any format, or of none. So they are looked at as text and in every spelling that JSON, forms, HTML and
base64 give to a text.

Most values are somebody's own choice: a browser may call itself `timestamp`. So by itself only a value counts that
nobody else writes: an address, as a whole word (`ann@example.com` is not in `joann@example.com`); a telephone number,
by its last nine digits, however it is written; a UUID, or 32 hex digits and more. Anything else counts as the value
behind a key that says whose id it is, and never as a key, a name or a figure. So does a telephone number without its
country where people write fewer than nine digits: dates and prices are as long.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
import zlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: digits by which telephone numbers are compared: without what stands before them for the country
_NUMBER: Final = 9
#: codes of countries (E.164); all others have three digits
_CODE: Final = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}")
#: base64 within base64: a batch holds records, a record holds rejected bytes
_NESTING: Final = 3
#: layers of escapes: a page's URL holds another one, a document holds a document
_ROUNDS: Final = 2
_GZIP: Final = b"\x1f\x8b"
_MAX_INFLATED: Final = 64 * 1024 * 1024

_WORD: Final = re.compile(r"[\w.+@\-]+")
_EDGES: Final = ".+-@"
_ADDRESS: Final = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_RANDOM: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}")
_PHONE: Final = re.compile(r"\+?[0-9](?:[0-9]|[ ().\-/\u00a0](?=[ ().\-/\u00a0]{0,2}[0-9])){6,24}")
_OF_PHONE: Final = re.compile(
    r"(?:phone|mobile|tel|sms|whatsapp)[a-z_ \-]{0,24}[^a-z0-9+]{0,12}(" + _PHONE.pattern + ")"
)
_DIGITS: Final = re.compile(r"[0-9]+")
#: `"userId": "42"`, `customer_id=42`, `"customer":{"id":42`, `{"namespace":"user_id","value":"42"}`,
#: `["user_id","42"]`, `<userId>42</userId>`
_VALUE: Final = r"(?:\"((?:[^\"\\]|\\.){1,600})\"|([^\s\"'&,;{}\[\]<>]{1,600}))"
_PERSON: Final = (
    r"(?:user|customer|contact|profile|person|people|visitor|member|account|loyalty|card|anonymous|client|device|"
    r"e-?mail|phone|mobile|tel)"
)
_ORDER: Final = r"(?:order|checkout|cart)"
_BEHIND: Final = r"[a-z_ \-]{0,24}[\"']?\s*(?:[:=]\s*\{\s*[\"']id[\"']\s*)?(?:[:=>]|,\s*[\"']value[\"']\s*:)\s*"
_OF_PERSON: Final = re.compile(_PERSON + _BEHIND + _VALUE)
#: as records on the stream spell an identifier
_IDENTIFIER: Final = re.compile(r"\[\s*\"[a-z0-9_]{0,30}" + _PERSON + r"[a-z0-9_]{0,30}\"\s*,\s*" + _VALUE)
_OF_ORDER: Final = re.compile(_ORDER + _BEHIND + _VALUE)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\-]{16,}={0,2}")
_ESCAPED: Final = re.compile(r"\\(?:u([0-9a-f]{4})|([\"\\/]))")


class Mentions:
    """Callable: whether bytes hold any of these values. What it costs grows with the bytes, not with the values."""

    def __init__(self, values: Iterable[str], orders: Iterable[str] = ()) -> None:
        """`values`: of identifiers; `orders`: numbers of orders, which count behind keys that tell of orders."""
        self._values = {_folded(value).strip() for value in values} - {""}
        self._orders = {_folded(value).strip() for value in orders} - {""}
        self._words = {value.strip(_EDGES) for value in self._values if _ADDRESS.fullmatch(value)}
        self._words |= {value for value in self._values if _RANDOM.fullmatch(value)}
        phones = {digits for value in self._values if (digits := _phone_digits(value))}
        self._numbers = {digits[-_NUMBER:] for digits in phones}
        short = {digits for digits in map(_national, phones) if len(digits) < _NUMBER}
        self._short = short | {f"0{digits}" for digits in short}

    def __call__(self, data: bytes) -> bool:
        """Looks into base64 too."""
        return any(map(self._is_in, _texts(data, _NESTING)))

    def _is_in(self, text: str) -> bool:
        return (
            any(word in self._words or word.strip(_EDGES) in self._words for word in _WORD.findall(text))
            or (bool(self._numbers) and any(map(self._has_number, _PHONE.findall(text))))
            or (bool(self._short) and any(_digits_of(found) in self._short for found in _OF_PHONE.findall(text)))
            or _is_behind(_OF_PERSON, text, self._values)
            or _is_behind(_IDENTIFIER, text, self._values)
            or _is_behind(_OF_ORDER, text, self._orders)
        )

    def _has_number(self, found: str) -> bool:
        """Whether it is one of the numbers, or is one with other digits behind it."""
        digits = ""
        for part in _DIGITS.findall(found):
            digits += part
            if digits[-_NUMBER:] in self._numbers:
                return True
        return False


def _is_behind(keys: re.Pattern[str], text: str, values: set[str]) -> bool:
    return bool(values) and any(
        quoted in values or plain in values or plain.strip(_EDGES) in values for quoted, plain in keys.findall(text)
    )


def _texts(data: bytes, depth: int) -> Iterator[str]:
    """The bytes as text, in each spelling that may hide a value, and what lies in them as base64 or compressed."""
    if data.startswith(_GZIP):
        yield from _texts(_inflated(data), depth - 1) if depth else ()
        return
    layer = {_folded(_decoded_text(data))}
    if b"\0" in data:  # a later line of UTF-16: nothing tells it but this
        layer.add(_folded(_decoded_text(data.replace(b"\0", b""))))
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        seen |= layer
        yield from layer
        layer = {plainer for text in layer for plainer in _plainer(text)} - seen
    yield from layer
    if depth:
        for found in _BASE64.finditer(data):
            for inner in _decoded(found[0]):
                yield from _texts(inner, depth - 1)


def _decoded_text(data: bytes) -> str:
    """UTF-16 where its first bytes say so, as spreadsheets write it."""
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_wide else "utf-8", "replace")


def _plainer(text: str) -> Iterator[str]:
    """Without one layer of what JSON, forms or HTML put around a text."""
    if "\\" in text:
        yield _folded(_unescaped(text))
    if "%" in text:
        yield _folded(unquote_to_bytes(text.replace("+", "%20")).decode("utf-8", "replace"))
        yield _folded(unquote_to_bytes(text).decode("utf-8", "replace"))
    if "&" in text:
        yield _folded(html.unescape(text))


def _inflated(data: bytes) -> bytes:
    """As far as it can be unpacked, and no more than a file of ours has in one piece."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        return inflater.decompress(data, _MAX_INFLATED)
    except zlib.error:
        return b""


def _decoded(found: bytes) -> Iterator[bytes]:
    """What it says if it is base64 of text."""
    plain = found.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        inner = base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
        if not inner.startswith(_GZIP):
            inner.decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    yield inner


def _unescaped(text: str) -> str:
    """As JSON means it; halves of a character that takes two escapes are put together."""
    halves = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _folded(text: str) -> str:
    """As one spelling: of characters composed differently, of capitals and small letters."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _phone_digits(value: str) -> str:
    """Of what may be a telephone number and is long enough to be told by its end."""
    found = _PHONE.fullmatch(value.partition("x")[0])
    digits = _digits_of(found[0]) if found else ""
    return digits if value.startswith("+") and len(digits) >= _NUMBER else ""


def _national(digits: str) -> str:
    """Without the code of the country."""
    code = _CODE.match(digits)
    return digits[code.end() :] if code else digits


def _digits_of(text: str) -> str:
    return "".join(_DIGITS.findall(text))
