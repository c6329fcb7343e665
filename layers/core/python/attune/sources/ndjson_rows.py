"""Rows of NDJSON: one JSON object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.collection.imports import Place, Row
from attune.sources.file_pieces import MAX_ROW, lines_of
from attune.sources.payloads import UnreadableError, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BOM = b"\xef\xbb\xbf"


def ndjson_rows(open_at: Callable[[int], Iterable[bytes]], place: Place) -> Iterator[Row]:
    """Those behind `place`; `open_at` gives the file's bytes from an offset on. Empty lines are no rows."""
    offset, line = place.offset, place.line
    for found, size, is_cut in lines_of(open_at(offset)):
        raw = found.removeprefix(_BOM) if offset == 0 else found
        offset, line = offset + size, line + 1
        after = Place(offset=offset, line=line, row=line)
        if is_cut:
            yield Row(number=line, line=line, after=after, raw=raw, problem="row_too_long")
        elif raw := raw.strip():
            yield read_row(raw, line, line, after)


def read_row(raw: bytes, number: int, line: int, after: Place) -> Row:
    """A row from its JSON; with a problem unless it is an object of at most 32 KB."""
    document, problem = None, ""
    if len(raw) > MAX_ROW:
        return Row(number=number, line=line, after=after, raw=raw[:MAX_ROW], problem="row_too_long")
    try:
        document = read_json(raw)
    except UnreadableError as error:
        problem = error.reason
    if not problem and not isinstance(document, dict):
        document, problem = None, "invalid_event"
    return Row(number=number, line=line, after=after, raw=raw, document=document, problem=problem)
