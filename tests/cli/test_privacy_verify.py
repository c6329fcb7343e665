"""Looking for what is left of somebody, from the command line: what is found is told, and fails the command."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.cli.conftest import Api, Attune, Ran

CLEAN = {"profiles": {"scanned": 1_200}, "lake": {"scanned": 9}}
FOUND = {"profiles": {"scanned": 1_200}, "lake": {"scanned": 9, "found": 2, "where": ["events/1", "events/2"]}}
TORN = {"imports": {"scanned": 1, "unread": 1}}


def verified(
    attune: Attune, api: Api, *arguments: str, stores: Any = None, error: str = "", found: int = 0, stdin: str = ""
) -> Ran:
    """The command, whose run ends while it waits."""
    machine, moment = api.deployment.verifications, threading.Event()
    client = api.deployment.cloud.client("stepfunctions")

    def end() -> None:
        while not (runs := client.list_executions(stateMachineArn=machine.arn)["executions"]):
            moment.wait(0.01)
        texts = {"wanted": 2, "found": found}
        output = {"verified": {"done": True, "stores": stores, "texts": texts}}
        machine.fail(runs[0]["name"], error) if error else machine.succeed(runs[0]["name"], output)

    ending = threading.Thread(target=end)
    ending.start()
    ran = attune("privacy", "verify", *arguments, stdin=stdin)
    ending.join()
    return ran


def wanted(api: Api) -> list[str]:
    objects = api.deployment.cloud.objects(api.deployment.audit)
    [data] = [data for key, data in objects.items() if key.endswith("wanted.json")]
    texts: list[str] = json.loads(data)["texts"]
    return texts


def test_where_nothing_is_left_it_ends_well_and_names_the_exceptions(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--subject", "email:ann@example.com", "--string", "High Street", stores=CLEAN)
    assert ran.code == 0, ran.err
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines == ["store looked at found not read where", "profiles 1,200 0 0", "lake 9 0 0"]
    assert "0 of 2 texts found" in ran.err
    assert "records on the stream, which last until 2" in ran.err
    assert wanted(api) == ["ann@example.com", "High Street"]


def test_where_something_is_left_it_says_where_and_fails(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--string", "High Street", stores=FOUND, found=1)
    assert ran.code == 1
    assert "events/1" in ran.out
    assert "events/2" in ran.out
    assert "2 things hold what was looked for" in ran.err


def test_what_could_not_be_read_fails_too(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--string", "High Street", stores=TORN)
    assert (ran.code, "1 could not be read" in ran.err) == (1, True)


def test_a_run_that_failed_is_no_proof(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--string", "High Street", error="NothingWantedError")
    assert (ran.code, "has failed: NothingWantedError" in ran.err) == (1, True)


def test_texts_may_come_from_standard_input(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--string", "-", "--string", "more", stores=CLEAN, stdin="High Street\n\n+49 170 1\n")
    assert ran.code == 0, ran.err
    assert wanted(api) == ["High Street", "+49 170 1", "more"]


def test_the_answer_is_there_for_programs(attune: Attune, api: Api) -> None:
    ran = verified(attune, api, "--string", "High Street", "--json", stores=FOUND, found=1)
    assert ran.code == 1
    assert json.loads(ran.out)["result"]["stores"]["lake"]["where"] == ["events/1", "events/2"]


@pytest.mark.parametrize("arguments", [(), ("--subject", "ann"), ("--string", "abc")])
def test_what_cannot_be_looked_for_is_refused(attune: Attune, arguments: tuple[str, ...]) -> None:
    assert attune("privacy", "verify", *arguments).code == 1
