"""One local stack for each worker that needs one, started by the first test that asks and stopped after the last."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from local.stack import down, up
from local.state import Stack, StateDirectory, read_stack_file
from tests.clients.matrix import pytest_terminal_summary  # noqa: F401 (a hook, found by its name)

#: each on a local stack of its own, where several workers run: they mostly wait, and so they wait at the same time.
#: Beside the others go journeys that look at nobody but their own people; all clouds are busy for about as long
LOCAL_CLOUDS: Final = {
    "of the others": (
        *("tests/adapters/", "tests/clients/", "tests/local/"),
        *("tests/journeys/test_webhooks.py", "tests/journeys/test_window_exit.py"),
    ),
    "of the story": tuple(
        f"tests/journeys/test_{one}.py" for one in ("main_story", "backfill", "ledger", "privacy_requests")
    ),
    "of the journeys": ("tests/journeys/",),
}
#: what lies among them, computes for long, and needs no cloud
WITHOUT: Final = tuple(f"tests/adapters/test_{one}" for one in ("duckdb_", "ledger_tampering", "sweep"))


class OneLocalCloudEach(LoadFileScheduling):
    """A file stays in one worker, and so does everything that uses one local cloud: on one stack two would meet.

    Told by folder and not by mark: xdist 3.8 loses its groups under pytest 9.2, whose node ids cannot be changed.
    """

    def _split_scope(self, nodeid: str) -> str:
        for cloud, folders in LOCAL_CLOUDS.items():
            if nodeid.startswith(folders) and not nodeid.startswith(WITHOUT):
                return cloud
        return super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        """The local clouds before all else: nothing takes as long."""
        for cloud in LOCAL_CLOUDS:  # the last one comes to lie first
            if cloud in self.workqueue:
                self.workqueue.move_to_end(cloud, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneLocalCloudEach:
    return OneLocalCloudEach(config, log)


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
