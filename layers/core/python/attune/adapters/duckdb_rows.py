"""Rows of a Parquet file as lines of JSON, with whatever columns it has; what is binary comes as base64."""

from __future__ import annotations

import shutil
from typing import IO, TYPE_CHECKING, Final

import duckdb
import msgspec

from attune.ports.stored import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: rows of one block: an event of the lake has at most a megabyte, and most have a thousandth of that
_ROWS: Final = 500


class DuckRows:
    """Callable with a file. Everything lies under `folder`, which it empties; one file at a time."""

    def __init__(self, folder: Path, *, memory: str = "512MB") -> None:
        """`memory` as DuckDB writes it; what Python holds comes on top."""
        self._folder = folder
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spill"),
            "threads": "1",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_file_cache": "false",
        }

    def __call__(self, file: IO[bytes]) -> Iterator[bytes]:
        """Blocks of lines. `UnreadableError` for what is no Parquet file."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        path = self._folder / "table.parquet"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        try:
            # One for each file: an error within DuckDB ends a connection for good.
            with duckdb.connect(config=self._config) as duck:
                yield from _lines(duck, str(path))
        except duckdb.IOException:
            raise  # the disk's fault, not the file's
        except duckdb.Error:
            raise UnreadableError from None
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _lines(duck: duckdb.DuckDBPyConnection, path: str) -> Iterator[bytes]:
    duck.execute("SET TimeZone = 'UTC'")
    found = duck.execute("SELECT * FROM read_parquet($path, hive_partitioning = false)", {"path": path})
    names = [column[0] for column in found.description or ()]
    yield "\n".join(names).encode()
    while rows := found.fetchmany(_ROWS):
        yield b"\n".join(_encoder.encode(dict(zip(names, row, strict=True))) for row in rows)


#: of a type that JSON does not know, its name in Python's words
_encoder: Final = msgspec.json.Encoder(enc_hook=str, decimal_format="string")
