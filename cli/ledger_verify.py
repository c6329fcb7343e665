"""`attune ledger verify`: whether the ledger is as it was written, all of it."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Json, admin_api
from cli.errors import CliError
from cli.terminal import notes, print_json

#: what a part says of itself, and the sum of all parts too
COUNTED: Final = ("days", "access_records", "profiles", "consent_records", "receipts", "left_out")
WORDS: Final = {
    "changed": "was changed",
    "removed": "is gone",
    "reordered": "lies at another place",
    "inserted": "was put there by nobody who may",
    "cut_off": "is gone, and everything behind it",
    "missing": "was never sealed",
}


def verify(
    context: typer.Context,
    known: Annotated[
        str, typer.Option(help="A digest that was noted down elsewhere: 2025-06-15:ab12…; the ledger must have it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="All parts of the API's answer as one.")] = False,
) -> None:
    """Check consent records, days of access records, digests, receipts of erasures. Fails if anything is wrong."""
    total = _whole(context, known)
    if as_json:
        print_json(total)
    else:
        _show(total)
    wrong = len(total["findings"]) + total["left_out"]
    if wrong:
        raise CliError(f"the ledger is not as it was written: {wrong:,} findings")


def _whole(context: typer.Context, known: str) -> Json:
    total: Json = {"findings": [], **dict.fromkeys(COUNTED, 0)}
    query = {"known": known} if known else {}
    with admin_api(context) as api:
        while True:
            part = api.call("GET", "ledger", "verify", query=query)
            total["findings"] += part["findings"]
            for name in COUNTED:
                total[name] += part[name]
            total["newest"] = part["newest"]
            if not part["next"]:
                return total
            query = {"after": str(part["next"])}
            notes.print(f"{total['profiles']:,} profiles, {total['days']:,} days so far")


def _show(total: Json) -> None:
    screen = Console(markup=False, highlight=False)
    print(f"{total['consent_records']:,} consent records of {total['profiles']:,} profiles")
    print(f"{total['access_records']:,} access records of {total['days']:,} days")
    print(f"{total['receipts']:,} receipts of erasures")
    if total["newest"]:
        print(f"newest digest {total['newest']['day']}:{total['newest']['digest']}")
    if not total["findings"]:
        print("all as it was written")
        return
    table = Table("where", "which", "what", box=None, pad_edge=False)
    for column in table.columns[:2]:
        column.overflow = "fold"  # whoever looks into it needs all of it
    for one in total["findings"]:
        table.add_row(one["where"], one["entry"] or "all of it", WORDS.get(one["what"], one["what"]))
    screen.print(table)
