"""docs/errors.md is the list of stable codes: nothing in the code may be missing there, or answer otherwise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

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


def test_every_reason_for_quarantine_is_documented() -> None:
    table = DOCUMENT.partition("## Reasons in quarantine")[2].partition("## Notes")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    reasons = {literal(node.args[0]) for node in calls("UnreadableError")} - {None}
    assert reasons <= documented
    found_by_the_processor = {
        "invalid_record",
        "invalid_score",
        "profile_too_large",
        "unprocessable",
        "unverified_claim",
        "wrong_partition",
    }
    assert documented - reasons == found_by_the_processor
