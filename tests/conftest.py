"""One local stack for the whole run, started by the first test that asks for it and stopped after the last."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from local.stack import down, up
from local.state import Stack, StateDirectory, read_stack_file
from tests.clients.matrix import pytest_terminal_summary  # noqa: F401 (a hook, found by its name)

#: who else starts the local stack starts a second one where several workers run
OF_THE_LOCAL_CLOUD: Final = ("tests/adapters/", "tests/clients/", "tests/journeys/", "tests/local/")


class OneLocalCloud(LoadFileScheduling):
    """A file stays in one worker, and so does everything that uses the local cloud.

    Told by folder and not by mark: xdist 3.8 loses its groups under pytest 9.2, whose node ids cannot be changed.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "the local cloud" if nodeid.startswith(OF_THE_LOCAL_CLOUD) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneLocalCloud:
    return OneLocalCloud(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running local stack. ATTUNE_STACK=.local/stack.json names one that runs already and is left alone."""
    running = os.environ.get("ATTUNE_STACK")
    if running:
        yield read_stack_file(Path(running))
        return
    state = StateDirectory(tmp_path_factory.getbasetemp() / "local-stack")
    running_stack = up(state)
    try:
        yield running_stack
    finally:
        down(state)
