"""Parquet, row by row as JSON, from any row on; what is no Parquet says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from attune.adapters.duckdb_tables import DuckTables
from attune.domain.collection.imports import UnusableFileError
from attune.sources.file_pieces import MAX_ROW
from attune.sources.payloads import parse_time

TYPED = """
SELECT 'L-1' AS card, 9.5::DOUBLE AS total, 12.30::DECIMAL(10, 2) AS price, 9007199254740993::BIGINT AS big,
    TIMESTAMP '2025-06-15 10:00:00' AS sold_at, TIMESTAMPTZ '2025-06-15 10:00:00+02' AS zoned,
    DATE '2025-06-15' AS day, NULL AS nothing, TRUE AS paid, ['a', 'b'] AS tags, {'city': 'Bonn'} AS shop,
    'a row' AS "Found", 7 AS "Order Id"
"""


def parquet(folder: Path, query: str, **options: Any) -> bytes:
    path = folder / "made"
    duckdb.sql(query).write_parquet(str(path), **options)
    return path.read_bytes()


def pieces(data: bytes) -> Iterator[bytes]:
    return (data[start : start + 1000] for start in range(0, len(data), 1000))


def tables(folder: Path, **options: Any) -> DuckTables:
    return DuckTables(folder / "scratch", **options)


def test_a_row_is_an_object_of_json_values(tmp_path: Path) -> None:
    [row] = tables(tmp_path).rows(pieces(parquet(tmp_path, TYPED)), 0)
    found = json.loads(row)
    times = {name: parse_time(found.pop(name)) for name in ("sold_at", "zoned", "day")}
    assert times == {"sold_at": 1_749_981_600_000, "zoned": 1_749_974_400_000, "day": 1_749_945_600_000}
    assert found == {
        "card": "L-1",
        "total": 9.5,
        "price": 12.3,
        "big": 9007199254740993,
        "nothing": None,
        "paid": True,
        "tags": ["a", "b"],
        "shop": {"city": "Bonn"},
        "Found": "a row",
        "Order Id": 7,
    }


@pytest.mark.parametrize("after", [0, 1, 99, 100, 101, 4_999, 5_000, 6_000])
def test_it_is_read_from_any_row_on_whatever_its_groups_are(tmp_path: Path, after: int) -> None:
    data = parquet(tmp_path, "SELECT i AS n FROM range(5000) AS t(i)", row_group_size=2048)
    rows = tables(tmp_path, slab=700).rows(pieces(data), after)
    assert [json.loads(row)["n"] for row in rows] == list(range(after, 5_000))


def test_a_table_without_rows_has_none(tmp_path: Path) -> None:
    assert list(tables(tmp_path).rows(pieces(parquet(tmp_path, "SELECT 1 AS n WHERE false")), 0)) == []


def test_a_figure_that_is_none_says_nothing(tmp_path: Path) -> None:
    query = "SELECT 'nan'::DOUBLE AS n, 'inf'::DOUBLE AS i, '-inf'::FLOAT AS m, 'NaN, inf \u00e9' AS text, 0.1 AS d"
    [row] = tables(tmp_path).rows(pieces(parquet(tmp_path, query)), 0)
    assert json.loads(row) == {"n": None, "i": None, "m": None, "text": "NaN, inf \u00e9", "d": 0.1}
    assert b"NaN," in row


def test_columns_may_be_called_anything(tmp_path: Path) -> None:
    """As a number of rows is called by DuckDB itself, too."""
    query = """SELECT i AS n, 4999 - i AS File_Row_Number, i AS "a ""b"" {c}", i AS "told" FROM range(5000) AS t(i)"""
    rows = tables(tmp_path, slab=700).rows(pieces(parquet(tmp_path, query, row_group_size=2048)), 4_998)
    assert [json.loads(row) for row in rows] == [
        {"n": n, "File_Row_Number": 4999 - n, 'a "b" {c}': n, "told": n} for n in (4_998, 4_999)
    ]


@pytest.mark.parametrize("broken", ["cut", "no parquet", "a hole", "empty ends"])
def test_what_is_no_table_says_so(tmp_path: Path, broken: str) -> None:
    data = parquet(tmp_path, "SELECT i AS n, md5(i::VARCHAR) AS text FROM range(50000) AS t(i)")
    bad = {
        "cut": data[:-1000],
        "no parquet": b"id,name\n1,Ada\n" * 100,
        "a hole": data[:2000] + bytes(200_000) + data[202_000:],
        "empty ends": b"PAR1" + bytes(4) + b"PAR1",
    }[broken]
    with pytest.raises(UnusableFileError, match="invalid_parquet"):
        list(tables(tmp_path).rows(pieces(bad), 0))


def test_of_a_row_that_is_too_long_its_beginning_is_told(tmp_path: Path) -> None:
    data = parquet(tmp_path, "SELECT repeat('x', CASE WHEN i = 5 THEN 900000 ELSE 1 END) AS a FROM range(500) AS t(i)")
    sizes = [len(row) for row in tables(tmp_path).rows(pieces(data), 0)]
    assert (len(sizes), sizes[4], sizes[5]) == (500, len('{"a":"x"}'), MAX_ROW + 1)


def test_a_table_of_nothing_but_long_rows_is_not_begun(tmp_path: Path) -> None:
    query = (
        "SELECT array_to_string([md5((i * 4000 + j)::VARCHAR) FOR j IN range(2000)], '') AS a FROM range(50) AS t(i)"
    )
    with pytest.raises(UnusableFileError, match="too_large"):
        list(tables(tmp_path).rows(pieces(parquet(tmp_path, query)), 0))


def test_what_it_used_of_the_disk_is_given_back(tmp_path: Path) -> None:
    data = parquet(tmp_path, "SELECT i AS n FROM range(5000) AS t(i)")
    rows = tables(tmp_path).rows(pieces(data), 0)
    next(rows)
    assert (tmp_path / "scratch" / "table.parquet").is_file()
    rows.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "scratch").exists()
