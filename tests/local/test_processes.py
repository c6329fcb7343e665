"""Background processes, with real ones."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from local import processes
from local.state import LocalCloudError

SLEEPS = "import time; print('ready', flush=True); time.sleep(60)"
REFUSES_TO_LEAVE = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def start(folder: Path, program: str) -> Path:
    pid_file, log = folder / "it.pid", folder / "it.log"
    processes.start([sys.executable, "-c", program], environment={"ONLY": "1"}, log=log, pid_file=pid_file)
    assert processes.wait_until(lambda: "ready" in log.read_text(), timeout=20)
    return pid_file


def test_a_started_process_is_found_and_stopped(tmp_path: Path) -> None:
    pid_file = start(tmp_path, SLEEPS)
    assert processes.running(pid_file)
    assert processes.stop(pid_file)
    assert processes.running(pid_file) is None
    assert not processes.stop(pid_file)


def test_a_process_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    pid_file = start(tmp_path, REFUSES_TO_LEAVE)
    assert processes.stop(pid_file, patience=0.2)
    assert processes.running(pid_file) is None


def test_a_process_that_ended_by_itself_does_not_run(tmp_path: Path) -> None:
    pid_file = start(tmp_path, "print('ready', flush=True)")
    assert processes.wait_until(lambda: processes.running(pid_file) is None, timeout=20)


def test_a_pid_that_now_belongs_to_somebody_else_is_never_stopped(tmp_path: Path) -> None:
    pid_file = start(tmp_path, SLEEPS)
    pid = processes.running(pid_file)
    assert pid
    stale = tmp_path / "stale.pid"
    stale.write_text(json.dumps({"pid": pid, "born": "in another life"}))
    assert processes.running(stale) is None
    assert not processes.stop(stale)
    assert processes.running(pid_file) == pid
    os.kill(pid, signal.SIGKILL)


def test_nothing_of_the_callers_environment_reaches_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    start(tmp_path, "import os; print(sorted(os.environ)); print('ready', flush=True)")
    logged = (tmp_path / "it.log").read_text()
    assert "ONLY" in logged
    assert "AWS_PROFILE" not in logged


def test_waiting_for_a_process_that_leaves_shows_what_it_said(tmp_path: Path) -> None:
    pid_file = start(tmp_path, "print('no room left'); print('ready', flush=True)")
    with pytest.raises(LocalCloudError, match="no room left"):
        processes.wait_for_port(
            processes.free_port(), pid_file=pid_file, log=tmp_path / "it.log", what="it", timeout=20
        )
