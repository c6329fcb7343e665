"""What the command says: answers on standard output, everything about them on standard error."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console

notes: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(answer: dict[str, Any]) -> None:
    """As it came, for people and programs."""
    Console(highlight=True, soft_wrap=True).print_json(data=answer)
