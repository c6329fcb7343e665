"""The demo's story on the deployed stack, and the faults it must notice."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from local.demo.main import prepare
from local.demo.receiver import Receiver
from local.demo.report import Report
from local.demo.shop import Shop
from local.demo.story import Story
from local.state import StateDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.state import Stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    endpoint = Receiver()
    yield endpoint
    endpoint.close()


def test_a_shoppers_day_ends_as_told(stack: Stack, receiver: Receiver, tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.create()
    shop = Shop(stack, shopify_secret="shpss_0123456789abcdef")
    prepare(shop, receiver, state, fault=None)
    report = Report(console=Console(file=io.StringIO()))
    Story(shop, receiver, report, run=str(int(time.time()))).tell()
    assert report.failed == []
    assert len(report.steps) == 12


def test_the_receiver_takes_nothing_that_another_secret_signed(receiver: Receiver) -> None:
    receiver.secret = "whsec_" + "A" * 43 + "="
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    assert not receiver.take(headers, b"{}")
    assert not receiver.take({}, b"\xff")
    assert [one.verified for one in receiver.received] == [False, False]
