"""A file of addresses, uploaded by the command, and who is in a segment by it, on the deployed stack."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.demo.shop import EVERYTHING, SHOES, Shop
from local.state import StateDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

ROOT = Path(__file__).parents[2]
PATIENCE = 60

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def once(ask: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)


def test_who_is_uploaded_is_in_the_segment_until_taken_off(stack: Stack, shop: Shop, tmp_path: Path) -> None:
    run = str(int(time.time() * 1_000))
    guests, visitor = f"guests_{run}", f"guest-{run}"
    when = {"type": "list", "list": f"fair_{run}"}
    shop.admin("PUT", f"/v1/definitions/segment/{guests}", {"kind": "segment", "id": guests, "when": when})
    shop.visit(visitor, EVERYTHING).view(SHOES).end()
    once(lambda: shop.profile("anonymous_id", visitor) is not None)
    state = StateDirectory(tmp_path / ".local")
    state.create()
    state.write_stack(stack)
    people = tmp_path / "people.csv"
    people.write_text(f"anonymous_id\n{visitor}\nnobody-{run}\n")

    def lists(*arguments: str) -> str:
        command = [sys.executable, str(ROOT / "cli"), "lists", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout

    def shown() -> tuple[bool, bool]:
        profile = shop.profile("anonymous_id", visitor)
        assert profile is not None
        return f"fair_{run}" in profile["lists"], guests in profile["segments"]

    assert lists("add", f"fair_{run}", str(people)) == f"fair_{run}: 2 addresses, of which nobody has 1\n"
    once(lambda: shown() == (True, True))
    assert shop.profile("anonymous_id", f"nobody-{run}") is None
    lists("remove", f"fair_{run}", str(people))
    once(lambda: shown() == (False, False))
