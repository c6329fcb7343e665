"""Segments from the command line: what applying them starts, what a backfill came to, what they were before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Api, Attune
from tests.cli.test_repairs import running, waited
from tests.functions.management import ADMIN

CHANNEL = "kind: channel\nid: hook\nurl: https://shop.example/hooks\n"
KEEN = "kind: segment\nid: keen\nwhen: {type: performed, event: Product Viewed, at_least: 4, within: 24h}\n"
KEENER = KEEN.replace("at_least: 4", "at_least: 5")
BOTH = "kind: segment\nid: both\nwhen: {type: segment, segment: keen}\n"
DONE = {
    "done": True,
    "segments": ["keen"],
    "rebuilt": 1_200,
    "unchanged": 3,
    "settled": 40,
    "incomplete": 0,
    "unknown": [],
    "replaced": [],
}


def given(api: Api) -> dict[str, Any]:
    machine = api.deployment.repairs.arn
    run = f"{machine.replace(':stateMachine:', ':execution:')}:{running(api)}"
    found = api.deployment.cloud.client("stepfunctions").describe_execution(executionArn=run)
    return {name: json.loads(found["input"])[name] for name in ("what", "segments")}


def shown(api: Api, segment: str) -> dict[str, Any]:
    body: dict[str, Any] = api.deployment.call("GET", f"/v1/definitions/segment/{segment}", key=ADMIN).body
    return body


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "definitions.yaml"


def test_what_was_applied_is_backfilled_without_being_asked(attune: Attune, api: Api, file: Path) -> None:
    file.write_text(f"{CHANNEL}---\n{BOTH}---\n{KEEN}")
    ran = attune("apply", file)
    assert ran.out.splitlines() == ["created   channel hook", "created   segment keen", "created   segment both"]
    assert (ran.code, ran.err) == (0, f"backfill {running(api)} is under way\n")
    assert given(api) == {"what": "segments", "segments": ["both", "keen"]}


@pytest.mark.parametrize("text", [CHANNEL, KEEN])
def test_who_does_not_want_it_or_changed_nothing_of_the_kind_starts_nothing(
    attune: Attune, api: Api, file: Path, text: str
) -> None:
    file.write_text(text)
    assert attune("apply", "--no-backfill", file).err == ""
    assert attune("apply", file).err == ""
    assert ("POST", "/v1/repairs") not in api.requests


def test_where_another_run_is_under_way_it_is_said_what_to_do(attune: Attune, api: Api, file: Path) -> None:
    attune("repair")
    file.write_text(KEEN)
    ran = attune("apply", file)
    assert (ran.code, ran.out) == (0, "created   segment keen\n")
    assert ran.err.endswith("is under way; wait for its end; then run `attune segments backfill`\n")
    file.write_text(KEENER)
    assert attune("apply", "--wait", file).code == 1


def test_a_changed_condition_is_said_to_wait_and_is_not_applied_again(attune: Attune, api: Api, file: Path) -> None:
    file.write_text(KEEN)
    attune("apply", "--no-backfill", file)
    file.write_text(KEENER)
    ran = attune("apply", "--no-backfill", file)
    assert ran.out == "changed   segment keen: the version before serves until its backfill is done\n"
    assert attune("apply", "--no-backfill", file).out == "unchanged segment keen\n"
    found = shown(api, "keen")
    assert (found["version"], found["pending_version"]) == (1, 2)
    assert (found["definition"]["when"]["at_least"], found["pending"]["when"]["at_least"]) == (4, 5)
    assert (found["settled"], found["takes_over_at"], found["since"][:2]) == (False, None, "20")


def test_who_waits_is_told_what_the_backfill_did(attune: Attune, api: Api, file: Path) -> None:
    file.write_text(KEEN)
    ran = waited(attune, api, "apply", "--wait", str(file), output={"segments": DONE})
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "created   segment keen",
        "segments: keen",
        "profiles: 1,200 rebuilt, 3 not, 40 brought in line",
    ]


@pytest.mark.parametrize(
    ("over", "word", "code"),
    [
        ({}, "profiles: 1,200 rebuilt", 0),
        ({"segments": []}, "segments: none", 0),
        ({"replaced": ["keen"]}, "which needs a run of its own: keen", 0),
        ({"incomplete": 7}, "left: 7 whose events the lake does not hold whole (yet)", 1),
        ({"unknown": ["gone"]}, "left: there is no segment gone", 1),
    ],
)
def test_what_is_left_over_is_said_and_is_no_success(
    attune: Attune, api: Api, over: dict[str, Any], word: str, code: int
) -> None:
    ran = waited(attune, api, "segments", "backfill", "--wait", output={"segments": DONE | over})
    assert ran.code == code
    assert ran.out.splitlines()[0] == running(api)
    assert word in ran.out


def test_a_backfill_that_broke_off_is_a_failure(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "segments", "backfill", "--wait", error="QueryFailedError")
    assert (ran.code, "failed: QueryFailedError" in ran.err) == (1, True)


def test_a_segment_that_is_not_there_is_not_backfilled(attune: Attune, api: Api) -> None:
    ran = attune("segments", "backfill", "gone")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "attune: unknown_definition: there is no segment `gone`\n"


def test_versions_are_listed_with_when_they_were_applied_and_began_to_serve(
    attune: Attune, api: Api, file: Path
) -> None:
    for text in (KEEN, KEENER, KEEN):
        file.write_text(text)
        attune("apply", "--no-backfill", file)
    api.deployment.call("DELETE", "/v1/definitions/segment/keen", key=ADMIN)
    rows = [line.split() for line in attune("segments", "versions", "keen").out.splitlines()]
    assert rows[0] == ["version", "applied", "serves", "since"]
    assert [(row[0], row[2]) for row in rows[1:]][:1] == [("4", "deleted")]
    assert [row[0] for row in rows[1:]] == ["4", "3", "2", "1"]
    assert rows[3][2] == "-"
    assert rows[4][1] == rows[4][2]
    assert attune("segments", "versions", "other").code == 1
