"""`attune segments`: bring everybody in line with segments that are new or changed, and see what these were before."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Api, ApiError, Json, admin_api
from cli.errors import CliError
from cli.runs import ended
from cli.terminal import notes, print_json

segments = typer.Typer(no_args_is_help=True, help="Who is in a segment, and why.")

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done, and say how it went.")]

_IN_PROGRESS: Final = "repair_in_progress"


@segments.command("backfill")
def backfill(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Segments; none: all that await it.")] = None,
    wait: Wait = False,
) -> None:
    """Give new and changed segments their past and let them take over; clear away what was deleted."""
    with admin_api(context) as api:
        for one in ids or ():
            api.call("GET", "definitions", "segment", one)  # or there is none
        run = start_backfill(api, ids or [])
        print(run, flush=True)
        if wait:
            follow_backfill(api, run)


@segments.command("versions")
def versions(
    context: typer.Context,
    segment: str,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is, with every definition.")] = False,
) -> None:
    """List the versions that a segment has had, the newest first, and when each began to serve."""
    with admin_api(context) as api:
        found = api.call("GET", "definitions", "segment", segment, "versions")
    if as_json:
        print_json(found)
        return
    table = Table("version", "applied", "serves since", box=None)
    for one in found["versions"]:
        since = one["since"] or ("deleted" if one["definition"] is None else "-")
        table.add_row(str(one["version"]), one["applied_at"], since)
    Console().print(table)


def start_backfill(api: Api, ids: list[str]) -> str:
    """The run's name."""
    return str(api.call("POST", "repairs", body={"what": "segments", "segments": ids})["run"])


def backfill_applied(api: Api, ids: list[str], *, wait: bool) -> None:
    """After definitions were applied; where another run is under way this one has to be started by hand."""
    try:
        run = start_backfill(api, ids)
    except ApiError as error:
        if error.code != _IN_PROGRESS:
            raise
        notes.print(f"{error.message}; then run `attune segments backfill`")
        if wait:
            raise typer.Exit(1) from None
        return
    notes.print(f"backfill {run} is under way")
    if wait:
        follow_backfill(api, run)


def follow_backfill(api: Api, run: str) -> None:
    """Wait for its end and say how it went; exit code 1 where something is left over."""
    over = ended(run, lambda: api.call("GET", "repairs", run))
    if over["state"] != "succeeded":
        error = (over["result"] or {}).get("error")
        why = f": {error}" if error else ""
        raise CliError(f"run {run} {over['state'].replace('_', ' ')}{why}; what it had done stays done, start it again")
    result = over["result"]["segments"]
    for line in _told(result):
        print(line)
    if result["incomplete"] or result["unknown"]:
        raise typer.Exit(1)


def _told(result: Json) -> list[str]:
    lines = [
        f"segments: {', '.join(result['segments']) or 'none'}",
        f"profiles: {result['rebuilt']:,} rebuilt, {result['unchanged']:,} not, {result['settled']:,} brought in line",
    ]
    if result["replaced"]:
        lines.append(f"replaced by a newer version, which needs a run of its own: {', '.join(result['replaced'])}")
    if result["incomplete"]:
        lines.append(f"left: {result['incomplete']:,} whose events the lake does not hold whole (yet)")
    if result["unknown"]:
        lines.append(f"left: there is no segment {', '.join(result['unknown'])}")
    return lines
