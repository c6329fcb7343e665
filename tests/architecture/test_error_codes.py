"""docs/errors.md is the list of stable codes: nothing in the code may be missing there, or answer otherwise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.quarantine_reasons import constant_of, reasons_of

ROOT = Path(__file__).parents[2]
CODE = ROOT / "layers/core/python/attune"
DOCUMENT = (ROOT / "docs/errors.md").read_text()


def calls(name: str) -> Iterator[ast.Call]:
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def literal(node: ast.expr) -> str | int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str | int) else None


def test_every_code_is_documented_with_its_status() -> None:
    raised = set()
    for node in calls("AttuneError"):
        statuses = [literal(keyword.value) for keyword in node.keywords if keyword.arg == "status"]
        raised.add((literal(node.args[0]), *(statuses or [400])))
    documented = {(code, int(status)) for code, status in re.findall(r"\| `(\w+)` \| (\d{3}) \|", DOCUMENT)}
    assert raised == documented


def tabled(beginning: str, end: str) -> set[str]:
    """The codes in the first column of the tables between two places of the document."""
    part = DOCUMENT.partition(beginning)[2].partition(end)[0]
    assert part
    return set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))


def test_every_reason_for_quarantine_is_documented_with_what_to_do_about_it() -> None:
    outcomes = tabled("A replay has outcomes", "## Notes")
    reasons = reasons_of(CODE) | {constant_of(CODE / "domain/collection/quarantine.py", "INVALID_RECORD")}
    assert tabled("## Reasons in quarantine", "A replay has outcomes") == reasons - outcomes
    replay = CODE / "use_cases/repairs/replay_quarantined.py"
    only_of_a_replay = {constant_of(replay, name) for name in ("BEFORE", "CAME_BACK", "GONE")}
    reread = {"unknown_source", "unpatchable", "too_large"}
    assert reread <= reasons
    assert outcomes == only_of_a_replay | reread | {constant_of(CODE / "domain/collection/quarantine.py", "REPLAYED")}
    table = DOCUMENT.partition("## Reasons in")[2].partition("A replay has")[0]
    for row in re.findall(r"^\| `\w+` \|.*$", table, re.MULTILINE):
        assert len([cell for cell in row.split(" | ") if cell.strip(" |")]) == 3, row
