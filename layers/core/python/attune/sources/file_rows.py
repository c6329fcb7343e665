"""Dropped files → rows → events: which format a file's name says, and what a row becomes by its source's mapping."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.collection.imports import Place, Row, UnusableFileError
from attune.domain.events import Event, Rejected, short_hash
from attune.sources.csv_rows import csv_rows
from attune.sources.file_pieces import inflated, skipping
from attune.sources.mapped import read_document
from attune.sources.ndjson_rows import ndjson_rows, read_row
from attune.sources.webhooks import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.domain.definitions.sources import Source

CSV: Final = "csv"
NDJSON: Final = "ndjson"
PARQUET: Final = "parquet"
_FORMATS: Final = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".parquet": PARQUET}
_GZIP: Final = ".gz"
_DERIVED: Final = "message_id_derived"

type OpenAt = Callable[[int], Iterable[bytes]]


def format_of(key: str) -> str:
    """By the end of its name. Raises `UnusableFileError`: `unknown_format`."""
    name = key.lower()
    plain = name.removesuffix(_GZIP)
    for ending, found in _FORMATS.items():
        if plain.endswith(ending) and not (found == PARQUET and name != plain):
            return found
    raise UnusableFileError("unknown_format")


def text_rows(key: str, pieces: OpenAt, place: Place, delimiter: str) -> Iterator[Row]:
    """The rows of CSV or NDJSON behind `place`; `pieces` gives the bytes of the file as it lies, from an offset on."""
    open_at = partial(_inflated_at, pieces) if key.lower().endswith(_GZIP) else pieces
    if format_of(key) == CSV:
        return csv_rows(open_at, place, delimiter)
    return ndjson_rows(open_at, place)


def table_rows(documents: Iterable[bytes], place: Place) -> Iterator[Row]:
    """The rows of a table behind `place`, of which `documents` is each as a JSON object."""
    for number, raw in enumerate(documents, place.row + 1):
        yield read_row(raw, number, number, Place(line=number, row=number))


def read_file_row(
    document: object, raw: bytes, source: Source, received_at: int, *, file: str, row: int, item: bool = False
) -> Reading:
    """What a row says by the mapping of its source. `received_at`: when the file came, for rows that tell no time.

    A row without a message id gets one of its file, number and bytes: so it is the same one when a file is taken up
    again, or dropped again, and two equal rows of a file are two.
    """
    assert source.mapping is not None  # noqa: S101 (whoever imports looks)
    reading = read_document(document, source.mapping, source, received_at, raw=raw, item=item)
    place = {"file": file, "row": row}
    return msgspec.structs.replace(
        reading,
        events=tuple(_with_id(event, source, file, row, raw, nth) for nth, event in enumerate(reading.events)),
        rejected=tuple(refused(one, place) for one in reading.rejected),
    )


def refused(one: Rejected, place: dict[str, Any]) -> Rejected:
    """With the place in its file, so that it can be read again."""
    return msgspec.structs.replace(one, how={**one.how, **place})


def _with_id(event: Event, source: Source, file: str, row: int, raw: bytes, nth: int) -> Event:
    if _DERIVED not in event.notes:
        return event
    made = f"{source.id}-" + short_hash("row", source.id, file, str(row), raw, str(nth)).hex()
    return msgspec.structs.replace(event, message_id=made)


def _inflated_at(pieces: OpenAt, offset: int) -> Iterator[bytes]:
    return skipping(inflated(pieces(0)), offset)
