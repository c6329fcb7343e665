"""One local stack for the whole run, started by the first test that asks for it and stopped after the last."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.stack import down, up
from local.state import Stack, StateDirectory, read_stack_file


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running local stack. ATTUNE_STACK=.local/stack.json names one that runs already and is left alone."""
    running = os.environ.get("ATTUNE_STACK")
    if running:
        yield read_stack_file(Path(running))
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the run's own, one above each worker's
    state = StateDirectory(folder / "local-stack")
    with _one_more_user(state, +1):
        running_stack = up(state)
    try:
        yield running_stack
    finally:
        with _one_more_user(state, -1) as users:
            if users == 0:
                down(state)


@contextmanager
def _one_more_user(state: StateDirectory, change: int) -> Iterator[int]:
    """Count who uses the stack: the workers of one run share it, and the last one to leave stops it."""
    state.create()
    with (state.path / "users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = int(file.read() or "0") + change
        yield users
        file.truncate(0)
        file.write(str(users))
