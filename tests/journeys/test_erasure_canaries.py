"""Texts in everything that a person can say of themselves: found in many stores, and after an erasure in none."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.demo.receiver import Receiver
from local.state import client_settings
from tests.journeys.canaries import NAMES, UNHEARD, Canaries, Person, attune, eventually, looked_for
from tests.journeys.canary_senders import Gone, Senders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.state import Stack

pytestmark = pytest.mark.cloud


def told_elsewhere(stack: Stack) -> Iterator[str]:
    """What the command does not ask: lines of every log group there is, and what runs were given and answered."""
    make: Any = boto3.client
    logs, machines = (make(one, **client_settings(stack.aws_endpoint_url)) for one in ("logs", "stepfunctions"))
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])
    for name, machine in stack.outputs.items():
        if name.endswith("MachineArn"):
            for run in machines.list_executions(stateMachineArn=machine)["executions"]:
                described = machines.describe_execution(executionArn=run["executionArn"])
                yield f"{described['name']} {described.get('input')} {described.get('output')}"


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def person(stack: Stack, canaries: Canaries) -> Iterator[Person]:
    with closing(Person(stack, canaries)) as somebody:
        yield somebody


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as endpoint:
        yield endpoint


@pytest.fixture
def gone() -> Iterator[Gone]:
    with closing(Gone()) as endpoint:
        yield endpoint


def test_nothing_of_fifty_texts_is_left_anywhere_after_an_erasure(
    stack: Stack, person: Person, canaries: Canaries, receiver: Receiver, gone: Gone
) -> None:
    senders = Senders(person)
    senders.connect()
    person.be_nobody_yet()
    person.introduce()
    eventually(person.profile)
    senders.tell()
    person.shop_around()
    person.be_refused()
    senders.drop_files()
    person.be_on_a_list()
    person.hear_of_the_shop(receiver, gone.url)
    senders.be_given_up()
    attune(stack, "privacy", "access", *canaries.people, "--reference", canaries.reference, "--wait")
    senders.ask_by_the_shop()

    before = looked_for(stack, canaries, fails=True)
    for _ in range(6):  # the last words may still be on their way
        if before["texts"]["found"] == len(NAMES):
            break
        time.sleep(10)
        before = looked_for(stack, canaries, fails=True)
    held = {name for name, one in before["stores"].items() if one["found"]}
    assert held >= {
        *("profiles", "deliveries", "lake", "quarantine", "imports", "failures", "audit", "privacy_requests"),
    }, before
    assert before["texts"] == {"wanted": len(NAMES) + len(UNHEARD), "found": len(NAMES)}, before
    # a message that an endpoint did not take lies with the dead letters: its ids do, and nothing that anybody said
    assert gone.asked >= 1
    assert before["stores"]["dead_letters"]["scanned"] >= 1, before
    assert before["stores"]["dead_letters"]["found"] == 0, before

    attune(stack, "privacy", "erase", canaries.people[0], "--reference", canaries.reference, "--wait")
    assert person.profile() is None
    after = looked_for(stack, canaries, fails=False)
    assert {name: one["where"] for name, one in after["stores"].items() if one["found"]} == {}
    assert after["stores"].keys() == before["stores"].keys()

    said = list(told_elsewhere(stack))
    assert len(said) > 100
    assert [text for text in canaries.all if any(text.lower() in line.lower() for line in said)] == []

    person.come_late()
    attune(stack, "quarantine", "replay", "--since", "1d", "--reason", "invalid_type", fails=None)  # other people's too
    time.sleep(10)
    assert person.profile() is None
    again = looked_for(stack, canaries, fails=False)
    assert (again["found"], again["unread"]) == (0, 0), again
