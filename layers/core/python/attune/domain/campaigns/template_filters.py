"""The filters of message templates, and what one message may use up of loops and of text.

Filters take text and numbers; none may make much of little, whatever a customer sent: most of Jinja's own would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import jinja2
from jinja2 import filters, pass_context
from jinja2.runtime import Context, Undefined

MAX_LOOP: Final = 100
MAX_DECIMALS: Final = 6
MAX_SEPARATOR: Final = 20
#: of one message: passes through all its loops together, and characters that its filters may read and make
MAX_STEPS: Final = 1_000
MAX_FILTERED: Final = 500_000
#: the variable that holds the `Budget`; no template can say it, because names that begin with `_` are refused
BUDGET: Final = "_budget"

#: `truncate` asks its environment for a default of its own
_DEFAULTS: Final = jinja2.Environment(autoescape=False)  # noqa: S701 - renders nothing


class SyntaxProblemError(Exception):
    """The text is no template, or says what templates may not; the message quotes the template only."""


class TooLargeError(Exception):
    """The template makes more text of this data than a message may need."""


class Budget:
    """What one message may still use up; its texts share it, as the variable `BUDGET`."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._filtered = MAX_FILTERED

    def loop(self, passes: int) -> None:
        """Takes the passes of a loop that begins; raises `SyntaxProblemError` where there are not so many."""
        self._steps -= passes + 1
        if self._steps < 0:
            raise SyntaxProblemError("loops run too often")

    def text(self, characters: int) -> None:
        """Takes what goes into a filter or comes out of it; raises `TooLargeError` where that is too much."""
        self._filtered -= characters
        if self._filtered < 0:
            raise TooLargeError(f"filters work on more than {MAX_FILTERED} characters")


def _default(value: Any, fallback: Any = "") -> Any:
    """Also for null and for empty text: nobody wants to be greeted with nothing."""
    return fallback if isinstance(value, Undefined) or value is None or value == "" else value


def _decimals(value: Any, digits: int = 2) -> str:
    """49.9 → `49.90`."""
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what was missing
    return f"{float(value):.{min(max(int(digits), 0), MAX_DECIMALS)}f}"


def _length(value: Any) -> int:
    return len(value)


@pass_context
def bounded(context: Context, items: Iterable[Any]) -> list[Any]:
    """What a loop runs over: the first 100, taken from what the whole message has left."""
    taken = [item for item, _ in zip(items, range(MAX_LOOP), strict=False)]
    context[BUDGET].loop(len(taken))
    return taken


def _of_text(change: Callable[..., str]) -> Callable[..., str]:
    """A filter of text and numbers only, that counts what it reads and makes.

    Of a list Python would make its source text, and of a list with that inside one with every backslash doubled.
    """

    @pass_context
    def filtered(context: Context, value: Any, *arguments: Any, **options: Any) -> str:
        budget: Budget = context[BUDGET]
        text = _as_text(value)
        budget.text(len(text))
        changed = change(text, *arguments, **options)
        budget.text(len(changed))
        return changed

    return filtered


@pass_context
def _join(context: Context, value: Any, separator: str = "") -> str:
    """The elements of a list, each of which is text or a number."""
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what was missing
    if not isinstance(value, list | tuple):
        raise SyntaxProblemError("only a list can be joined")
    budget: Budget = context[BUDGET]
    parts = []
    for part in value:
        parts.append(_as_text(part))
        budget.text(len(parts[-1]) + len(separator))
    return separator.join(parts)


def _truncate(text: str, *arguments: Any, **options: Any) -> str:
    return filters.do_truncate(_DEFAULTS, text, *arguments, **options)


def _as_text(value: Any) -> str:
    written = printed(value)
    return written if isinstance(written, str) else str(written)


def printed(value: Any) -> Any:
    """What `{{ }}` writes: text, numbers, true and false. Null counts as missing."""
    if value is None:
        raise jinja2.UndefinedError("the value is null")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Undefined):
        return value
    raise SyntaxProblemError('only text and numbers can stand in text; use {"value": "..."} for a list or an object')


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "default": _default,
    "d": _default,
    "decimals": _decimals,
    "upper": _of_text(filters.do_upper),
    "lower": _of_text(filters.do_lower),
    "title": _of_text(filters.do_title),
    "capitalize": _of_text(filters.do_capitalize),
    "trim": _of_text(filters.do_trim),
    "truncate": _of_text(_truncate),
    "escape": _of_text(filters.FILTERS["escape"]),
    "e": _of_text(filters.FILTERS["escape"]),
    "urlencode": _of_text(filters.do_urlencode),
    "first": filters.FILTERS["first"],
    "last": filters.FILTERS["last"],
    "join": _join,
    "length": _length,
    "count": _length,
    "int": filters.FILTERS["int"],
}
