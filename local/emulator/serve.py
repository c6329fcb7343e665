"""Runs MiniStack, with its Athena nearer to AWS's in two places. Runs in the emulator's environment, not in ours.

Its Athena hands SQL to DuckDB as it comes; what the product asks is Trino's, so it is said in DuckDB's words first. And
it lays a result one folder deeper than it says.
"""

from __future__ import annotations

from typing import Any

import sqlglot
from ministack.app import main
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


if __name__ == "__main__":
    athena._run_duckdb = run_trino  # noqa: SLF001
    athena._save_query_results = save_where_it_says  # noqa: SLF001
    main()
