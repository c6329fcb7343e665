"""`RowTables` with DuckDB: Parquet, laid onto the function's own disk and read by row number."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Final

import duckdb

from attune.domain.collection.imports import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: rows of one query
SLAB: Final = 2_000
#: of which so many are in Python's memory
_FETCHED: Final = 200
#: characters of a row that is too long for an event: the first ones, and by one too many
_CUT: Final = 32 * 1024 + 1
#: bytes of a row: a table whose rows have more than that on the average holds no events, and may not fit the memory
_AVERAGE: Final = 32 * 1024
#: While they are read columns have names of ours: DuckDB's own `file_row_number` gives way to a column of that name.
_ROWS: Final = """
SELECT left(to_json({row})::VARCHAR, $cut) FROM (
    SELECT {columns} FROM read_parquet($path, hive_partitioning = false) AS told ({ours})
    WHERE told.file_row_number BETWEEN $first AND $last
) AS {row}
"""
_WIDEST: Final = """
SELECT coalesce(max(size), 0) FROM (
    SELECT sum(total_uncompressed_size) / greatest(any_value(row_group_num_rows), 1) AS size
    FROM parquet_metadata($path) GROUP BY row_group_id
)
"""
_COLUMNS: Final = "SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet($path, hive_partitioning = false))"
_NUMBER: Final = "SELECT coalesce(sum(num_rows), 0)::BIGINT FROM parquet_file_metadata($path)"


class DuckTables:
    """Everything lies under `folder`, which it empties; one table at a time."""

    def __init__(self, folder: Path, *, memory: str = "384MB", slab: int = SLAB) -> None:
        """`memory` as DuckDB writes it; what Python holds comes on top."""
        self._folder = folder
        self._slab = slab
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spill"),
            "threads": "1",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # it may go on showing a file that has been replaced by another of its name
            "enable_external_file_cache": "false",
        }

    def rows(self, pieces: Iterable[bytes], after: int) -> Iterator[bytes]:
        """The whole file is on the disk before the first row is there."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        path = self._folder / "table.parquet"
        with path.open("wb") as file:
            file.writelines(pieces)
        try:
            # One for each file: an error within DuckDB ends a connection for good.
            with duckdb.connect(config=self._config) as duck:
                duck.execute("SET TimeZone = 'UTC'")
                yield from self._rows(duck, str(path), after)
        except duckdb.IOException:
            raise  # the disk's fault, not the file's
        except duckdb.Error:
            raise UnusableFileError("invalid_parquet") from None
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _rows(self, duck: duckdb.DuckDBPyConnection, path: str, after: int) -> Iterator[bytes]:
        [number] = duck.execute(_NUMBER, {"path": path}).fetchone() or [0]
        [widest] = duck.execute(_WIDEST, {"path": path}).fetchone() or [0]
        if widest > _AVERAGE:
            raise UnusableFileError("too_large")
        query = _query([name for (name,) in duck.execute(_COLUMNS, {"path": path}).fetchall()])
        for first in range(after, number, self._slab):
            told = {"path": path, "first": first, "last": first + self._slab - 1, "cut": _CUT}
            found = duck.execute(query, told)
            while some := found.fetchmany(_FETCHED):
                for (row,) in some:
                    yield _plain(row).encode()


def _query(columns: list[str]) -> str:
    """The rows as objects whose names are `columns`."""
    ours = [f"c{number}" for number in range(len(columns))]
    named = (f"{own} AS {_quoted(name)}" for own, name in zip(ours, columns, strict=True))
    return _ROWS.format(row=_row_name(set(columns)), columns=", ".join(named), ours=", ".join(ours))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(row: str) -> str:
    """Without what DuckDB says of figures that are none, which JSON does not know: they say nothing."""
    if len(row) == _CUT or not any(word in row for word in ("NaN", "nan", "Infinity", "inf")):
        return row
    try:
        return json.dumps(json.loads(row, parse_constant=lambda _: None), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return row


def _row_name(columns: set[str]) -> str:
    """What no column is called: else DuckDB would say that column as JSON, and not the row."""
    name = "found"
    while name in {column.casefold() for column in columns}:
        name += "_"
    return name
