"""Every named case of bad input: never a 5xx, never long, and what is accepted is what is stored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from attune.domain.events import Event
from attune.use_cases.collection.write_records import MAX_RECORD
from tests.bad_input.cases import ACCEPTED, Case
from tests.bad_input.corpus import CASES
from tests.bad_input.running import Request
from tests.cpu import HANG
from tests.functions.door import collect_module

ROOT = Path(__file__).parents[2]
ENOUGH: Final = 400
MOST_MEMORY: Final = 256 * 1024 * 1024


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with collect_module() as loaded:
        yield loaded


@pytest.fixture(scope="module")
def documented() -> str:
    return (ROOT / "docs/errors.md").read_text()


def test_there_are_as_many_cases_as_the_bar_asks_for_each_by_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= ENOUGH


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=str)
def test_a_request_that_is_refused_is_told_why_and_leaves_nothing(module: Any, documented: str, case: Case) -> None:
    request = Request(module, case)
    assert case.refused is not None
    status, code = case.refused
    assert (request.answer.status, request.answer.code) == (status, code)
    assert set(request.answer.body) == {"code", "message"}
    assert f"| `{code}` | {status} |" in documented
    assert request.door.records() == []
    assert request.cpu < HANG


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
def test_a_request_that_is_taken_is_kept_whole(module: Any, documented: str, case: Case) -> None:
    request = Request(module, case)
    assert (request.answer.status, request.answer.body) == (200, {"success": True})
    assert request.cpu < HANG
    door = request.door
    assert all(len(record.data) <= MAX_RECORD for record in door.stream.records)
    rejected = [outcome for outcome in case.becomes if outcome != ACCEPTED]
    assert [reason for reason, _ in door.rejected()] == rejected
    reasons = re.findall(r"^\| `(\w+)` \|", documented.partition("## Reasons in quarantine")[2], re.MULTILINE)
    assert set(rejected) <= set(reasons)
    events = door.events()
    assert len(events) == case.becomes.count(ACCEPTED)
    assert same(request.stored(), events)
    if case.path not in ("batch", "import") and not case.name.startswith("gzip"):
        one_call(case, events, [raw for _, raw in door.rejected()])


def same(stored: list[Event], accepted: list[Event]) -> bool:
    """Whether every accepted event is stored as it was accepted, and nothing else is."""
    return {msgspec.json.encode(event) for event in stored} == {
        msgspec.json.encode(msgspec.structs.replace(event, copy=0)) for event in accepted
    }


def one_call(case: Case, events: list[Event], rejected: list[bytes]) -> None:
    """What was sent, read by another reader of JSON, is what the event says; or it lies aside byte for byte."""
    if rejected:
        assert rejected == [case.body.strip(b" \t\r\n")]
        return
    (event,) = events
    sent = json.loads(case.body)
    if event.type == "track":
        assert (event.name, event.properties) == (sent["event"], sent.get("properties") or {})
    if event.type == "identify":
        context = (sent.get("context") or {}).get("traits") or {}
        assert event.traits == {**context, **(sent.get("traits") or {})}
    said = sent.get("messageId")
    assert event.message_id == str(said) if said not in (None, "") else event.message_id.startswith("derived-")
    if "time" in case.says:
        assert event.time == case.says["time"]
    if "user" in case.says:
        assert [one.value for one in event.identifiers if one.namespace == "user_id"] == [case.says["user"]]


@pytest.mark.parametrize("case", [case for case in CASES if case.path in ("batch", "import") and case.says], ids=str)
def test_times_of_a_whole_request_are_corrected_together(module: Any, case: Case) -> None:
    assert [event.time for event in Request(module, case).door.events()] == [case.says["time"]]


def test_the_whole_corpus_takes_little_memory() -> None:
    """In a process of its own: the cases, the handler and the tests' libraries together."""
    command = [sys.executable, "-m", "tests.bad_input.peak"]
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT}/layers/core/python", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=ROOT, env=paths, capture_output=True, text=True, check=True, timeout=120)
    assert 0 < int(ran.stdout.split()[-1]) < MOST_MEMORY
