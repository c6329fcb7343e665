"""Rows of CSV (RFC 4180): a header, then a row a line, where a quoted cell may go over several lines.

The bytes are split into rows here and not by Python's reader, because the place behind each row must be known to the
byte, and because a quote that is never closed must cost one line and not the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.imports import Place, Row, UnusableFileError
from attune.sources.file_pieces import MAX_ROW, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DELIMITERS: Final = (",", ";", "\t", "|")
_BOM: Final = b"\xef\xbb\xbf"

#: as `lines_of` tells them
type _Line = tuple[bytes, int, bool]


class _Record(msgspec.Struct, frozen=True):
    """A row's bytes without the last line's end, where it begins, and the place behind it."""

    raw: bytes
    line: int
    after: Place
    problem: str = ""


def csv_rows(open_at: Callable[[int], Iterable[bytes]], place: Place, delimiter: str) -> Iterator[Row]:
    """Those behind `place`; `open_at` gives the file's bytes from an offset on. The header is row 1, line 1.

    An empty cell says nothing: its column is missing in the document. Raises `UnusableFileError`: `empty_file`,
    `invalid_encoding`, `wrong_delimiter`, `invalid_header` where the first row is no header in UTF-8.
    """
    head = next(_records(open_at(0), Place()), None)
    if head is None:
        raise UnusableFileError("empty_file")
    columns = _columns(head, delimiter)
    start = place if place.offset >= head.after.offset else head.after
    return (_row(record, columns, delimiter) for record in _records(open_at(start.offset), start))


def _columns(head: _Record, delimiter: str) -> list[str]:
    try:
        cells = _cells(head.raw.removeprefix(_BOM), delimiter)
    except UnicodeDecodeError:
        raise UnusableFileError("invalid_encoding") from None
    except csv.Error:
        raise UnusableFileError("invalid_header") from None
    columns = [cell.strip() for cell in cells]
    named = [column for column in columns if column]
    if any("\0" in column for column in columns):
        raise UnusableFileError("invalid_encoding")
    if len(columns) == 1 and any(other in columns[0] for other in DELIMITERS):
        raise UnusableFileError("wrong_delimiter")
    if head.problem or not named or len(set(named)) < len(named):
        raise UnusableFileError("invalid_header")
    return columns


def _row(record: _Record, columns: list[str], delimiter: str) -> Row:
    document: dict[str, object] | None = None
    problem = record.problem
    if not problem:
        try:
            cells = _cells(record.raw, delimiter)
        except UnicodeDecodeError:
            problem = "invalid_encoding"
        except csv.Error:
            problem = "malformed_row"
        else:
            if len(cells) != len(columns):
                problem = "ragged_row"
            else:
                document = {column: cell for column, cell in zip(columns, cells, strict=True) if column and cell}
    return Row(
        number=record.after.row,
        line=record.line,
        after=record.after,
        raw=record.raw if document is None else _encoder.encode(document),
        document=document,
        problem=problem,
    )


def _cells(raw: bytes, delimiter: str) -> list[str]:
    """Raises `UnicodeDecodeError`, `csv.Error`."""
    if b'"' not in raw:
        return raw.decode().split(delimiter)
    return next(csv.reader((raw.decode(),), delimiter=delimiter, strict=True))


def _records(pieces: Iterable[bytes], place: Place) -> Iterator[_Record]:
    """Rows that are not empty; empty ones count all the same, as a spreadsheet shows them."""
    lines = lines_of(pieces)
    again: deque[_Line] = deque()
    while (first := _next(again, lines)) is not None:
        held, problem = [first], _problem(first)
        quotes, size = first[0].count(b'"'), first[1]
        while quotes % 2 and not problem:
            more = _next(again, lines)
            if more is not None:
                held.append(more)
                quotes, size = quotes + more[0].count(b'"'), size + more[1]
            if more is None or size > MAX_ROW:
                # Nobody closes it: that line is at fault, and those behind it are rows of their own.
                again.extendleft(reversed(held[1:]))
                held, problem = [first], "unclosed_quote"
        line = place.line + 1
        place = Place(
            offset=place.offset + sum(size for _, size, _ in held), line=place.line + len(held), row=place.row + 1
        )
        raw = b"\n".join(data for data, _, _ in held).removesuffix(b"\r")
        if raw.strip():
            yield _Record(raw, line, place, problem)


def _next(again: deque[_Line], lines: Iterator[_Line]) -> _Line | None:
    return again.popleft() if again else next(lines, None)


def _problem(line: _Line) -> str:
    _, _, is_cut = line
    return "row_too_long" if is_cut else ""


_encoder: Final = msgspec.json.Encoder()
