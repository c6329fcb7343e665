"""What one customer consents to, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.addresses import addressable
from cli.api import server_api
from cli.errors import CliError
from cli.terminal import print_json

type Json = dict[str, Any]

Address = Annotated[str, typer.Argument(help="namespace:value, such as email:ada@example.com")]
consent = typer.Typer(no_args_is_help=True, help="What one customer consents to.")


@consent.command("show")
def show_consent(
    context: typer.Context,
    address: Address,
    as_json: Annotated[bool, typer.Option("--json", help="As the API answers it.")] = False,
) -> None:
    """Print what one customer consents to and why, and what that opens and closes."""
    with server_api(context) as api:
        told = api.call("GET", "profiles", addressable(address), "consent")
    if as_json:
        print_json(told)
    else:
        print("\n".join(consent_lines(told)))


@consent.command("set")
def set_consent(
    context: typer.Context,
    address: Address,
    grant: Annotated[list[str] | None, typer.Option(help="A purpose; may be repeated.")] = None,
    withdraw: Annotated[list[str] | None, typer.Option(help="A purpose; may be repeated.")] = None,
    effective_at: Annotated[str, typer.Option(help="Since when, ISO 8601; now if not given.")] = "",
    method: Annotated[str, typer.Option(help="How they said so: form, statement, banner or preference_page.")] = "",
    notice: Annotated[str, typer.Option(help="The version of the notice that they were shown.")] = "",
) -> None:
    """Record what one customer consents to. A withdrawal acts at once."""
    granted, withdrawn = set(grant or ()), set(withdraw or ())
    if not granted | withdrawn:
        raise CliError("name at least one purpose with --grant or --withdraw")
    if granted & withdrawn:
        raise CliError(f"both granted and withdrawn: {', '.join(sorted(granted & withdrawn))}")
    said = dict.fromkeys(sorted(granted), True) | dict.fromkeys(sorted(withdrawn), False)
    evidence = {name: value for name, value in (("method", method), ("notice", notice)) if value}
    body: dict[str, Any] = {"consent": said}
    body |= ({"effective_at": effective_at} if effective_at else {}) | ({"evidence": evidence} if evidence else {})
    with server_api(context) as api:
        print_json(api.call("PUT", "profiles", addressable(address), "consent", body=body))


def consent_lines(told: Json) -> Iterator[str]:
    """A line a purpose, then a line an edge, and two a channel."""
    where = f", in {told['country']}" if told["country"] else ""
    suppressed = f", SUPPRESSED since {told['suppressed']}" if told["suppressed"] else ""
    yield f"profile {told['profile_id']}{where}{', RESTRICTED' if told['restricted'] else ''}{suppressed}"
    for name, purpose in told["purposes"].items():
        yield f"  {'yes' if purpose['granted'] else 'no ':<4}{name:<20}{_why(purpose)}"
    for edge, answer in told["edges"].items():
        yield f"  {_open(answer):<7}{edge}{_because(answer)}"
    for channel, edges in told["channels"].items():
        for edge, answer in edges.items():
            yield f"  {_open(answer):<7}{edge} by {channel}{_because(answer)}"


def _why(purpose: Json) -> str:
    record = purpose["record"]
    said = [purpose["why"].replace("_", " ")]
    if record is not None:
        said.append(f"{record['source']}, {record['at'] or 'from the start'}")
    if purpose["held"]:
        said.append(f"held since {purpose['held']}")
    if purpose["expires_at"]:
        said.append(f"until {purpose['expires_at']}")
    if purpose["notice"]:
        said.append(f"notice {purpose['notice']}")
    return "; ".join(said)


def _open(answer: Json) -> str:
    return "open" if answer["allowed"] else "closed"


def _because(answer: Json) -> str:
    if answer["allowed"]:
        return ""
    purpose = f" ({answer['purpose']})" if answer["purpose"] else ""
    return f": {answer['reason'].replace('_', ' ')}{purpose}"
