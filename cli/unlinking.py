"""`attune profile unlink`: two people who were taken for one, made two again."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer

from cli.addresses import addressable, named
from cli.api import Api, admin_api, server_api
from cli.errors import CliError
from cli.repairs import rebuild
from cli.terminal import notes

#: seconds between two looks, and how long the stream may take
_PAUSE: Final = 1.0
_LONGEST: Final = 300.0


def unlink(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The profile, by one of its identifiers: namespace:value.")],
    identifier: Annotated[list[str], typer.Option(help="namespace:value that is somebody else's; may be repeated.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the customer's events, under their seal.")],
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Stay until both are folded apart. Takes ATTUNE_SERVER_KEY too.")
    ] = False,
) -> None:
    """Give some identifiers of a profile one of their own. What was done under them follows with a rebuild."""
    leaving = [named(one) for one in identifier]
    seen_by = next((one for one in leaving if "/" not in one and "?" not in one), "")
    if wait and not seen_by:
        raise CliError(
            "none of the identifiers can stand in an address, so nobody can see when it is done: do not wait"
        )
    body = {"identifiers": leaving, "reason": reason}
    with admin_api(context) as api:
        said = api.call("POST", "profiles", addressable(address), "unlink", body=body)
    print(said["message_id"], flush=True)
    if not wait:
        notes.print(f"in some seconds: attune rebuild {address} {leaving[0]} --wait")
        return
    with server_api(context) as api:
        _await(api, seen_by, str(said["profile_id"]))
    rebuild(context, [address, seen_by], everybody=False, wait=True)


def _await(api: Api, address: str, old: str) -> None:
    """Until the identifier leads to another profile than before."""
    end = time.monotonic() + _LONGEST
    with notes.status("the stream carries it"):
        while api.call("GET", "profiles", address)["profile_id"] == old:
            if time.monotonic() > end:
                raise CliError(
                    "it is not carried out after five minutes: see whether the stream is read; it will be, once"
                )
            time.sleep(_PAUSE)
