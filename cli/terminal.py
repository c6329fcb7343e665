"""What the command says: answers on standard output, everything about them on standard error."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table

notes: Final = Console(stderr=True, highlight=False, soft_wrap=True)
#: characters of a line that no terminal shows: a program that reads a table finds each row on a line of its own
_UNFOLDED: Final = 1_000


def print_json(answer: dict[str, Any]) -> None:
    """As it came, for people and programs."""
    Console(highlight=True, soft_wrap=True).print_json(data=answer)


def print_table(table: Table) -> None:
    """As wide as the terminal; in a file or a pipe as wide as it is."""
    screen = Console(markup=False, highlight=False)
    if not screen.is_terminal:
        screen.width = _UNFOLDED
    screen.print(table)
