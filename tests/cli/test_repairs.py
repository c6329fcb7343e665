"""Repairs and rebuilds from the command line: what is asked of the API, and every word about what came of it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from attune.sources import failed_batches
from attune.use_cases.repairs import replay_batches
from cli.repairs import LEFT
from tests.cli.conftest import Api, Attune, Ran
from tests.functions.management import ADMIN

BATCHES = {
    "done": True,
    "oldest": 1_750_000_000_000,
    "process_events": {"batches": 2, "records": 1_200},
    "run_campaigns": {"batches": 1, "records": 12},
    "left": 0,
    "named": [],
}
NO_BATCHES = {"done": True}
EFFECTS = {"done": True, "profiles": 12_345, "entries": 40, "claimed": 3, "not_sent": 2, "enqueued": 1}
LEFT_OVER = BATCHES | {"left": 3, "named": [{"object": "aws/lambda/x", "code": "no_payload"}]}


def running(api: Api) -> str:
    """The run that the command has started, once it has."""
    moment = threading.Event()
    while True:
        listed = api.deployment.call("GET", "/v1/repairs", key=ADMIN).body["runs"]
        if listed:
            return str(listed[0]["run"])
        moment.wait(0.01)


def waited(attune: Attune, api: Api, *arguments: str, output: Any = None, error: str = "") -> Ran:
    """The command, while beside it the run comes to its end."""

    def end() -> None:
        machine, run = api.deployment.repairs, running(api)
        machine.fail(run, error) if error else machine.succeed(run, output)

    ending = threading.Thread(target=end)
    ending.start()
    try:
        return attune(*arguments)
    finally:
        ending.join()


def asked(api: Api) -> dict[str, Any]:
    shown: dict[str, Any] = api.deployment.call("GET", f"/v1/repairs/{running(api)}", key=ADMIN).body
    return {name: shown[name] for name in ("what", "dry_run")}


def test_a_repair_is_started_and_its_run_is_the_only_thing_on_standard_output(attune: Attune, api: Api) -> None:
    ran = attune("repair")
    assert (ran.code, ran.out, ran.err) == (0, f"{running(api)}\n", "")
    assert asked(api) == {"what": "all", "dry_run": False}
    again = attune("repair", "--wait")
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith(f"attune: repair_in_progress: run {running(api)} is under way")


def test_who_waits_is_told_what_was_done(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--wait", output={"batches": BATCHES, "effects": EFFECTS})
    assert (ran.code, ran.err) == (0, "")
    run, stream, campaigns, oldest, effects = ran.out.splitlines()
    assert run == running(api)
    assert stream == "failed batches of process_events: 2 (1,200 records) put back onto the stream"
    assert campaigns == "failed batches of run_campaigns: 1 (12 records) run again"
    assert oldest == "the oldest is of 2025-06-15T15:06:40.000Z"
    assert re.fullmatch(
        r"lost effects: 40 entries since \d{4}-.{18}Z of 12,345 profiles looked at; 3 messages were made, "
        r"2 decided against, 1 put on the queue again",
        effects,
    )


def test_where_nothing_waited_it_says_so(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--only", "batches", "--wait", output={"batches": NO_BATCHES})
    assert (ran.code, ran.out.splitlines()[1:]) == (0, ["failed batches: none"])
    assert asked(api)["what"] == "batches"


def test_what_is_left_over_is_named_and_is_a_failure(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--wait", output={"batches": LEFT_OVER, "effects": EFFECTS})
    assert ran.code == 1
    assert "left: aws/lambda/x: no_payload, it holds no records, only where they were" in ran.out.splitlines()
    assert "left: 2 more" in ran.out.splitlines()


def test_a_dry_run_waits_and_says_what_would_be_done(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--dry-run", output={"batches": BATCHES, "effects": EFFECTS})
    assert (ran.code, asked(api)) == (0, {"what": "all", "dry_run": True})
    assert "failed batches of process_events: 2 (1,200 records) would go back onto the stream" in ran.out
    assert "failed batches of run_campaigns: 1 (12 records) would be run again" in ran.out
    assert "3 messages would be made" in ran.out
    assert ran.out.splitlines()[-1] == "nothing was changed: this was a dry run"


def test_only_effects_of_a_given_time_are_looked_for(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--only", "effects", "--since", "7d", "--wait", output={"effects": EFFECTS})
    assert (ran.code, len(ran.out.splitlines())) == (0, 2)
    assert asked(api)["what"] == "effects"


def test_a_time_too_long_is_refused_in_words(attune: Attune, api: Api) -> None:
    ran = attune("repair", "--since", "31d")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("attune: invalid_since: since must be")
    assert "30d" in ran.err


def test_a_run_that_breaks_off_is_a_failure_with_its_reason(attune: Attune, api: Api) -> None:
    ran = waited(attune, api, "repair", "--wait", error="StreamUnavailableError")
    run = running(api)
    assert (ran.code, ran.out) == (1, f"{run}\n")
    assert ran.err == f"attune: run {run} failed: StreamUnavailableError; what it had done stays done, start it again\n"


def test_profiles_are_rebuilt_by_name(attune: Attune, api: Api) -> None:
    answer = {"done": True, "rebuilt": 1, "unchanged": 1, "incomplete": 0, "unknown": 0}
    who = ("email:ada@example.com", "url:https://example.com/ada?x=1")
    ran = waited(attune, api, "rebuild", *who, "--wait", output={"profiles": answer})
    assert (ran.code, ran.out.splitlines()[1:]) == (0, ["profiles: 1 rebuilt, 1 unchanged"])
    assert asked(api)["what"] == "profiles"


def test_profiles_that_were_not_rebuilt_are_told_and_are_a_failure(attune: Attune, api: Api) -> None:
    answer = {"done": True, "rebuilt": 1, "unchanged": 0, "incomplete": 2, "unknown": 3}
    ran = waited(attune, api, "rebuild", "--everybody", "--wait", output={"profiles": answer})
    assert ran.code == 1
    assert ran.out.splitlines()[2:] == [
        "left: 2 whose events the lake does not hold whole (yet)",
        "left: 3 that nobody has",
    ]


@pytest.mark.parametrize("arguments", [(), ("email:a@example.com", "--everybody")])
def test_a_rebuild_is_of_somebody_or_of_everybody(attune: Attune, api: Api, arguments: tuple[str, ...]) -> None:
    ran = attune("rebuild", *arguments)
    assert (ran.code, ran.err) == (1, "attune: name the profiles to rebuild, or ask for --everybody\n")
    assert api.requests == []


def test_a_name_that_is_no_address_is_refused_here(attune: Attune, api: Api) -> None:
    ran = attune("rebuild", "ada")
    assert (ran.code, ran.err) == (1, "attune: ada: a profile is addressed as namespace:value\n")
    assert api.requests == []


def test_a_wrong_key_is_said_in_words(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", "wrong")
    for command in (("repair",), ("rebuild", "--everybody")):
        ran = attune(*command)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == "attune: unknown_admin_key: send the admin key as Authorization: Bearer\n"


def test_every_reason_to_leave_a_batch_has_words() -> None:
    source = "".join(Path(str(module.__file__)).read_text() for module in (failed_batches, replay_batches))
    codes = re.findall(r'(?:UnreadableBatchError\(|_leave\(replay, one, )"(\w+)"', source)
    assert set(LEFT) == set(codes)
