"""Formats by name, NDJSON, gzip; and what a row becomes."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from attune.domain.collection.imports import Place, Row, UnusableFileError
from attune.domain.definitions.mappings import Mapping
from attune.sources.file_pieces import MAX_ROW, inflated, skipping
from attune.sources.file_rows import format_of, read_file_row, table_rows, text_rows
from attune.sources.ndjson_rows import ndjson_rows
from tests.builders import NOW, identifiers, source

STORE = source(
    id="tills",
    type="file",
    origins=(),
    mapping=Mapping(
        event="'Order Completed'",
        time="sold_at",
        identifiers={"loyalty_id": "card"},
        properties={"total": "to_number(total)"},
    ),
)


def pieces(data: bytes, size: int = 11) -> Any:
    def at(offset: int) -> Iterator[bytes]:
        return (data[start : start + size] for start in range(offset, len(data), size))

    return at


def of(key: str, data: bytes, place: Place | None = None, delimiter: str = ",") -> list[Row]:
    return list(text_rows(key, pieces(data), place or Place(), delimiter))


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("imports/a/b.csv", "csv"),
        ("imports/a/B.CSV.GZ", "csv"),
        ("imports/a/b.ndjson", "ndjson"),
        ("imports/a/b.jsonl.gz", "ndjson"),
        ("imports/a/b.parquet", "parquet"),
    ],
)
def test_a_name_says_the_format(key: str, found: str) -> None:
    assert format_of(key) == found


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_last_line_of_ndjson_may_be_as_long_as_a_row_and_by_no_byte_longer(end: bytes) -> None:
    whole = b'{"a":"' + b"x" * (MAX_ROW - 8) + b'"}'
    [row] = of("x.ndjson", whole + end)
    assert (row.problem, row.raw) == ("", whole)
    [row] = of("x.ndjson", whole + b" " + end)
    assert (row.problem, row.raw, row.document) == ("row_too_long", whole, None)


@pytest.mark.parametrize("key", ["imports/a/b", "imports/a/b.xlsx", "imports/a/b.parquet.gz", "imports/a/csv", "x.zip"])
def test_other_names_say_nothing(key: str) -> None:
    with pytest.raises(UnusableFileError, match="unknown_format"):
        format_of(key)


def test_ndjson_is_an_object_a_line() -> None:
    data = b'\xef\xbb\xbf{"a":1}\r\n\n{"b":"x"}\n[1]\n{"a":\n{"a":1,"a":2}\nnull'
    rows = of("x.ndjson", data)
    assert [(row.number, row.document, row.problem) for row in rows] == [
        (1, {"a": 1}, ""),
        (3, {"b": "x"}, ""),
        (4, None, "invalid_event"),
        (5, None, "invalid_json"),
        (6, None, "duplicate_keys"),
        (7, None, "invalid_event"),
    ]
    for number, row in enumerate(rows):
        assert of("x.ndjson", data, row.after) == rows[number + 1 :]


def test_a_line_too_long_costs_nothing_but_itself() -> None:
    data = b'{"a":1}\n{"a":"' + b"x" * 300_000 + b'"}\n{"a":2}\n'
    rows = list(ndjson_rows(pieces(data, 4096), Place()))
    assert [(row.line, row.problem) for row in rows] == [(1, ""), (2, "row_too_long"), (3, "")]
    assert len(rows[1].raw) == MAX_ROW


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_gzip_is_read_from_any_place_on(size: int) -> None:
    data = b"id,name\n" + b"".join(b"%d,%s\n" % (number, b"n" * (number % 50)) for number in range(500))
    packed = gzip.compress(data[:999]) + gzip.compress(data[999:])
    whole = list(text_rows("x.csv.gz", pieces(packed, size), Place(), ","))
    assert whole == of("x.csv", data)
    assert of("x.csv.gz", packed, whole[250].after) == whole[251:]


def test_a_damaged_or_cut_archive_gives_what_can_be_read_then_says_so() -> None:
    data = b"".join(b'{"n":%d}\n' % number for number in range(20_000))
    packed = gzip.compress(data)
    for broken in (packed[:-9], packed[:-4], b"no gzip at all", packed[:1000] + b"\0" * 50 + packed[1050:]):
        rows = text_rows("x.ndjson.gz", pieces(broken, 500), Place(), ",")
        read: list[Row] = []
        with pytest.raises(UnusableFileError, match="invalid_gzip"):
            read.extend(rows)
        assert [row.number for row in read] == list(range(1, len(read) + 1))
        assert len(read) > 0 or broken == b"no gzip at all" or len(broken) == len(packed)


def test_an_archive_is_inflated_piece_by_piece_and_no_further_than_it_may() -> None:
    bomb = zlib.compress(bytes(50_000_000), wbits=31)
    assert len(bomb) < 60_000
    sizes: list[int] = []
    with pytest.raises(UnusableFileError, match="too_large"):
        sizes.extend(len(piece) for piece in inflated([bomb], limit=20_000_000))
    assert max(sizes) <= 1024 * 1024
    assert 18_000_000 < sum(sizes) <= 20_000_000


def test_skipping_leaves_the_rest() -> None:
    for offset in range(12):
        assert b"".join(skipping([b"abc", b"defg", b"", b"hij"], offset)) == b"abcdefghij"[offset:]


def test_rows_of_a_table_are_counted_from_its_first() -> None:
    rows = list(table_rows([b'{"a":1}', b'{"a":nan}'], Place(line=7, row=7)))
    assert [(row.number, row.line, row.document, row.problem) for row in rows] == [
        (8, 8, {"a": 1}, ""),
        (9, 9, None, "invalid_json"),
    ]
    assert rows[-1].after.row == 9


def sale(**overrides: Any) -> Any:
    document = {"card": "L-77", "total": "9.50", "sold_at": "2025-06-14T10:00:00Z"} | overrides
    raw = msgspec.json.encode(document)
    return document, raw


def test_a_row_becomes_what_the_mapping_says() -> None:
    document, raw = sale()
    [event] = read_file_row(document, raw, STORE, NOW, file="imports/tills/a.csv", row=2).events
    assert (event.name, event.identifiers) == ("Order Completed", identifiers(loyalty_id="L-77"))
    assert event.properties == {"total": 9.5}


def test_two_equal_rows_are_two_and_the_same_row_read_again_is_one() -> None:
    document, raw = sale()

    def id_of(file: str, row: int) -> str:
        [event] = read_file_row(document, raw, STORE, NOW, file=file, row=row).events
        return event.message_id

    assert id_of("imports/tills/a.csv", 2) == id_of("imports/tills/a.csv", 2)
    assert len({id_of("imports/tills/a.csv", 2), id_of("imports/tills/a.csv", 3), id_of("imports/tills/b.csv", 2)}) == 3


def test_a_message_id_of_the_mapping_goes_before() -> None:
    assert STORE.mapping is not None
    named = msgspec.structs.replace(STORE, mapping=msgspec.structs.replace(STORE.mapping, message_id="receipt"))
    document, raw = sale(receipt="R-1")
    ids = {
        event.message_id
        for file, row in (("a.csv", 2), ("b.csv", 9))
        for event in read_file_row(document, raw, named, NOW, file=file, row=row).events
    }
    assert len(ids) == 1


def test_what_cannot_be_read_is_kept_with_its_place() -> None:
    document, raw = sale(card="")
    [one] = read_file_row(document, raw, STORE, NOW, file="imports/tills/a.csv", row=9).rejected
    assert (one.reason, json.loads(one.raw)) == ("no_identifier", document)
    assert one.how == {"file": "imports/tills/a.csv", "row": 9}
