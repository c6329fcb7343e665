"""Importing a million rows: rows a CPU second and memory, beside what only reads them.

All rows are different sales of different people; the stream's share is not waited for.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import duckdb

from attune.use_cases.collection.pace_stream import RECORDS
from benchmarks.process_figures import figure

COMMAND: Final = "make bench TOPIC=files"
ROOT: Final = Path(__file__).resolve().parents[1]
ROWS: Final = int(os.environ.get("ROWS", "1000000"))
#: with the half of a CPU that the function's memory buys: ten shards' share
RATE_BAR: Final = 2 * 10 * RECORDS
MEMORY_BAR: Final = 512
_STORES: Final = 40

type Json = dict[str, Any]


def figures() -> list[Json]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<52}{'value':>9}  {'unit':<18}{'only read':>10}{'ratio':>7}")
    for one in measured():
        beside = "" if one["baseline"] is None else f"{one['baseline']:,}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:,}"
        print(f"{one['figure']:<52}{one['value']:>9,}  {one['unit']:<18}{beside:>10}{ratio:>7}")


@functools.cache
def measured() -> list[Json]:
    """Of each format, and how long such a file takes at the stream's share."""
    found: list[Json] = []
    with tempfile.TemporaryDirectory() as folder:
        for path, name, other in (
            (_csv(Path(folder)), "CSV", "csv.DictReader"),
            (_parquet(Path(folder)), "Parquet", "DuckDB's tuples"),
        ):
            found += _of(path, name, other)
            path.unlink()
    minutes = round(ROWS / RECORDS / 60)
    found.append(figure(f"{ROWS:,} rows at a shard's fifth, each of somebody else", minutes, "minutes"))
    return [one | {"command": COMMAND} for one in found]


def _of(path: Path, name: str, other: str) -> list[Json]:
    plain, read, whole = (_run(what, path) for what in ("plain", "read", "import"))
    print(f"{name}: {path.stat().st_size / 1e6:.0f} MB", file=sys.stderr, flush=True)
    return [
        _rate(f"{name}, read with a place behind each row; beside {other}", read, plain),
        _rate(f"{name}, read, mapped, admitted, encoded", whole, plain, bar=RATE_BAR),
        figure(
            f"{name}, peak memory of the whole import",
            whole["peak"],
            "MB",
            baseline=plain["peak"],
            ratio=round(whole["peak"] / plain["peak"], 2),
            bar=MEMORY_BAR,
            holds=whole["peak"] <= MEMORY_BAR,
        ),
    ]


def _rate(name: str, answer: Json, plain: Json, bar: float | None = None) -> Json:
    rate, beside = ROWS / answer["seconds"], ROWS / plain["seconds"]
    return figure(
        name,
        round(rate),
        "rows a CPU second",
        baseline=round(beside),
        ratio=round(beside / rate, 2),
        bar=bar,
        holds=None if bar is None else rate >= bar,
    )


def _run(what: str, path: Path) -> Json:
    places = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.files_run", what, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: Json = json.loads(done.stdout)
    if answer["rows"] != ROWS:
        raise RuntimeError(f"{what}: {answer['rows']} of {ROWS} rows")
    return answer


def _csv(folder: Path) -> Path:
    path = folder / "sales.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("receipt,card,total,sold_at,store\n")
        file.writelines(map(_sale, range(ROWS)))
    return path


def _sale(n: int) -> str:
    time = f"2025-06-14T10:{n // 60 % 60:02}:{n % 60:02}Z"
    return f'R-{n},L-{n * 7919 % ROWS},{n % 1000}.50,{time},"Bonn, {n % _STORES}"\n'


def _parquet(folder: Path) -> Path:
    path = folder / "sales.parquet"
    rows = (
        "SELECT 'R-' || n AS receipt, 'L-' || (n * 7919 % $rows) AS card, (n % 1000 + 0.5)::DOUBLE AS total,"
        " TIMESTAMP '2025-06-14 10:00:00' + to_seconds(n % 3600) AS sold_at, 'Bonn, ' || (n % $stores) AS store"
        " FROM range($rows) AS t(n)"
    )
    duckdb.sql(rows, params={"rows": ROWS, "stores": _STORES}).write_parquet(str(path))
    return path
