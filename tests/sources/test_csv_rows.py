"""CSV as people export it: each row with its line, whatever is wrong with its neighbours, from any place on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.collection.imports import Place, Row, UnusableFileError
from attune.sources.csv_rows import csv_rows
from attune.sources.file_pieces import MAX_ROW


def pieces(data: bytes, size: int = 7) -> Any:
    def at(offset: int) -> Iterator[bytes]:
        return (data[start : start + size] for start in range(offset, len(data), size))

    return at


def read(data: bytes, delimiter: str = ",", place: Place | None = None, size: int = 7) -> list[Row]:
    return list(csv_rows(pieces(data, size), place or Place(), delimiter))


def documents(data: bytes, delimiter: str = ",") -> list[Any]:
    return [row.document for row in read(data, delimiter)]


def told(data: bytes) -> list[tuple[int, int, str]]:
    return [(row.number, row.line, row.problem) for row in read(data)]


def test_a_row_is_a_document_of_its_header() -> None:
    assert documents(b"id,name\r\n1,Ada\r\n2,Eve\r\n") == [{"id": "1", "name": "Ada"}, {"id": "2", "name": "Eve"}]


def test_the_last_line_needs_no_end() -> None:
    assert documents(b"id,name\n1,Ada") == [{"id": "1", "name": "Ada"}]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert documents(b"\xef\xbb\xbfid,name\n1,Ada\n") == [{"id": "1", "name": "Ada"}]


def test_quotes_hold_delimiters_line_ends_and_quotes() -> None:
    assert documents(b'id,note\n1,"a, ""b""\r\nc"\n') == [{"id": "1", "note": 'a, "b"\r\nc'}]


def test_an_empty_cell_says_nothing() -> None:
    assert documents(b'id,name,city\n1,,Bonn\n2,"",\n') == [{"id": "1", "city": "Bonn"}, {"id": "2"}]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_cells_may_be_separated_otherwise(delimiter: str) -> None:
    data = f'id{delimiter}name\n1{delimiter}"a,b"\n'.encode()
    assert documents(data, delimiter) == [{"id": "1", "name": "a,b"}]


def test_a_column_without_a_name_is_left_out() -> None:
    assert documents(b"id,name,\n1,Ada,x\n") == [{"id": "1", "name": "Ada"}]


def test_rows_count_as_a_spreadsheet_shows_them_and_lines_as_an_editor_does() -> None:
    data = b'id,note\n1,"two\nlines"\n\n2,short\n3\n4,good\n'
    assert told(data) == [(2, 2, ""), (4, 5, ""), (5, 6, "ragged_row"), (6, 7, "")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"1", "ragged_row"),
        (b"1,2,3", "ragged_row"),
        (b'1,"a"b', "malformed_row"),
        (b"1,caf\xe9", "invalid_encoding"),
        (b"1," + b"x" * MAX_ROW, "row_too_long"),
    ],
)
def test_a_bad_row_costs_nothing_but_itself(line: bytes, problem: str) -> None:
    data = b"id,name\n0,a\n" + line + b"\n2,b\n"
    assert told(data) == [(2, 2, ""), (3, 3, problem), (4, 4, "")]
    assert read(data)[1].raw == line[:MAX_ROW]


def test_a_last_line_without_an_end_is_too_long_by_one_byte_as_any_other() -> None:
    long = b"1," + b"x" * (MAX_ROW - 2)
    for line, problem in ((long, ""), (long + b"3", "row_too_long")):
        for end in (b"", b"\n"):
            for size in (7, len(line) + 100):
                [row] = read(b"id,name\n" + line + end, size=size)
                assert (row.problem, row.raw[-1:] == b"}", row.document is None) == (
                    problem,
                    not problem,
                    bool(problem),
                )


def test_a_quote_that_nobody_closes_costs_its_line_and_not_the_rest_of_the_file() -> None:
    good = b"".join(b"%d,%s\n" % (number, b"x" * 100) for number in range(1_000))
    rows = read(b'id,name\n1,"open\n' + good, size=4096)
    assert [(row.line, row.problem) for row in rows if row.problem] == [(2, "unclosed_quote")]
    assert len(rows) == 1_001
    last = read(b'id,name\n1,a\n2,"open\n3,b\n')
    assert [(row.line, row.problem) for row in last] == [(2, ""), (3, "unclosed_quote"), (4, "")]


def test_a_broken_row_over_several_lines_is_one_and_its_text_never_a_row() -> None:
    data = b'id,note\n1,"said:\n666,smuggled\n",extra\n2,good\n'
    assert [(row.line, row.after.line, row.problem) for row in read(data)] == [(2, 4, "ragged_row"), (5, 5, "")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"\n\r\n", "empty_file"),
        ("id,name\n1,Ada\n".encode("utf-16"), "invalid_encoding"),
        ("id,name\n1,Ada\n".encode("utf-16-le"), "invalid_encoding"),
        (b"id,stra\xdfe\n", "invalid_encoding"),
        (b"id;name\n1;Ada\n", "wrong_delimiter"),
        (b"id,id\n1,2\n", "invalid_header"),
        (b",,\n1,2,3\n", "invalid_header"),
        (b'id,"na"me\n', "invalid_header"),
        (b'id,"name\n', "invalid_header"),
        (b"x" * (MAX_ROW + 10), "invalid_header"),
    ],
)
def test_a_file_without_a_header_is_no_csv_of_ours(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableFileError) as caught:
        read(data)
    assert caught.value.reason == reason


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert read(b"id,name\r\n") == []


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12))


@given(tables, st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_what_a_spreadsheet_writes_is_read_as_it_was_meant(table: list[list[str]], end: str, size: int) -> None:
    width = len(table[0]) if table else 2
    columns = [f"c{number}" for number in range(width)]
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([columns, *table])
    rows = read(text.getvalue().encode(), size=size)
    assert [row.document for row in rows] == [
        {name: cell for name, cell in zip(columns, row, strict=True) if cell} for row in table
    ]


lines = st.lists(
    st.sampled_from([b"1,a", b'2,"b"', b'3,"c\nc"', b'4,"open', b"5", b"", b'6,"x"y', b"7,\xff", b'8" pipe,z', b"\r"]),
    max_size=14,
)


@given(lines, st.integers(1, 30))
@settings(max_examples=200, deadline=None)
def test_whoever_goes_on_behind_any_row_reads_the_same_rows(found: list[bytes], size: int) -> None:
    data = b"id,name\n" + b"\n".join(found)
    whole = read(data, size=size)
    for number, row in enumerate(whole):
        assert read(data, place=row.after, size=size + 3) == whole[number + 1 :]
    assert [row.number for row in whole] == sorted({row.number for row in whole})
