"""What is held of somebody as a page that they can read: one file, with nothing of it fetched or run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: part → its heading, and what it is in a sentence
PARTS: Final = {
    "asked_for": ("Whom this is about", "The addresses under which we have looked."),
    "left_out": ("What is not in here", "How much more there is than fits in, or could not be read."),
    "profiles": (
        "Who you are to us",
        "What we keep of you, as it is now: one entry for each customer we take you for.",
    ),
    "events": ("What you did", "What your browser, shop and other sources have told us of you, the oldest first."),
    "messages": ("What was sent to you", "Messages, and those that were not sent, with the reason."),
    "consent_history": ("What you agreed to", "Every word on what we may do, as it was recorded."),
    "holds": ("What is held", "Uses that are stopped while your word is on its way."),
    "suppressions": ("What is not taken in", "Since when we take nothing in that names you."),
    "who_looked": ("Who has looked", "Each time somebody or something read or changed what we keep of you."),
    "missed_rows": ("What was not laid down in order", "Events of yours that wait beside the others."),
    "failed_batches": ("What is not worked through", "Sent to us with your address, and kept for at most 28 days."),
    "dropped_files": ("What stands in files", "Lines with your address, in files that are kept for at most 28 days."),
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

PAGE_END: Final = "</body></html>\n"
#: values within values that are told apart; what lies deeper is shown as JSON
_DEPTH: Final = 20


def page_head(request_id: str, made_at: str, title: str = "What we hold of you") -> str:
    """What comes before all parts; `page_part` follows for each of `PARTS`, in their order, and `PAGE_END`."""
    return "".join(
        (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n',
            f"<h1>{escape(title)}</h1><p>As of {escape(made_at)}. Request {escape(request_id)}.</p>\n",
        )
    )


def page_part(part: str, lines: Sequence[bytes], more: int = 0) -> Iterator[str]:
    """A part; `lines`: its entries as JSON. `more`: how many others there are. Every value escaped, an entry a line."""
    heading, meaning = PARTS[part]
    yield f'<section id="{part}"><h2>{escape(heading)}</h2><p>{escape(meaning)}</p>\n'
    yield from _table(lines) if lines else ("<p>Nothing.</p>",)
    if more:
        yield f"<p><strong>{more} more are too many for a page: all of them are in the JSON file.</strong></p>"
    yield "</section>\n"


def _table(lines: Sequence[bytes]) -> Iterator[str]:
    """Decoded twice, so that not all of them lie in memory."""
    columns = list(dict.fromkeys(name for line in lines for name in _entry.decode(line)))
    yield "<table><thead><tr>"
    yield from (f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in columns)
    yield "</tr></thead><tbody>\n"
    for line in lines:
        entry = _entry.decode(line)
        yield "<tr>"
        for name in columns:
            yield "<td>"
            yield from _value(entry.get(name))
            yield "</td>"
        yield "</tr>\n"
    yield "</tbody></table>"


def _value(value: Any, depth: int = _DEPTH) -> Iterator[str]:
    if value is None or value in ("", {}, []):  # no pattern: `{}` would match everything with keys
        return
    match value:
        case bool():
            yield "yes" if value else "no"
        case dict() | list() if not depth:
            yield escape(msgspec.json.encode(value).decode())
        case dict():
            yield "<ul>"
            for name, one in value.items():
                yield f"<li>{escape(str(name))}: "
                yield from _value(one, depth - 1)
                yield "</li>"
            yield "</ul>"
        case list():
            yield "<ul>"
            for one in value:
                yield "<li>"
                yield from _value(one, depth - 1)
                yield "</li>"
            yield "</ul>"
        case _:
            yield escape(str(value))


_entry: Final = msgspec.json.Decoder(dict[str, Any])
