"""The demo's story on the deployed stack, and the faults it must notice.

All tellings go on side by side, because they mostly wait for the same minute's wake-up; one after the other only
does each spend its morning, so that a fourth view has the stack to itself for its 5 seconds.
"""

from __future__ import annotations

import io
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from local.demo.main import FAULTS, WRONG_SECRET, prepare, verdict
from local.demo.receiver import Receiver
from local.demo.report import Report
from local.demo.shop import Shop
from local.demo.story import Story
from local.state import StateDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.state import Stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

GOOD = "nothing"
SHOPIFY_SECRET = "shpss_0123456789abcdef"


@dataclass
class OverheardReceiver(Receiver):
    """The one endpoint that the channel names; whoever overhears it is handed every request too."""

    overhears: Receiver | None = None

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        if self.overhears is not None:
            self.overhears.take(headers, body)
        return super().take(headers, body)


@pytest.fixture(scope="module")
def mistaken() -> Iterator[Receiver]:
    """A shop that verifies with another secret than the one it was given."""
    endpoint = Receiver(secret=WRONG_SECRET)
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def receiver(mistaken: Receiver) -> Iterator[Receiver]:
    endpoint = OverheardReceiver(overhears=mistaken)
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateDirectory:
    directory = StateDirectory(tmp_path_factory.mktemp("demo"))
    directory.create()
    return directory


@pytest.fixture(scope="module")
def told(stack: Stack, receiver: Receiver, mistaken: Receiver, state: StateDirectory) -> dict[str, Report]:
    """What came of each telling, by what was broken in it."""
    with closing(Shop(stack, SHOPIFY_SECRET)) as shop:
        prepare(shop, receiver, state, fault=None)
    start, turn = int(time.time()), Lock()

    def tell(number: int, fault: str) -> Report:
        heard_by = mistaken if fault == "signature" else receiver
        report = Report(console=Console(file=io.StringIO()))
        run = str(start + number)  # makes its customers others than those of the other tellings
        with closing(Shop(stack, SHOPIFY_SECRET)) as shop:
            story = Story(shop, heard_by, report, run, None if fault == GOOD else fault)
            with turn:
                story.morning()
            story.afternoon()
        return report

    tellings: dict[str, Future[Report]] = {}
    with ThreadPoolExecutor() as threads:
        for number, fault in enumerate((GOOD, *FAULTS)):
            tellings[fault] = threads.submit(tell, number, fault)  # the good one is the first to have its turn
    return {fault: telling.result() for fault, telling in tellings.items()}


def failed(report: Report) -> list[str]:
    return [step.step for step in report.failed]


def test_a_shoppers_day_ends_as_told(told: dict[str, Report], state: StateDirectory) -> None:
    assert told[GOOD].failed == []
    assert len(told[GOOD].steps) == 12
    assert verdict(told[GOOD], state) == 0


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("consent", ["Ben, who did not consent to e-mail, got nothing, and the profile says why"]),
        ("order", ["Cleo, who ordered her anonymous cart under her e-mail address, got nothing"]),
        ("signature", ["Ada's cart reminder arrived, signed", "Dan's cart reminder arrived, signed"]),
    ],
)
def test_a_planted_fault_is_noticed_where_it_shows_and_nowhere_else(
    told: dict[str, Report], state: StateDirectory, receiver: Receiver, fault: str, noticed: list[str]
) -> None:
    report = told[fault]
    assert failed(report) == noticed, report.failed
    assert len(report.steps) == 12
    assert verdict(report, state) == 1
    written = state.path / f"{fault}.json"
    report.write(written, receiver, {"fault": fault})
    assert json.loads(written.read_text())["ok"] is False


def test_every_fault_of_the_demo_is_told(told: dict[str, Report]) -> None:
    assert set(told) == {GOOD, "consent", "order", "signature"}


def test_the_receiver_takes_nothing_that_another_secret_signed() -> None:
    endpoint = Receiver(secret=WRONG_SECRET)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    assert not endpoint.take(headers, b"{}")
    assert not endpoint.take({}, b"\xff")
    assert [one.verified for one in endpoint.received] == [False, False]
    endpoint.close()
