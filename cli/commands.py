"""The `attune` command: what an operator does, over the API and never around it."""

from __future__ import annotations

import getpass
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import schema as published
from cli.addresses import addressable
from cli.api import admin_api, server_api
from cli.apply import Step, carry_out, doubts, plan, read_definitions
from cli.catalog import catalog
from cli.connection import STACK_FILE, connect
from cli.consent import consent
from cli.errors import CliError
from cli.keys import keys
from cli.ledger import ledger
from cli.lists import lists
from cli.models import models
from cli.privacy import privacy
from cli.quarantine import quarantine
from cli.repairs import rebuild, repair
from cli.segment_preview import overlap, preview
from cli.segment_sizes import sizes
from cli.segment_why import why
from cli.segments import backfill_applied, segments
from cli.terminal import notes, print_json
from cli.unlinking import unlink

app = typer.Typer(
    name="attune", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
secrets = typer.Typer(no_args_is_help=True, help="What webhooks are signed with.")
profile = typer.Typer(no_args_is_help=True, help="What is known of one customer.")
groups = {"keys": keys, "secrets": secrets, "profile": profile, "consent": consent, "models": models}
groups |= {"segments": segments, "lists": lists, "privacy": privacy, "quarantine": quarantine, "ledger": ledger}
for name, group in groups.items():
    app.add_typer(group, name=name)
app.command()(repair)
app.command()(rebuild)
app.command()(catalog)
profile.command()(unlink)
segments.command()(sizes)
for command in (why, preview, overlap):
    segments.command()(command)

Address = Annotated[str, typer.Argument(help="namespace:value, such as email:ada@example.com")]


class Fault(StrEnum):
    """What the demo can be told to break."""

    CONSENT = "consent"
    ORDER = "order"
    SIGNATURE = "signature"


@app.callback()
def options(
    context: typer.Context,
    api_url: Annotated[str, typer.Option(envvar="ATTUNE_API_URL", help="Address of the API.")] = "",
    admin_key: Annotated[
        str, typer.Option(envvar="ATTUNE_ADMIN_KEY", help="For all but profiles, consent and lists.")
    ] = "",
    server_key: Annotated[str, typer.Option(envvar="ATTUNE_SERVER_KEY", help="For profiles, consent, lists.")] = "",
    stack: Annotated[Path, typer.Option(help="Used where no address is given.")] = STACK_FILE,
    reason: Annotated[
        str, typer.Option(envvar="ATTUNE_REASON", help="Why you ask, for the record: support_case:4711.")
    ] = "",
) -> None:
    """Find out where the API is, once a command asks."""
    context.obj = lambda: connect(api_url, admin_key, server_key, stack, reason)


@app.command()
def apply(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="YAML files, or folders of them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare, change nothing.")] = False,
    backfill: Annotated[bool, typer.Option(help="Give new and changed segments their past.")] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until that is done.")] = False,
) -> None:
    """Check definitions and bring the deployment in line with them. No definition is ever deleted."""
    read = read_definitions(paths)
    with admin_api(context) as api:
        steps = plan(api, read)
        for problem in (*doubts(read), *(one for step in steps for one in step.warnings)):
            notes.print(f"warning: {problem}")
        changed: list[Step] = []
        for step in steps if dry_run else carry_out(api, steps):
            print(f"{step.outcome:<9} {step.kind} {step.definition.id}{_pending(step)}", flush=True)
            changed += [step] if step.awaits_backfill and step.outcome != "unchanged" else []
        if changed and backfill:
            backfill_applied(api, [one.definition.id for one in changed if one.kind == "segment"], wait=wait)
    if dry_run:
        notes.print("nothing was changed: this was a dry run")


def _pending(step: Step) -> str:
    return ": the version before serves until its backfill is done" if step.is_pending else ""


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
    check: Annotated[bool, typer.Option(help=f"Fail if {published.PUBLISHED} is not what the types say.")] = False,
) -> None:
    """Print the JSON Schema of definitions."""
    text = published.text()
    if check:
        if not published.PUBLISHED.exists() or published.PUBLISHED.read_text(encoding="utf-8") != text:
            raise CliError(f"{published.PUBLISHED} is stale: run `attune schema --out {published.PUBLISHED}`")
    elif out is None:
        print(text, end="")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")


@secrets.command("put-source")
def put_source_secret(context: typer.Context, source: str) -> None:
    """Set what a source signs its webhooks with: one or two secrets, a line each, from standard input, newest first."""
    if sys.stdin.isatty():
        lines = [getpass.getpass("secret: ")]
    else:
        lines = [line.strip() for line in sys.stdin if line.strip()]
    with admin_api(context) as api:
        stored = api.call("PUT", "sources", source, "secrets", body={"secrets": lines})
    notes.print(f"source {source}: {stored['live']} live; a running function follows within a minute")


@secrets.command("new-channel")
def new_channel_secret(context: typer.Context, channel: str) -> None:
    """Make a signing secret for a channel and print it; the one before stays live beside it."""
    with admin_api(context) as api:
        made = api.call("POST", "channels", channel, "secrets")
    notes.print(f"channel {channel}; it is shown this once:")
    print(made["secret"])


@profile.command("show")
def show_profile(context: typer.Context, address: Address) -> None:
    """Print what is known of one customer."""
    with server_api(context) as api:
        print_json(api.call("GET", "profiles", addressable(address)))


@app.command()
def demo(
    break_: Annotated[Fault | None, typer.Option("--break", help="Plant this fault; the demo must fail.")] = None,
) -> None:
    """Play the main story on the local cloud and check every step of it."""
    planted = ["--break", break_.value] if break_ else []
    raise typer.Exit(subprocess.run([sys.executable, "-m", "local", "demo", *planted], check=False).returncode)


def main() -> None:
    """Run the command; what goes wrong is said in words, on standard error, with exit code 1."""
    try:
        app(prog_name="attune")
    except CliError as error:
        print(f"attune: {error}", file=sys.stderr)
        sys.exit(1)
