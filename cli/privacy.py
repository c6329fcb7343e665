"""`attune privacy`: what people ask about their data, and by when it must be done."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Api, Json, admin_api
from cli.terminal import notes, print_json

privacy = typer.Typer(no_args_is_help=True, help="What people ask about their data.")

WORDS: Final = {
    "access": "show what is held",
    "erasure": "forget the person",
    "shop_erasure": "forget all of the shop",
}


@privacy.command("requests")
def requests(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answers as they are.")] = False,
) -> None:
    """Show the requests that wait, the first due first."""
    with admin_api(context) as api:
        found = _all(api)
    if as_json:
        print_json({"requests": found})
        return
    Console(markup=False, highlight=False).print(_table(found))
    notes.print(f"{len(found):,} waiting")


def _all(api: Api) -> list[Json]:
    found: list[Json] = []
    query: dict[str, str] = {}
    while True:
        answer = api.call("GET", "privacy", "requests", query=query)
        found += answer["requests"]
        if not answer["next"]:
            return found
        query = {"after": str(answer["next"])}


def _table(found: list[Json]) -> Table:
    table = Table("due", "asked", "source", "about", "orders", "request", box=None, pad_edge=False)
    for column in (table.columns[3], table.columns[5]):
        column.overflow = "fold"  # who does the work needs all of it
    for one in found:
        about = ", ".join(f"{who['namespace']} {who['value']}" for who in one["subject"]) or "everybody"
        asked = WORDS.get(one["kind"], one["kind"])
        table.add_row(one["due_at"][:10], asked, one["source"], about, str(one["orders"]), one["request_id"])
    return table
