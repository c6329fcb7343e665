"""`attune catalog`: which fields may be held of a person, from where, what for, how long, and who sees them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import admin_api
from cli.terminal import notes, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: heading → what it says of a field
_COLUMNS: Final = ("field", "from", "used for", "read by", "kept", "seen by")
_PURPOSES: Final = "What it is for"
_OF_PURPOSES: Final = ("purpose", "which is", "messages kept", "rows of the lake kept", "traits kept for it")
_PARTS: Final = {
    "identifier": "How people are found",
    "trait": "What is said of people",
    "property": "What is said of what they do",
    "context": "In which circumstances",
    "call": "Each call itself",
    "computed_trait": "What is worked out from it",
    "segment": "Segments",
    "score": "What models say",
    "list": "Lists",
    "consent": "What people agree to",
}
_LIES: Final = {
    "sealed": "",
    "clear": "clear",
    "clear_in_part": "clear in part",
    "hashed": "hashed",
    "hashed_in_part": "hashed in part",
    "profile": "",
}
_ANY: Final = "*"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:96rem;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top}"
)


def catalog(
    context: typer.Context,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file: it needs nothing else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False,
) -> None:
    """Show every field that may be held of a person, as the definitions of today have it."""
    with admin_api(context) as api:
        answer = api.call("GET", "catalog")
    if html is not None:
        html.write_text("".join(page(answer)), encoding="utf-8")
        notes.print(f"{len(answer['fields'])} fields are written to {html}")
    elif as_json:
        print_json(answer)
    else:
        screen = Console()
        screen.print(_table(_PURPOSES, _OF_PURPOSES, map(_purpose, answer["purposes"])))
        for part, heading in _PARTS.items():
            if fields := [one for one in answer["fields"] if one["part"] == part]:
                screen.print(_table(heading, _COLUMNS, map(_row, fields)))


def page(answer: Mapping[str, Any]) -> Iterator[str]:
    """One file of HTML, with nothing fetched or run; every value escaped."""
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data catalog</title>'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    yield f"<h1>Data catalog</h1><p>As of {escape(answer['made_at'])}, made of the definitions.</p>"
    yield from _section("purpose", _PURPOSES, _OF_PURPOSES, map(_purpose, answer["purposes"]))
    for part, heading in _PARTS.items():
        fields = [one for one in answer["fields"] if one["part"] == part]
        if fields:
            yield from _section(part, heading, _COLUMNS, map(_row, fields))
    yield "</body></html>\n"


def _section(name: str, heading: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f'<section id="{name}"><h2>{escape(heading)}</h2><table><thead><tr>'
    yield "".join(f'<th scope="col">{column}</th>' for column in columns) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
    yield "</tbody></table></section>"


def _table(heading: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=heading, title_justify="left")
    for row in rows:
        table.add_row(*row)
    return table


def _purpose(one: Mapping[str, Any]) -> tuple[str, ...]:
    kept = one["retention"]
    rows = (kept["events"] or "until the person is erased") if "events" in kept else ""
    traits = sorted(kept["traits"].items(), key=lambda said: (said[0] == _ANY, said[0]))
    named = ", ".join(f"{'any other' if name == _ANY else name} {time}" for name, time in traits)
    return f"{one['purpose']} ({one['name']})", one["description"], kept["messages"], rows, named


def _row(field: Mapping[str, Any]) -> tuple[str, ...]:
    name = "any other" if field["name"] == _ANY else field["name"]
    return (
        f"{name} (personal)" if field["personal"] else name,
        ", ".join(dict.fromkeys(_from(one) for one in field["given_by"])),
        ", ".join(field["purposes"]),
        ", ".join(field["read_by"]),
        field["kept"],
        ", ".join(field["seen_by"]),
    )


def _from(origin: Mapping[str, str]) -> str:
    """`storefront (tracking plan, hashed)`; what no source gives, by who does."""
    said = [origin["by"].replace("_", " "), _LIES[origin["lies"]]]
    if not origin["source"]:
        return "the API" if origin["by"] == "api" else "Attune"
    return f"{origin['source']} ({', '.join(filter(None, said))})"
