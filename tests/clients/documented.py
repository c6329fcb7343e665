"""The snippets of docs/collect.md, as a reader copies them."""

from __future__ import annotations

import re
from typing import Final

from local.state import ROOT

#: what a reader fills in
HOST: Final = "https://events.example.com"
KEY: Final = "WRITE_KEY"
USER: Final = "u-1"
#: what each of them says
EVENT: Final = "Product Viewed"
PROPERTIES: Final = {"product_id": "p-1"}

_TITLED: Final = re.compile(r"^\*\*`([^`]+)`\*\*[^\n]*\n\n```(?:python|js)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def snippets() -> dict[str, str]:
    """By the name of its client; `@jitsu/js` is there twice, because a page says one thing less."""
    section = (ROOT / "docs" / "collect.md").read_text().partition("\n## Clients\n")[2].partition("\n## ")[0]
    found = dict(_TITLED.findall(section))
    return {**found, "@jitsu/js on a page": found["@jitsu/js"].replace(", s2s: true", "")}


def filled_in(snippet: str, *, host: str, key: str, user: str) -> str:
    """The snippet with a reader's own address, key and customer."""
    assert all(one in snippet for one in (HOST, KEY, USER)), "a snippet must show address, key and customer"
    return (
        snippet.replace(HOST, host)
        .replace(KEY, key)
        .replace(f"'{USER}'", f"'{user}'")
        .replace(f'"{USER}"', f'"{user}"')
    )
