"""The drill: with any one guard taken away the suite must fail, or what it proves is not worth the name.

`planted.yaml` names the faults. Each is applied to a copy of the tree, where the tests that are to notice it run.

That they pass where nothing is planted is what the suite itself shows, in the tree; in the copy one of each file does,
and all of them in a long run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.effort import LONG
from tests.faults.forked import libraries_loaded, run

ROOT = Path(__file__).resolve().parents[2]
PLANTED: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/faults/planted.yaml").read_text())
#: what the named tests need
COPIED = ("layers/core/python", "layers/ml/python", "functions", "tests", "local", "definitions", "pyproject.toml")
PASSED, FAILED = 0, 1
#: seconds of one run, and of one of all named tests, on a busy machine
LONGEST, LONGEST_OF_ALL = 120, 600

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
    "late events of somebody who was erased are taken in",
    "who asked not to be taken in is taken in",
    "a claim forgets who was erased before",
    "an erasure that is read again forgets who came after it",
    "a grave is dug before all that led there is marked",
)

#: each takes a second on a busy machine: a short run plants those above, and every third of the others
SHARE = 3
DRILLED = [
    fault
    for number, fault in enumerate(PLANTED)
    if LONG or number % SHARE == 0 or "kind" in fault or fault["name"] in GUARDS
]
NAMED = sorted({test for fault in DRILLED for test in fault["caught_by"]})


@pytest.fixture(scope="session")
def loaded() -> ForkServerContext:
    return libraries_loaded()


@pytest.fixture(scope="session")
def clean_copy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, loaded: ForkServerContext
) -> Path:
    copy = tmp_path_factory.mktemp("planted") / "clean"
    for name in COPIED:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".venv", "demo"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # Bytecode is made here, once: without it each run would spend most of its time compiling.
    named = _named_by(request.session)
    asked = [*named, *(f"--deselect={one}" for one in _left_out(named))]
    code, said = run(loaded, copy, asked, LONGEST_OF_ALL, compiles=True)
    assert code == PASSED, said[-3_000:]
    return copy


def _left_out(named: list[str]) -> list[str]:
    """All but the first of each file; in a long run none."""
    files = [name.partition("::")[0] for name in named]
    return [] if LONG else [name for at, name in enumerate(named) if files[at] in files[:at]]


def _named_by(session: pytest.Session) -> list[str]:
    """By the faults of this run; whoever plants one need not wait for all."""
    drills = [one for one in session.items if isinstance(one, pytest.Function) and one.path == Path(__file__)]
    faults: list[Any] = [one.callspec.params["fault"] for one in drills if "fault" in one.fixturenames]
    named = {test for fault in faults for test in fault["caught_by"]}
    return sorted(named) or NAMED


def test_every_guard_of_the_design_has_its_fault() -> None:
    assert set(GUARDS) <= {fault["name"] for fault in PLANTED}
    assert {fault["kind"] for fault in PLANTED if "kind" in fault} == KINDS


def test_every_fault_can_be_planted() -> None:
    """Its text stands where it is said to, once."""
    moved = [one["name"] for one in PLANTED if (ROOT / one["file"]).read_text().count(one["replace"]["old"]) != 1]
    assert moved == []


def test_the_named_tests_are_there_and_pass_as_long_as_nothing_is_planted(clean_copy: Path) -> None:
    """Or there is no clean copy."""
    assert list(clean_copy.rglob("*.pyc"))


@pytest.mark.parametrize("fault", DRILLED, ids=[fault["name"] for fault in DRILLED])
def test_the_suite_notices_when(fault: dict[str, Any], clean_copy: Path, loaded: ForkServerContext) -> None:
    with _planted(clean_copy / fault["file"], **fault["replace"]):
        code, said = run(loaded, clean_copy, ["-x", "--no-header", "--tb=no", *fault["caught_by"]], LONGEST)
    assert code == FAILED, f"exit {code}: {said[-3_000:]}"


@contextmanager
def _planted(file: Path, old: str, new: str) -> Iterator[None]:
    """Until the file lies there again as it was, its bytecode too."""
    text, clean = file.read_text(), file.with_suffix(".clean")
    assert text.count(old) == 1, f"the guard has moved: {old!r} stands {text.count(old)} times in {file}"
    file.rename(clean)
    try:
        file.write_text(text.replace(old, new))
        yield
    finally:
        clean.replace(file)
