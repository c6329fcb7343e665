"""The manual's example of a file: what docs/collect.md shows is what comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.sources import Source
from tests.faults.importing import Imports
from tests.faults.world import World

MANUAL = (Path(__file__).parents[2] / "docs/collect.md").read_text().partition("\n## Files\n")[2].partition("\n## ")[0]
KEY = "imports/tills/2026-03-02.csv"


def block(language: str) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    return found[0]


def source() -> Source:
    return msgspec.convert(yaml.safe_load(block("yaml")), Source)


def test_the_example_can_be_applied() -> None:
    assert check(source(), snapshot(())) == []


def test_the_report_is_the_one_that_the_manual_shows() -> None:
    imports = Imports(world=World(source()))
    imports.world.time.now = 1_790_000_000_000
    imports.drop(KEY, block("csv").encode())
    imports.run(KEY)
    shown: dict[str, Any] = json.loads(block("json"))
    report = imports.report(KEY)
    assert {name: report[name] for name in shown} == shown
    imports.world.settle()
    [state] = imports.world.states()
    assert state["events"] == 2


def test_every_reason_for_which_a_file_fails_is_in_the_manual() -> None:
    code = Path(__file__).parents[2] / "layers/core/python/attune"
    raised = {
        reason for path in code.rglob("*.py") for reason in re.findall(r'UnusableFileError\("(\w+)"', path.read_text())
    }
    assert raised | {"file_changed"} == set(
        re.findall(r"^\| `(\w+)` \| (?:lies|has|holds|is|was)", MANUAL, re.MULTILINE)
    )
