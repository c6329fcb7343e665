"""`attune segments sizes`: how many are in each segment, and were in past weeks."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Json, admin_api
from cli.terminal import notes, print_json


def sizes(
    context: typer.Context,
    weeks: Annotated[int, typer.Option(min=0, max=53, help="How many weeks before, one column each.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """Show how many profiles are in each segment, as of the last count. There is one a day, with the learning run."""
    with admin_api(context) as api:
        answer = api.call("GET", "segments", "sizes", query={"weeks": str(weeks)})
    if as_json:
        print_json(answer)
    elif not answer["sizes"]:
        notes.print("nobody has counted yet: `attune models train` does, and the learning run of each day")
    else:
        Console().print(_table(answer["sizes"]))
        newest = answer["sizes"][0]
        notes.print(f"of {newest['profiles']:,} profiles, counted at {newest['counted_at']}")


def _table(counts: list[Json]) -> Table:
    """A row a segment, by name, also those that are no more; a column a count, the newest first."""
    table = Table("segment", *(one["day"] for one in counts), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for segment in sorted({name for one in counts for name in one["segments"]}):
        numbers = [one["segments"].get(segment) for one in counts]
        table.add_row(segment, *("-" if number is None else f"{number:,}" for number in numbers))
    return table
