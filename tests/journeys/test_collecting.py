"""The demo's chapter of files, a CRM and quarantine, on the deployed stack."""

from __future__ import annotations

import io
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from local.demo.collecting import Collecting
from local.demo.report import Report
from local.demo.shop import Shop

if TYPE_CHECKING:
    from local.state import Stack

pytestmark = pytest.mark.cloud


def test_what_comes_by_file_webhook_and_out_of_quarantine_is_in_profiles(stack: Stack) -> None:
    report = Report(Console(file=io.StringIO()))
    with closing(Shop(stack, "shpss_unused")) as shop:
        Collecting(shop, report, str(time.time_ns())).tell()
    assert [step for step in report.steps if not step.ok] == []
    assert len(report.steps) == 4
