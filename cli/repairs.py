"""`attune repair` and `attune rebuild`: make up for what faults and outages left behind, and watch it done."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final

import typer

from cli.addresses import named
from cli.api import Json, admin_api
from cli.errors import CliError
from cli.runs import ended

#: by why a batch is left; docs/errors.md has the same
LEFT: Final = {
    "unreadable_object": "it is no document of Lambda's",
    "no_payload": "it holds no records, only where they were",
    "unreadable_records": "its records are of no stream of ours, or damaged",
    "too_large": "it is larger than any batch",
    "refused": "its function failed again; see its log",
}

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done, and say how it went.")]


class Only(StrEnum):
    """One of the two things that a repair does."""

    BATCHES = "batches"
    EFFECTS = "effects"


def repair(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="How far back lost effects are looked for, at most 30d.")] = "24h",
    only: Annotated[Only | None, typer.Option(help="Do one of the two.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what waits and what is missing.")] = False,
    wait: Wait = False,
) -> None:
    """Run failed batches again, then make up for effects that campaigns never heard of. May be repeated at will."""
    asked: Json = {"what": only.value if only else "all", "dry_run": dry_run}
    if only is not Only.BATCHES:
        asked["since"] = since
    _run(context, asked, _repaired, wait=wait or dry_run)


def rebuild(
    context: typer.Context,
    profiles: Annotated[list[str] | None, typer.Argument(help="namespace:value, such as email:ada@example.com")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="All profiles there are.")] = False,
    wait: Wait = False,
) -> None:
    """Fold customers anew from their events in the lake. Tells nobody anything; who is right already stays as is."""
    if bool(profiles) == everybody:
        raise CliError("name the profiles to rebuild, or ask for --everybody")
    asked: Json = {"what": "profiles"}
    if profiles:
        asked["profiles"] = [named(one) for one in profiles]
    _run(context, asked, _rebuilt, wait=wait)


def _run(context: typer.Context, asked: Json, told: Callable[[Json], tuple[list[str], bool]], *, wait: bool) -> None:
    """Print the run, and, if it is waited for, what came of it; exit code 1 where something is left over."""
    with admin_api(context) as api:
        run = str(api.call("POST", "repairs", body=asked)["run"])
        print(run, flush=True)
        if not wait:
            return
        over = ended(run, lambda: api.call("GET", "repairs", run))
    if over["state"] != "succeeded":
        error = (over["result"] or {}).get("error")
        why = f": {error}" if error else ""
        state = over["state"].replace("_", " ")
        raise CliError(f"run {run} {state}{why}; what it had done stays done, start it again")
    lines, whole = told(over)
    for line in lines:
        print(line)
    if not whole:
        raise typer.Exit(1)


def _repaired(over: Json) -> tuple[list[str], bool]:
    """In words; whether nothing is left over."""
    result, dry = over["result"], bool(over["dry_run"])
    lines, left = [], 0
    if "batches" in result:
        batches = result["batches"]
        lines += _batches(batches, dry=dry)
        left = int(batches["left"])
    if "effects" in result:
        lines.append(_effects(result["effects"], over["since"], dry=dry))
    if dry:
        lines.append("nothing was changed: this was a dry run")
    return lines, left == 0


def _batches(batches: Json, *, dry: bool) -> list[str]:
    stream, campaigns = batches["process_events"], batches["run_campaigns"]
    if not stream["batches"] and not campaigns["batches"] and not batches["left"]:
        return ["failed batches: none"]
    did = ("would go back onto the stream", "would be run again") if dry else ("put back onto the stream", "run again")
    lines = [
        f"failed batches of process_events: {_number(stream)} {did[0]}",
        f"failed batches of run_campaigns: {_number(campaigns)} {did[1]}",
    ]
    if batches["oldest"]:
        lines.append(f"the oldest is of {batches['oldest']}")
    lines += [
        f"left: {one['object']}: {one['code']}, {LEFT.get(one['code'], 'see docs/errors.md')}"
        for one in batches["named"]
    ]
    if (unnamed := batches["left"] - len(batches["named"])) > 0:
        lines.append(f"left: {unnamed:,} more")
    return lines


def _number(tally: Json) -> str:
    return f"{tally['batches']:,} ({tally['records']:,} records)"


def _effects(effects: Json, since: str, *, dry: bool) -> str:
    looked = f"{effects['entries']:,} entries since {since} of {effects['profiles']:,} profiles looked at"
    made = "would be" if dry else "were"
    return (
        f"lost effects: {looked}; {effects['claimed']:,} messages {made} made, "
        f"{effects['not_sent']:,} decided against, {effects['enqueued']:,} put on the queue again"
    )


def _rebuilt(over: Json) -> tuple[list[str], bool]:
    profiles = over["result"]["profiles"]
    lines = [f"profiles: {profiles['rebuilt']:,} rebuilt, {profiles['unchanged']:,} unchanged"]
    if profiles["incomplete"]:
        lines.append(f"left: {profiles['incomplete']:,} whose events the lake does not hold whole (yet)")
    if profiles["unknown"]:
        lines.append(f"left: {profiles['unknown']:,} that nobody has")
    return lines, not (profiles["incomplete"] or profiles["unknown"])
