"""Runs MiniStack, its Athena nearer to AWS's in two places, its Lambda lighter. Runs in the emulator's environment.

Its Athena hands SQL to DuckDB as it comes; what the product asks is Trino's, so it is said in DuckDB's words first. And
it lays a result one folder deeper than it says. Its Lambda unpacks a function's layers anew for each environment, which
in a session of tests comes to gigabytes.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlglot
from ministack.app import main
from ministack.core import lambda_runtime
from ministack.services import athena

_run_duckdb = athena._run_duckdb  # noqa: SLF001 - there is no other place to take hold of it
_save_query_results = athena._save_query_results  # noqa: SLF001


async def run_trino(query: str, database: str, catalog: str | None = None) -> Any:
    """The query as DuckDB would put it; what is no Trino SQL fails the execution, as on AWS."""
    return await _run_duckdb(sqlglot.transpile(query, read="athena", write="duckdb")[0], database, catalog)


async def save_where_it_says(query_id: str) -> None:
    """The result under just the address that the execution names."""
    result = athena._executions[query_id]["ResultConfiguration"]  # noqa: SLF001
    named = result["OutputLocation"]
    result["OutputLocation"] = named.removesuffix(f"{query_id}.csv")  # to which it adds the name itself
    try:
        await _save_query_results(query_id)
    finally:
        result["OutputLocation"] = named


class UnpackedOnce(zipfile.ZipFile):
    """An archive whose content all environments share: as on AWS, none writes where its code lies."""

    def namelist(self) -> list[str]:
        """Looked through for members that lead outside, which `extractall` never lets them."""
        return []

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Into a folder by the name of its content; `path`, an empty folder, becomes a link to that."""
        archive, folder = Path(str(self.filename)), Path(path)
        whole = Path(tempfile.gettempdir()) / "unpacked" / hashlib.sha256(archive.read_bytes()).hexdigest()
        if not whole.is_dir():
            whole.parent.mkdir(exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=whole.parent))
            super().extractall(partial, members or super().namelist(), pwd)
            try:
                partial.rename(whole)
            except OSError:  # another environment was faster
                shutil.rmtree(partial)
        archive.unlink()
        folder.rmdir()
        folder.symlink_to(whole)


if __name__ == "__main__":
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": UnpackedOnce})
    athena._run_duckdb = run_trino  # noqa: SLF001
    athena._save_query_results = save_where_it_says  # noqa: SLF001
    main()
