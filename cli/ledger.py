"""`attune ledger`: what became of all that arrived, by source and reason; and whether the ledger can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Json, admin_api
from cli.ledger_verify import verify
from cli.terminal import notes, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

#: what of what: the depth of a line and the word
_LINES: Final = (
    (0, "received"),
    (1, "rejected"),
    (1, "accepted"),
    (2, "applied"),
    (2, "duplicate"),
    (2, "conflict"),
    (2, "erased"),
    (2, "dropped"),
    (2, "quarantined"),
)


ledger = typer.Typer(invoke_without_command=True, help="What became of all that arrived; is the ledger as written?")
ledger.command("verify")(verify)


@ledger.callback()
def show(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="The first day that counts, such as 2025-06-15 (UTC); else all.")] = "",
    source: Annotated[str, typer.Option(help="Only what came from this source.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """Show received = accepted + rejected, and what every accepted event came to, as of the last count."""
    if context.invoked_subcommand:
        return
    asked = {name: value for name, value in (("since", since), ("source", source)) if value}
    with admin_api(context) as api:
        answer = api.call("GET", "ledger", query=asked)
    if as_json:
        print_json(answer)
        return
    if answer["counted_at"] is None:
        notes.print("nobody has counted yet: `attune models train` does, and the learning run of each day")
        return
    screen = Console()
    for one in answer["sources"]:
        screen.print(_table(one))
        screen.print(f"told up to {one['told_up_to']}\n")
    notes.print(f"counted at {answer['counted_at']}; what was received since is in flight, or not counted yet")


def _table(one: Json) -> Table:
    """A source: each word with its number, below it its reasons with theirs."""
    table = Table(one["source"], "events", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for depth, text, events in _lines(one):
        table.add_row("  " * depth + text, f"{events:,}")
    return table


def _lines(one: Json) -> Iterator[tuple[int, str, int]]:
    for depth, word in _LINES:
        counted = one[word]
        reasons = counted if isinstance(counted, dict) else {}
        yield depth, word, sum(reasons.values()) if isinstance(counted, dict) else counted
        for reason, events in reasons.items():
            yield depth + 1, reason, events
