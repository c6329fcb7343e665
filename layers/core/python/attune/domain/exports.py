"""What is held of somebody as a page that they can read: one file, with nothing of it fetched or run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: part → its heading, and what it is in a sentence
PARTS: Final = {
    "asked_for": ("Whom this is about", "The addresses under which we have looked."),
    "profiles": (
        "Who you are to us",
        "What we keep of you, as it is now: one entry for each customer we take you for.",
    ),
    "events": ("What you did", "What your browser, shop and other sources have told us of you, the oldest first."),
    "messages": ("What was sent to you", "Messages, and those that were not sent, with the reason."),
    "consent_history": ("What you agreed to", "Every word on what we may do, as it was recorded."),
    "holds": ("What is held", "Uses that are stopped while your word is on its way."),
    "who_looked": ("Who has looked", "Each time somebody or something read or changed what we keep of you."),
    "refused_input": ("What could not be read", "Sent to us with your address, and kept for at most 28 days."),
    "requests": ("What else you asked for", "Requests about your data that are not over."),
    "purposes": ("What it is for", "Each use takes your agreement, unless the law of your country says otherwise."),
    "recipients": ("Who receives it", "Where messages to you are sent through."),
    "sources": ("Where it comes from", "Who sends us events."),
}

#: no script, no picture, nothing from elsewhere
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "td{max-width:32rem;overflow-wrap:anywhere}ul{margin:0;padding-left:1rem}"
)

type Json = Mapping[str, Any]


def as_page(data: Json, title: str = "What we hold of you") -> str:
    """Every value escaped; parts in the order in which somebody would ask."""
    return "".join(_page(data, title))


def _page(data: Json, title: str) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    yield f"<h1>{escape(title)}</h1><p>As of {escape(str(data.get('made_at', '')))}."
    yield f" Request {escape(str(data.get('request_id', '')))}.</p>"
    for part, (heading, meaning) in PARTS.items():
        entries = data.get(part) or []
        yield f'<section id="{part}"><h2>{escape(heading)}</h2><p>{escape(meaning)}</p>'
        yield from _table(entries) if entries else ("<p>Nothing.</p>",)
        yield "</section>"
    yield "</body></html>\n"


def _table(entries: Sequence[Json]) -> Iterator[str]:
    columns = list(dict.fromkeys(name for entry in entries for name in entry))
    yield "<table><thead><tr>"
    yield from (f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in columns)
    yield "</tr></thead><tbody>"
    for entry in entries:
        yield "<tr>"
        for name in columns:
            yield "<td>"
            yield from _value(entry.get(name))
            yield "</td>"
        yield "</tr>"
    yield "</tbody></table>"


def _value(value: Any) -> Iterator[str]:
    match value:
        case None | "" | {} | []:
            return
        case bool():
            yield "yes" if value else "no"
        case dict():
            yield "<ul>"
            for name, one in value.items():
                yield f"<li>{escape(str(name))}: "
                yield from _value(one)
                yield "</li>"
            yield "</ul>"
        case list():
            yield "<ul>"
            for one in value:
                yield "<li>"
                yield from _value(one)
                yield "</li>"
            yield "</ul>"
        case _:
            yield escape(str(value))
