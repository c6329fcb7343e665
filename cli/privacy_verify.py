"""`attune privacy verify`: whether anything of somebody is left in any store."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.addresses import named
from cli.api import Json, admin_api
from cli.errors import CliError
from cli.runs import ended
from cli.terminal import notes, print_json


def verify(
    context: typer.Context,
    subject: Annotated[
        list[str] | None, typer.Option(help="namespace:value; looked for in every form that sources give it.")
    ] = None,
    string: Annotated[list[str] | None, typer.Option(help="Any text; - reads texts from standard input.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """Look through everything that is stored. Fails if anything is found, or could not be looked into."""
    strings = [text for one in string or () for text in (_lines() if one == "-" else [one])]
    asked = {"subject": [named(one) for one in subject or ()], "strings": strings}
    with admin_api(context) as api:
        run = str(api.call("POST", "privacy", "verifications", body=asked)["run"])
        over = ended(run, partial(api.call, "GET", "privacy", "verifications", run))
    result: Json = over["result"] or {}
    if over["state"] != "succeeded":
        raise CliError(f"run {run} has {over['state'].replace('_', ' ')}: {result.get('error') or 'no reason given'}")
    print_json(over) if as_json else _show(result)
    if result["found"] or result["unread"]:
        raise CliError(f"{result['found']:,} things hold what was looked for, {result['unread']:,} could not be read")


def _lines() -> list[str]:
    return [line for one in sys.stdin if (line := one.rstrip("\r\n"))]


def _show(result: Json) -> None:
    table = Table("store", "looked at", "found", "not read", "where", box=None, pad_edge=False)
    for column in table.columns[1:4]:
        column.justify = "right"
    table.columns[4].overflow = "fold"  # whoever looks into it needs all of it
    for name, one in result["stores"].items():
        counts = (f"{one[count]:,}" for count in ("scanned", "found", "unread"))
        table.add_row(name, *counts, "\n".join(one["where"]))
    Console(markup=False, highlight=False).print(table)
    texts = result["texts"]
    notes.print(f"{texts['found']:,} of {texts['wanted']:,} texts found")
    until = result["exceptions"]
    notes.print(f"not looked through: records on the stream, which last until {until['stream']},")
    notes.print(f"and backups of the tables, which last until {until['backups']}")
