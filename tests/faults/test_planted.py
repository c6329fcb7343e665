"""The drill: with any one guard taken away the suite must fail, or what it proves is not worth the name.

`planted.yaml` names the faults. Each is applied to a copy of the tree, where the tests that are to notice it run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.effort import LONG

ROOT = Path(__file__).resolve().parents[2]
PLANTED: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/faults/planted.yaml").read_text())
NAMED = sorted({test for fault in PLANTED for test in fault["caught_by"]})
#: what the named tests need
COPIED = ("layers/core/python", "functions", "tests", "local", "pyproject.toml")
PASSED, FAILED = 0, 1

#: the guards that exactness rests on, each taken away by at least one fault
KINDS = {
    "cursor",
    "epoch",
    "ring",
    "fingerprint",
    "union",
    "transaction",
    "claim re-enqueue",
    "cached drop",
    "hold",
    "wake mark",
    "grace",
    "tombstone",
    "$ name",
    "lake order",
    "version",
    "outbox removal",
}

GUARDS = (
    "a profile is written whatever version was read",
    "a profile is stored before its events lie in the lake",
    "redelivered records are not told by their position",
    "a merge keeps only the survivor's positions",
    "an event is dropped on what was remembered",
    "a claim that was not enqueued is forgotten",
    "what nobody consented to is stored",
    "a wake-up tells what was true before",
    "a client sends an event that only we may send",
    "memory writes whatever version was read",
    "what a refused event withdraws is not heard",
    "a banner that rides along ends a withdrawal",
    "a grant that rode along outlasts a withdrawal",
    "consent that comes later lets in what came before",
    "two who turn out to be one keep the looser word",
    "a weak identifier lapses by the event's time",
    "a request that is sent again is not recognised",
    "a window still holds what is exactly as old as it is wide",
    "time passes to an event's own instant before it counts",
    "campaigns hear of an entry before its grace is over",
    "an entry is announced before the stream has been read past its grace",
    "the pointer moves before the artefact lies there",
    "an older score overwrites a newer",
    "a score outlasts the consent to it",
    "a score is kept without consent",
    "a redelivery brings back a score that a withdrawal took",
    "a client's $score is applied",
    "future leaks into features",
    "no consent filter",
    "a rebuild leaves what it finds to be told",
    "a rebuild takes any lake for whole",
    "a rebuild folds what is not committed",
    "a rebuild writes over whatever came meanwhile",
    "a rebuild folds conflicts",
    "a rebuild keeps what consent refused",
)

#: each takes seconds: a short run plants those above, and every third of the others
SHARE = 3
DRILLED = [
    fault
    for number, fault in enumerate(PLANTED)
    if LONG or number % SHARE == 0 or "kind" in fault or fault["name"] in GUARDS
]


@pytest.fixture(scope="session")
def clean_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("planted") / "clean"
    for name in COPIED:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".venv", "demo"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # Bytecode is made once and copied along: without it each run would spend most of its time compiling.
    collected = run_tests(copy, NAMED, "--collect-only")
    assert collected.returncode == PASSED, collected.stdout[-3_000:] + collected.stderr[-1_000:]
    return copy


def run_tests(copy: Path, tests: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """The named tests in a tree of their own, with nothing of this run's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ATTUNE"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options, *tests]
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, cwd=copy, env=kept, capture_output=True, text=True, check=False, timeout=120)


def test_every_guard_of_the_design_has_its_fault() -> None:
    assert set(GUARDS) <= {fault["name"] for fault in PLANTED}
    assert {fault["kind"] for fault in PLANTED if "kind" in fault} == KINDS


def test_every_fault_can_be_planted() -> None:
    """Its text stands where it is said to, once."""
    moved = [one["name"] for one in PLANTED if (ROOT / one["file"]).read_text().count(one["replace"]["old"]) != 1]
    assert moved == []


def test_the_named_tests_pass_as_long_as_nothing_is_planted(clean_copy: Path) -> None:
    result = run_tests(clean_copy, NAMED)
    assert result.returncode == PASSED, result.stdout[-3_000:] + result.stderr[-1_000:]


@pytest.mark.parametrize("fault", DRILLED, ids=[fault["name"] for fault in DRILLED])
def test_the_suite_notices_when(fault: dict[str, Any], clean_copy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tree"
    shutil.copytree(clean_copy, copy)
    file = copy / fault["file"]
    text, old = file.read_text(), fault["replace"]["old"]
    assert text.count(old) == 1, f"the guard has moved: {old!r} stands {text.count(old)} times in {fault['file']}"
    file.write_text(text.replace(old, fault["replace"]["new"]))
    result = run_tests(copy, fault["caught_by"], "-x", "--no-header", "--tb=no")
    assert result.returncode == FAILED, f"exit {result.returncode}: {result.stdout[-2_000:]}{result.stderr[-1_000:]}"
