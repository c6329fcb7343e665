"""`attune segments why`, `preview` and `overlap`: what is asked of the API, and every word about what it says."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Api, Attune, Ran
from tests.functions.management import ADMIN
from tests.functions.test_segments_asked import server_key, store_a_viewer

DRAFT = """\
kind: segment
id: draft
when:
  type: all
  conditions:
    - {type: trait, trait: tier, value: gold}
    - {type: trait, trait: tier, value: silver}
"""
RESULT: dict[str, Any] = {
    "segment": "draft",
    "at": "2026-03-08T00:00:00.000Z",
    "share": 1,
    "profiles": {"looked_at": 2_000, "incomplete": 0, "all": 2_000},
    "size": {"size": 40, "low": 40, "high": 40},
    "sample": ["5f0c", "9a11"],
    "weeks": [
        {"ends_at": "2026-03-01T00:00:00.000Z", "size": 35, "low": 35, "high": 35, "entered": 12, "left": 2},
        {"ends_at": "2026-03-08T00:00:00.000Z", "size": 40, "low": 40, "high": 40, "entered": 9, "left": 4},
    ],
    "overlap": [{"segment": "keen", "size": 50, "both": 30, "jaccard": 0.5}],
    "warnings": [{"code": "never_holds", "message": "$.when: can never hold"}],
}
OVERLAP = {
    "at": "2026-03-08T00:00:00.000Z",
    "profiles": 200,
    "segments": [{"segment": "keen", "size": 50}, {"segment": "vip", "size": 10}],
    "overlap": [{"segments": ["keen", "vip"], "both": 10, "jaccard": 0.2}],
    "warnings": [{"code": "near_duplicate", "message": "`keen` and `vip` hold nearly the same people"}],
}


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    file = tmp_path / "draft.yaml"
    file.write_text(DRAFT)
    return file


def running(api: Api) -> str:
    """The run that the command has started, once it has."""
    moment = threading.Event()
    while True:
        listed = api.deployment.call("GET", "/v1/previews", key=ADMIN).body["runs"]
        if listed:
            return str(listed[0]["run"])
        moment.wait(0.01)


def waited(attune: Attune, api: Api, *arguments: str | Path, result: Any = None, error: str = "") -> Ran:
    """The command, while beside it the run comes to its end."""

    def end() -> None:
        machine, run = api.deployment.previews, running(api)
        machine.fail(run, error) if error else machine.succeed(run, {"preview": {"done": True, "result": result}})

    ending = threading.Thread(target=end)
    ending.start()
    try:
        return attune(*arguments)
    finally:
        ending.join()


def test_a_preview_says_how_many_and_how_it_went(attune: Attune, api: Api, draft: Path) -> None:
    ran = waited(attune, api, "segments", "preview", draft, "--weeks", "2", result=RESULT)
    assert ran.code == 0
    size, heading, first, second, others, keen, sample = (line.split() for line in ran.out.splitlines())
    assert " ".join(size) == "draft: 40 profiles would be in it now, 2.0% of 2,000"
    assert heading == ["week", "to", "in", "it", "came", "went"]
    assert (first[1:], second[1:]) == (["35", "12", "2"], ["40", "9", "4"])
    assert (others[0], keen) == ("segment", ["keen", "50", "30", "50.0%"])
    assert sample == ["some", "of", "them:", "5f0c", "9a11"]
    assert "warning: $.when: can never hold" in ran.err


def test_an_estimate_says_that_it_is_one(attune: Attune, api: Api, draft: Path) -> None:
    estimate = RESULT | {"share": 16, "size": {"size": 640, "low": 470, "high": 872}}
    estimate |= {"profiles": {"looked_at": 2_000, "incomplete": 3, "all": 32_000}}
    ran = waited(attune, api, "segments", "preview", draft, "--sample", "1/16", result=estimate)
    lines = ran.out.splitlines()
    assert lines[:3] == [
        "draft: about 640 profiles would be in it now, 2.0% of 32,000",
        "estimated from 1 in 16: between 470 and 872, in 95 of 100 times",
        "of 3 profiles the lake does not hold all events (yet)",
    ]


def test_the_answer_as_it_is(attune: Attune, api: Api, draft: Path) -> None:
    ran = waited(attune, api, "segments", "preview", draft, "--json", result=RESULT)
    assert json.loads(ran.out) == RESULT


def test_a_run_that_broke_off_is_a_failure(attune: Attune, api: Api, draft: Path) -> None:
    ran = waited(attune, api, "segments", "preview", draft, error="QueryFailedError")
    assert ran.code == 1
    assert "QueryFailedError; start it again" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sample", "16"), "a share is written 1/16"),
        (("--sample", "1/3"), "invalid_body: $.share"),
        (("--segment", "other"), "name one segment with --segment; it holds draft"),
    ],
)
def test_what_cannot_be_asked_is_said(attune: Attune, draft: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = attune("segments", "preview", draft, *arguments)
    assert ran.code == 1
    assert said in ran.err


def test_what_the_deployment_refuses_is_shown_where_it_stands(attune: Attune, tmp_path: Path) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text("kind: segment\nid: draft\nwhen:\n  type: segment\n  segment: none\n")
    ran = attune("segments", "preview", file)
    assert ran.code == 1
    assert f"{file}:5: $.when.segment: there is no segment `none`" in ran.err


def test_segments_that_are_there_are_compared(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "segments", "overlap", result=OVERLAP)
    assert [line.split() for line in ran.out.splitlines()] == [
        ["segment", "profiles", "of", "all"],
        ["keen", "50", "25.0%"],
        ["vip", "10", "5.0%"],
        ["both", "profiles", "alike"],
        ["keen", "and", "vip", "10", "20.0%"],
    ]
    assert "warning: `keen` and `vip` hold nearly the same people" in ran.err


def test_applying_doubts_what_can_never_hold_and_does_it_all_the_same(attune: Attune, draft: Path) -> None:
    ran = attune("apply", draft, "--no-backfill")
    assert (ran.code, ran.out) == (0, "created   segment draft\n")
    assert f"warning: {draft}:3: $.when: can never hold" in ran.err


# ------------------------------------------------------------------------------------------------------------ why


@pytest.fixture
def ada(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server's key, and somebody who is keen."""
    monkeypatch.setenv("ATTUNE_SERVER_KEY", server_key(api.deployment))
    store_a_viewer(api.deployment)
    return "user_id:ada"


def test_the_reasons_are_a_tree(attune: Attune, ada: str) -> None:
    ran = attune("segments", "why", "keen", ada)
    assert (ran.code, ran.err) == (0, "")
    first, standing, condition, value, *events = ran.out.splitlines()
    assert first.startswith("keen: in at ")
    assert standing.startswith("in, since 2025-06-15T15:05:40.000Z")
    assert "yes performed Product Viewed (at_least 2), since 2025-06-15T15:05:40.000Z" in condition
    assert value.endswith("value: 2")
    assert [line.split()[-1] for line in events] == ["2025-06-15T15:04:40.000Z", "2025-06-15T15:05:40.000Z"]
    shown = json.loads(attune("segments", "why", "keen", ada, "--json").out)
    assert shown["standings"][0]["condition"]["rests_on"]["value"] == 2


def test_of_who_withdrew_only_that_is_said(attune: Attune, ada: str, api: Api) -> None:
    key, withdrawn = server_key(api.deployment), {"consent": {"personalization": False}}
    assert api.deployment.call("PUT", "/v1/profiles/user_id%3Aada/consent", withdrawn, key=key).status == 202
    ran = attune("segments", "why", "keen", ada)
    first, second = ran.out.splitlines()
    assert first.startswith("keen: not in at ")
    assert second == "closed for personalization (held): nobody is in any segment without it"


def test_what_is_refused_is_said(attune: Attune, ada: str) -> None:
    assert "unknown_segment" in attune("segments", "why", "none", ada).err
    assert "invalid_time" in attune("segments", "why", "keen", ada, "--at", "2999-01-01").err
