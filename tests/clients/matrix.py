"""The matrix of clients and behaviours, from what the tests say, at the end of a run and in `.build/clients.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from local.state import ROOT
from tests.clients.roster import CLIENTS, FAULTS

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

FILE: Final = ROOT / ".build" / "clients.md"
_WORDS: Final = {"passed": "ok", "failed": "FAILED", "error": "FAILED", "skipped": "skipped"}


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the matrix if any client was run."""
    cells: dict[tuple[str, str], str] = {}
    for outcome, word in _WORDS.items():
        for report in terminalreporter.stats.get(outcome, ()):
            said = dict(getattr(report, "user_properties", ()))
            if "client" in said:
                cells[str(said["client"]), str(said["behaviour"])] = word
    if cells:
        lines = table(cells)
        terminalreporter.section("clients")
        for line in lines:
            terminalreporter.write_line(line)
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text("\n".join(lines) + "\n")


def table(cells: dict[tuple[str, str], str]) -> list[str]:
    """Rows of Markdown; a dash where a client does not offer it, nothing where it was not tried."""
    rows = [["client", *FAULTS], ["---"] * (len(FAULTS) + 1)]
    for client in CLIENTS:
        unasked = ["" if one in client.behaviours else "-" for one in FAULTS]
        rows.append(
            [client.name, *(cells.get((client.name, one), word) for one, word in zip(FAULTS, unasked, strict=True))]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = (
        [cell.ljust(width, "-" if cell == "---" else " ") for cell, width in zip(row, widths, strict=True)]
        for row in rows
    )
    return [f"| {' | '.join(row)} |" for row in padded]
