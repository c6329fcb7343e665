"""docs/api.md lists every code that the API can answer with, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_error_code_is_documented() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "layers/core/python/attune").rglob("*.py"))
    raised = set(re.findall(r'AttuneError\(\s*"([a-z_]+)"', source))
    table = (ROOT / "docs/api.md").read_text().partition("## Errors")[2]
    documented = {
        code
        for row in re.findall(r"^\| \d{3} \| ([^|]+) \|", table, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", row)
    }
    assert documented == raised
