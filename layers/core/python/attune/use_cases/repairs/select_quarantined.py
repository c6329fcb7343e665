"""Which quarantined inputs a request is about: by id, or by reason, source and time, from a place on."""

from __future__ import annotations

import re
from typing import Final

from attune.domain.collection.quarantine import Quarantined
from attune.domain.errors import AttuneError
from attune.ports.quarantine import Wanted
from attune.sources.payloads import parse_time

_REASON: Final = re.compile(r"[a-z_]{1,64}", re.ASCII)
_SOURCE: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)


def selection(reason: str, source: str, since: str, until: str, cursor: str) -> tuple[Wanted, Quarantined | None]:
    """What is wanted, and behind which input; empty: whichever, from the first on.

    `AttuneError` (400): `invalid_time`, `invalid_cursor`, `invalid_body` for what can be no reason or source.
    """
    for name, text, form in (("reason", reason, _REASON), ("source", source, _SOURCE)):
        if text and not form.fullmatch(text):
            raise AttuneError("invalid_body", f"$.{name}: no {name} looks like this")
    after = Quarantined.named(cursor) if cursor else None
    if cursor and after is None:
        raise AttuneError("invalid_cursor", "the cursor is not one that this API has answered")
    begin, end = _time(since, "since"), _time(until, "until")
    return Wanted(reason=reason, source=source, since=begin or 0, until=end), after


def named_one(name: str) -> Quarantined:
    """The input of this id; `AttuneError` `unknown_input` (404) for what can be none."""
    one = Quarantined.named(name)
    if one is None:
        raise AttuneError("unknown_input", "no input of this id lies in quarantine", status=404)
    return one


def page_size(limit: int, most: int) -> int:
    """`AttuneError` `invalid_limit` (400) unless it is from 1 to `most`."""
    if not 1 <= limit <= most:
        raise AttuneError("invalid_limit", f"limit must be a whole number from 1 to {most}")
    return limit


def read_limit(text: str, usual: int, most: int) -> int:
    """The `limit` of a query, `usual` where there is none; `AttuneError` as above."""
    if not text:
        return usual
    return page_size(int(text) if text.isdecimal() and len(text) <= len(str(most)) else 0, most)


def _time(text: str, name: str) -> int | None:
    if not text:
        return None
    time = parse_time(text)
    if time is None:
        raise AttuneError("invalid_time", f"{name} must be a time in ISO 8601")
    return max(0, time)
