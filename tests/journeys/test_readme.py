"""The README's examples, run as they stand against a running stack."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.state import StateDirectory

if TYPE_CHECKING:
    from local.state import Stack

README = Path(__file__).parents[2] / "README.md"

pytestmark = pytest.mark.cloud


def blocks() -> list[str]:
    """The shell blocks of the section that talks to a running stack, in order."""
    section = README.read_text().partition("## Talk to it")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def answers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block prints, run one after the other in a folder where `make up` has just been."""
    folder = tmp_path_factory.mktemp("clone")
    state = StateDirectory(folder / ".local")
    state.create()
    state.write_stack(stack)
    printed = []
    for block in blocks():
        run = subprocess.run(["bash", "-c", block], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        printed.append(run.stdout)
    return printed


def test_the_readme_shows_five_calls(answers: list[str]) -> None:
    assert len(answers) == 5


def test_events_are_answered_with_success(answers: list[str]) -> None:
    assert [json.loads(answer) for answer in answers[:2]] == [{"success": True}] * 2


def test_the_profile_is_found_under_the_address_the_shop_vouched_for(answers: list[str]) -> None:
    profile: dict[str, Any] = json.loads(answers[2])
    assert profile["traits"]["first_name"] == "Ada"
    assert {identifier["namespace"] for identifier in profile["identifiers"]} == {"user_id", "email", "anonymous_id"}
    assert profile["consent"]["email"]["granted"] is True


def test_a_withdrawal_is_accepted(answers: list[str]) -> None:
    assert json.loads(answers[3])["accepted"] is True


def test_an_unknown_key_is_refused_with_a_stable_code(answers: list[str]) -> None:
    head, _, body = answers[4].replace("\r", "").partition("\n\n")
    assert " 401" in head.splitlines()[0]
    assert json.loads(body)["code"] == "unknown_write_key"
