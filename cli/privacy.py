"""`attune privacy`: what people ask about their data, what is done about it, and by when it must be."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer
from rich.table import Table

from cli.addresses import named
from cli.api import Api, Json, admin_api
from cli.errors import CliError
from cli.privacy_verify import verify
from cli.privacy_waiting import ended
from cli.terminal import notes, print_json, print_table

privacy = typer.Typer(no_args_is_help=True, help="What people ask about their data.")
privacy.command()(verify)

WORDS: Final = {
    "access": "show what is held",
    "rectification": "correct it",
    "erasure": "forget the person",
    "shop_erasure": "forget all of the shop",
    "restriction": "use it for nothing",
    "restriction_end": "use it again",
    "suppression": "take nothing in",
    "suppression_end": "take it in again",
}

Subject = Annotated[list[str], typer.Argument(help="namespace:value, all of one person.")]
Request = Annotated[str, typer.Argument(help="The request's id.")]
Reference = Annotated[str, typer.Option(help="Your own number of it: asked again under it, it is the same request.")]
Source = Annotated[str, typer.Option(help="Whose form the addresses have; every source's if not given.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done.")]


@privacy.command("requests")
def requests(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="received, running, done or refused.")] = "received",
    as_json: Annotated[bool, typer.Option("--json", help="The API's answers as they are.")] = False,
) -> None:
    """Show the requests that wait, or those of another state, the first due first."""
    with admin_api(context) as api:
        found = _all(api, state)
    if as_json:
        print_json({"requests": found})
        return
    print_table(_table(found))
    notes.print(f"{len(found):,} {'waiting' if state == 'received' else state}")


@privacy.command("show")
def show(context: typer.Context, request: Request) -> None:
    """Print one request, and what became of it."""
    with admin_api(context) as api:
        print_json(api.call("GET", "privacy", "requests", request))


@privacy.command("erase")
def erase(
    context: typer.Context,
    subject: Subject,
    anonymise: Annotated[bool, typer.Option("--anonymise", help="Keep what counts, of nobody.")] = False,
    suppress: Annotated[bool, typer.Option("--suppress", help="Take nothing in of them from now on.")] = False,
    reference: Reference = "",
    source: Source = "",
    wait: Wait = False,
) -> None:
    """Forget somebody. Nothing is sent to them from now on; the rest takes minutes, and ends with a receipt."""
    more = {"variant": "anonymise" if anonymise else "delete", "suppress": suppress}
    with admin_api(context) as api:
        asked = _ask(api, "erasure", subject, reference, source, **more)
        if wait:
            ended(api, asked)
            print_json(api.call("GET", "privacy", "requests", asked, "receipt"))


@privacy.command("access")
def access(
    context: typer.Context, subject: Subject, reference: Reference = "", source: Source = "", wait: Wait = False
) -> None:
    """Gather everything that is held of somebody: a page to read, and the same for machines."""
    with admin_api(context) as api:
        asked = _ask(api, "access", subject, reference, source)
        if wait:
            ended(api, asked)
            print_json(api.call("GET", "privacy", "requests", asked, "export"))


@privacy.command("rectify")
def rectify(
    context: typer.Context,
    subject: Subject,
    trait: Annotated[
        list[str],
        typer.Option(help="name=value, value in JSON or plain; name=null takes it away, zip='\"90210\"' is a text."),
    ],
    reference: Reference = "",
    source: Source = "",
    wait: Wait = False,
) -> None:
    """Correct traits of somebody."""
    traits = dict(map(_trait, trait))
    with admin_api(context) as api:
        asked = _ask(api, "rectification", subject, reference, source, traits=traits)
        if wait:
            print_json(ended(api, asked))


def _simple(name: str, kind: str, help_: str) -> None:
    def command(
        context: typer.Context, subject: Subject, reference: Reference = "", source: Source = "", wait: Wait = False
    ) -> None:
        with admin_api(context) as api:
            asked = _ask(api, kind, subject, reference, source)
            if wait:
                print_json(ended(api, asked))

    privacy.command(name, help=help_)(command)


_simple("restrict", "restriction", "Keep what is held of somebody, and use it for nothing.")
_simple("unrestrict", "restriction_end", "Use it again.")
_simple("suppress", "suppression", "Take nothing in of somebody from now on.")
_simple("unsuppress", "suppression_end", "Take it in again.")


@privacy.command("fulfil")
def fulfil(context: typer.Context, request: Request, wait: Wait = False) -> None:
    """Begin a request that a webhook brought."""
    with admin_api(context) as api:
        api.call("POST", "privacy", "requests", request, "fulfil")
        notes.print(f"request {request} is under way")
        if wait:
            print_json(ended(api, request))


@privacy.command("refuse")
def refuse(
    context: typer.Context,
    request: Request,
    reason: Annotated[str, typer.Option(help="Such as identity_not_proven; docs/privacy.md lists them.")],
) -> None:
    """End a request that a webhook brought without doing it."""
    with admin_api(context) as api:
        api.call("POST", "privacy", "requests", request, "refuse", body={"reason": reason})
    notes.print(f"request {request} is refused: {reason}")


@privacy.command("export")
def export(context: typer.Context, request: Request) -> None:
    """Print the addresses, for a quarter of an hour, of what an access request has gathered."""
    with admin_api(context) as api:
        print_json(api.call("GET", "privacy", "requests", request, "export"))


@privacy.command("receipt")
def receipt(context: typer.Context, request: Request) -> None:
    """Print the receipt of an erasure."""
    with admin_api(context) as api:
        print_json(api.call("GET", "privacy", "requests", request, "receipt"))


def _ask(api: Api, kind: str, subject: list[str], reference: str, source: str, **more: object) -> str:
    body = {"kind": kind, "subject": [named(one) for one in subject], "reference": reference, "source": source, **more}
    asked = str(api.call("POST", "privacy", "requests", body=body)["request_id"])
    print(asked, flush=True)
    return asked


def _trait(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CliError(f"a trait is given as name=value, not as {text}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _all(api: Api, state: str) -> list[Json]:
    found: list[Json] = []
    query = {"state": state}
    while True:
        answer = api.call("GET", "privacy", "requests", query=query)
        found += answer["requests"]
        if not answer["next"]:
            return found
        query = {"state": state, "after": str(answer["next"])}


def _table(found: list[Json]) -> Table:
    table = Table("due", "asked", "source", "about", "orders", "request", box=None, pad_edge=False)
    for column in (table.columns[3], table.columns[5]):
        column.overflow = "fold"  # who does the work needs all of it
    for one in found:
        about = ", ".join(f"{who['namespace']} {who['value']}" for who in one["subject"]) or _nobody(one)
        asked = WORDS.get(one["kind"], one["kind"])
        table.add_row(one["due_at"][:10], asked, one["source"], about, str(one["orders"]), one["request_id"])
    return table


def _nobody(one: Json) -> str:
    return "everybody" if one["kind"] == "shop_erasure" else "named no more"
