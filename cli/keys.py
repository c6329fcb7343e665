"""`attune keys`: what clients and servers of a source prove themselves with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.api import admin_api
from cli.terminal import notes

keys = typer.Typer(no_args_is_help=True, help="API keys of sources.")

Source = Annotated[str, typer.Argument(help="The source they belong to.")]


class KeyType(StrEnum):
    """`browser` keys are public and only append events; `server` keys read profiles and are vouched for."""

    BROWSER = "browser"
    SERVER = "server"


class Role(StrEnum):
    """What a server key sees of people: everything, or not their addresses and what else names them."""

    FULL = "full"
    MASKED = "masked"


@keys.command("create")
def create(
    context: typer.Context,
    source: Source,
    key_type: Annotated[KeyType, typer.Option("--type")] = KeyType.BROWSER,
    role: Annotated[Role, typer.Option(help="What a server key is shown of people.")] = Role.FULL,
) -> None:
    """Make an API key for a source and print it: it is stored nowhere and cannot be shown again."""
    with admin_api(context) as api:
        made = api.call("POST", "sources", source, "keys", body={"type": key_type.value, "role": role.value})
    notes.print(f"{made['type']} key {made['key_id']} of source {source}; it is shown this once:")
    print(made["key"])


@keys.command("ls")
def ls(context: typer.Context, source: Source) -> None:
    """List a source's keys by their ids, the third part of each key."""
    with admin_api(context) as api:
        found = api.call("GET", "sources", source, "keys")["keys"]
    table = Table("key", "type", "sees", "created", box=None, pad_edge=False)
    for key in found:
        sees = key["role"] if key["type"] == KeyType.SERVER else "nobody"
        table.add_row(key["key_id"], key["type"], sees, key["created_at"])
    Console().print(table)


@keys.command("revoke")
def revoke(context: typer.Context, source: Source, key_id: Annotated[str, typer.Argument(metavar="KEY")]) -> None:
    """Take a key out of service, for good: it fails within a minute."""
    with admin_api(context) as api:
        api.call("DELETE", "sources", source, "keys", key_id)
    notes.print(f"key {key_id} of source {source} is revoked; a running function follows within a minute")
