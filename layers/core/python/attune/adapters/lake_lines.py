"""From an object of the raw lake to lines, from a line to what the table of events holds; what is no row ends here."""

from __future__ import annotations

import gzip
import zlib
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import msgspec

from attune.domain.processing.verdicts import Verdict
from attune.domain.profiles.consent import PERSONALIZATION
from attune.ports.learning import UnreadableObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP: Final = b"\x1f\x8b"

_Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
#: properties that have a column
COLUMNS: Final = ("order_id", "product_id", "total", "revenue", "value")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`verdicts.Row` as it is read: defaults for what was left out, the text of properties as it stands."""

    message_id: str
    source: str
    verdict: Verdict
    received_at: _Long
    processed_at: _Long
    version: _Long = 0
    reason: str = ""
    fingerprint: str = ""
    profile_id: str = ""
    absorbed: str = ""
    type: str = ""
    event: str = ""
    time: _Long = 0
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    consent: dict[str, bool] = {}
    sealed: bytes = b""
    replayed_at: _Long = 0
    copy: _Long = 0


def table_row(data: bytes) -> dict[str, Any] | None:
    """By column of `lake_tables.EVENTS`, `sealed` still as bytes; None if the line is no row."""
    try:
        line = _line.decode(data)
        properties = _properties.decode(line.properties)
        texts = {name: _text(properties[name]) for name in COLUMNS if name in properties}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    row = {name: getattr(line, name) for name in Line.__struct_fields__ if name != "consent"}
    return (
        row
        | texts
        | {
            "properties": bytes(line.properties).decode(),
            "consent_personalization": line.consent.get(PERSONALIZATION),
        }
    )


def lines_of(file: IO[bytes], key: str) -> Iterator[bytes]:
    """Plain or gzip, whatever the object is called: Firehose compresses on AWS and not on the local cloud."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    if not packed:
        yield from file
        return
    try:
        with gzip.open(file) as unpacked:
            yield from unpacked
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableObjectError(key) from error


def _text(value: msgspec.Raw) -> str:
    """A text as it reads; anything else as JSON spells it, a number digit by digit."""
    raw = bytes(value)
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()


_line: Final = msgspec.json.Decoder(Line)
_properties: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
