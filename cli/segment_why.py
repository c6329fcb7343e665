"""`attune segments why`: why a customer is in a segment or not, as a tree of its conditions."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from cli.addresses import addressable
from cli.api import Api, ApiError, Json, server_api
from cli.terminal import notes, print_json

#: the lake is asked again this often, after so many seconds each
_TIMES: Final = 20
_PAUSE: Final = 10.0
#: what is shown of the events behind a condition
_MOST_EVENTS: Final = 20
_SILENT: Final = ("event", "trait", "type")


def why(
    context: typer.Context,
    segment: str,
    address: Annotated[str, typer.Argument(help="namespace:value, such as email:ada@example.com")],
    at: Annotated[str, typer.Option(help="A past instant, ISO 8601; told from the lake. Now if not given.")] = "",
    key: Annotated[str, typer.Option(help="Of one thing (a cart) only.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """Show why a customer is in a segment or not: every condition, since when, what it rests on, when it changes."""
    query = {name: value for name, value in (("at", at), ("key", key)) if value}
    with server_api(context) as api:
        told = _asked(api, addressable(address), segment, query)
    if as_json:
        print_json(told)
        return
    screen = Console(markup=False, highlight=False, soft_wrap=True)
    for line in _overview(told):
        screen.print(line)
    for standing in told["standings"]:
        screen.print(_tree(standing))
    if (more := told["things"] - len(told["standings"])) > 0:
        screen.print(f"and {more:,} more: name one with --key")


def _asked(api: Api, address: str, segment: str, query: dict[str, str]) -> Json:
    for attempt in range(_TIMES):
        try:
            return api.call("GET", "profiles", address, "segments", segment, query=query)
        except ApiError as error:
            if error.code != "lake_slow" or attempt == _TIMES - 1:
                raise
            notes.print("the lake is being read")
            time.sleep(_PAUSE)
    raise AssertionError  # the last attempt raises


def _overview(told: Json) -> list[str]:
    lines = [f"{told['segment']}: {'in' if told['in'] else 'not in'} at {told['at']} (profile {told['profile_id']})"]
    consent = told["consent"]
    if not consent["granted"]:
        lines.append(f"closed for {consent['purpose']} ({consent['reason']}): nobody is in any segment without it")
    lake = told["lake"]
    if lake is not None and not lake["whole"]:
        lines.append(f"the lake holds {lake['events']:,} events of this profile, not all of them (yet)")
    return lines


def _tree(standing: Json) -> Tree:
    state = "in" if standing["in"] else "not in"
    parts = [f"{standing['key']}: {state}" if standing["key"] else state]
    if standing["since"]:
        parts.append(f"since {standing['since']}")
    if standing["changes_at"]:
        parts.append(f"until {standing['changes_at']}, if nothing happens")
    if standing.get("told_at"):
        parts.append(f"campaigns were told of {standing['told_at']}")
    elif standing.get("tells_at"):
        parts.append(f"campaigns are told after {standing['tells_at']}")
    root = Tree(Text(", ".join(parts), style="bold"))
    _grow(root, standing["condition"])
    return root


def _grow(tree: Tree, part: Json) -> None:
    holds = part["holds"]
    words = [f"{'yes' if holds else 'no ':<3} {_condition(part['condition'])}"]
    if part["since"]:
        words.append(f"since {part['since']}")
    if part["changes_at"]:
        words.append(f"until {part['changes_at']}")
    branch = tree.add(Text(", ".join(words), style="green" if holds else "red"))
    for name, value in part["rests_on"].items():
        if isinstance(value, list) and name != "value":
            for one in value[-_MOST_EVENTS:]:
                branch.add(Text(f"{name.rstrip('s')} {_event(one)}", style="dim"))
        else:
            branch.add(Text(f"{name.replace('_', ' ')}: {_plain(value)}", style="dim"))
    for one in part.get("parts", ()):
        _grow(branch, one)


def _condition(says: Json) -> str:
    """`performed Product Viewed (at_least 4, within 24h)`."""
    head = " ".join([says["type"], *(str(says[name]) for name in _SILENT if name in says and name != "type")])
    rest = [f"{name} {_plain(value)}" for name, value in says.items() if name not in _SILENT]
    return f"{head} ({', '.join(rest)})" if rest else head


def _event(one: Any) -> str:
    if not isinstance(one, dict):
        return _plain(one)
    value = f" {_plain(one['value'])}" if "value" in one else ""
    message = f" ({one['message_id']})" if "message_id" in one else ""
    return f"{one['at']}{value}{message}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
