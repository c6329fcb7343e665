from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from attune.runtime.scratch import own_folder

PACKAGE = Path(__file__).resolve().parents[2] / "layers" / "core" / "python"
KILLED = """
import os, sys
from attune.runtime.scratch import own_folder
folder = own_folder("work")
folder.mkdir()
(folder / "half").write_bytes(bytes(1000))
print(folder, flush=True)
os._exit(137)
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_gone_when_the_next_one_begins(scratch: Path) -> None:
    environment = {"TMPDIR": str(scratch), "PYTHONPATH": str(PACKAGE)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip())
    assert killed.returncode == 137
    assert (left / "half").exists()
    assert own_folder("work").parent == scratch
    assert list(scratch.iterdir()) == []


def test_a_process_that_lives_keeps_its_folder(scratch: Path) -> None:
    mine = own_folder("work")
    mine.mkdir()
    others = scratch / "work-of-somebody"
    others.mkdir()
    assert own_folder("work") == mine
    assert sorted(scratch.iterdir()) == sorted([mine, others])
