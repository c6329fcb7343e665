"""Files of addresses: CSV in UTF-8, of one column `namespace:value`, or with a header that names namespaces.

A column headed `address` holds `namespace:value`, too.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attune.domain.identifiers import normalise_identifier
from cli.errors import CliError

#: wrong lines that are told of at once
_TOLD: Final = 20
_NAMESPACE: Final = re.compile(r"[a-z][a-z0-9_]*")
#: heads a column of `namespace:value`, which needs no head where it is the only one
_ADDRESS: Final = "address"

type Line = tuple[int, list[str]]


def check_file(path: Path) -> int:
    """How many addresses it has; raises `CliError` that names every line which is wrong, before anything is sent."""
    wrong: list[str] = []
    addresses = 0
    for line, found in _addresses(path):
        addresses += found is not None
        if found is None:
            wrong.append(f"{path}:{line}: is no namespace:value, or its value identifies nobody")
    if wrong:
        more = [f"{path}: {len(wrong) - _TOLD:,} more"] if len(wrong) > _TOLD else []
        raise CliError("\n".join(["nothing was sent", *wrong[:_TOLD], *more]))
    if not addresses:
        raise CliError(f"{path}: holds no addresses")
    return addresses


def read_file(path: Path) -> Iterator[str]:
    """The addresses of a file that was checked, as events would name them, in order; only a row at a time is held."""
    return (found for _, found in _addresses(path) if found is not None)


def _addresses(path: Path) -> Iterator[tuple[int, str | None]]:
    """Line and address, None where it is none. Every cell is an address of its own; empty ones are left out."""
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        return
    names = [cell.strip() for cell in first[1]]
    if not all(map(_NAMESPACE.fullmatch, names)):
        rows, names = itertools.chain([first], rows), [_ADDRESS]
    for line, cells in rows:
        if len(cells) > len(names):
            yield line, None
            continue
        for name, cell in zip(names, cells, strict=False):
            namespace, colon, value = (name, ":", cell) if name != _ADDRESS else cell.strip().partition(":")
            if cell.strip():
                yield line, _address(namespace, value) if colon else None


def _address(namespace: str, value: str) -> str | None:
    found = normalise_identifier(namespace, value)
    return f"{found.namespace}:{found.value}" if found else None


def _rows(path: Path) -> Iterator[Line]:
    """Rows that hold anything, with the line on which they end."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise CliError(f"{path}:{reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise CliError(f"{path}: is not UTF-8 after line {reader.line_num}") from error
