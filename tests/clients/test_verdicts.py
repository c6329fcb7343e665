"""The judge of the clients notices what it is there to notice; no stack is needed to see that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.calls import calls_of
from tests.clients.fault_door import Asked, Door, Fault
from tests.clients.judge import Stored
from tests.clients.roster import CLIENTS, FOREIGN
from tests.clients.session import Scenario
from tests.clients.verdicts import problems_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stored_of(call: dict[str, Any], message_id: str) -> Stored:
    """What the lake holds of a call, by the table of docs/collect.md."""
    kind, properties = call["type"], dict(call.get("properties", {}))
    properties |= {name: call[name] for name in ("name", "category", "groupId") if name in call}
    if kind == "group":
        properties["traits"] = call["traits"]
    at = datetime.fromisoformat(call["timestamp"]) if "timestamp" in call else NOW
    event = {
        "type": kind,
        "name": call.get("event", ""),
        "properties": properties,
        "traits": call["traits"] if kind == "identify" else {},
        "context": {**call["context"], "integrations": call["integrations"]},
        "identifiers": [
            ["user_id", call["userId"]],
            ["anonymous_id", call["previousId"] if kind == "alias" else call["anonymousId"]],
        ],
        "time": int(at.timestamp() * 1_000),
    }
    return Stored(message_id, "applied", "p1", event)


@pytest.fixture
def well() -> Iterator[Scenario]:
    """A scenario that ended as it should: a request of all calls, whose first sending was dropped."""
    door = Door("http://127.0.0.1:9")
    calls = calls_of("s", CLIENTS[0].calls, NOW)
    sent = tuple({**call, "messageId": f"m{number}"} for number, call in enumerate(calls))
    door.asked += [Asked("/v1/batch", {}, sent, Fault.DROPPED, 0), Asked("/v1/batch", {}, sent, Fault.NONE, 200)]
    yield Scenario(
        CLIENTS[0], "dropped", "s", door, "key", calls=calls,
        told={"errors": [], "kept": {call["context"]["mark"]: call["messageId"] for call in sent}},
        stored=[stored_of(call, call["messageId"]) for call in sent],
        profile={"events": len(calls), "traits": {"plan": "gold"}},
    )  # fmt: skip
    door.close()


def test_a_scenario_that_went_well_has_no_problems(well: Scenario) -> None:
    assert problems_of(well) == []


def test_a_repetition_that_was_told_as_one_is_none(well: Scenario) -> None:
    well.stored.append(replace(well.stored[0], verdict="duplicate"))
    assert problems_of(well) == []


def test_a_call_that_is_not_stored_is_noticed(well: Scenario) -> None:
    well.stored.pop(1)
    assert problems_of(well) == ["s-1 is stored 0 times"]


def test_a_call_that_is_stored_under_two_ids_is_noticed(well: Scenario) -> None:
    well.stored.append(replace(well.stored[1], message_id="another"))
    assert problems_of(well) == ["s-1 is stored 2 times"]


def test_a_call_that_the_profile_counts_twice_is_noticed(well: Scenario) -> None:
    well.profile = {"events": 9, "traits": {"plan": "gold"}}
    assert problems_of(well) == ["the profile counts 9 of 8"]


@pytest.mark.parametrize("verdict", ["conflict", "dropped", "quarantined"])
def test_a_wrong_verdict_is_noticed(well: Scenario, verdict: str) -> None:
    well.stored.append(replace(well.stored[0], verdict=verdict))
    assert problems_of(well) == [f"m0 is a {verdict}"]


def test_quarantine_is_noticed(well: Scenario) -> None:
    well.quarantined = {"s-1": "quarantine/invalid_time/1"}
    assert problems_of(well) == ["s-1 lies in quarantine: quarantine/invalid_time/1"]


@pytest.mark.parametrize("part", ["type", "name", "properties", "traits", "context", "identifiers"])
def test_a_field_that_did_not_arrive_is_noticed(well: Scenario, part: str) -> None:
    for row in well.stored:
        row.event[part] = type(row.event[part])()
    assert problems_of(well)


@pytest.mark.parametrize("name", ["text", "price", "large", "no", "list", "nested", "empty"])
def test_a_value_that_was_changed_on_the_way_is_noticed(well: Scenario, name: str) -> None:
    properties = well.stored[1].event["properties"]
    well.stored[1].event["properties"] = {**properties, name: None}
    assert len(problems_of(well)) == 2, "as told to the client, and as it was on the wire"


def test_a_field_that_the_client_added_and_nobody_kept_is_noticed(well: Scenario) -> None:
    well.door.asked[1].calls[1]["channel"] = "server"
    assert [problem.split(":")[0] for problem in problems_of(well)] == ["s-1"]


def test_a_time_that_is_the_sending_and_not_the_event_is_noticed(well: Scenario) -> None:
    well.stored[-1].event["time"] = int(NOW.timestamp() * 1_000)
    assert problems_of(well) == ["s-7: its time is 7200 s off"]


def test_an_id_that_the_sender_does_not_know_is_noticed(well: Scenario) -> None:
    assert well.told is not None
    well.told["kept"]["s-2"] = "other"
    assert problems_of(well) == ["s-2: message id m2, sent m2, kept other"]


def test_a_fault_that_nothing_met_is_noticed(well: Scenario) -> None:
    well.door._ahead.append(Fault.LATE)
    assert problems_of(well) == ["no request met: passed on late"]


def test_an_application_that_hears_of_a_loss_that_is_none_is_noticed(well: Scenario) -> None:
    well.told = {"errors": ["boom"], "kept": {}}
    assert problems_of(well) == ["it said: boom"]
    well.told = None
    assert problems_of(well) == ["its driver never answered"]


def test_what_was_refused_for_good_must_not_be_stored_and_the_application_must_hear_of_it(well: Scenario) -> None:
    well.behaviour = "400"
    assert problems_of(well) == [
        *(f"s-{number} was given up and is stored" for number in range(8)),
        "the profile counts 8 of 0",
        "the application heard []",
    ]
    well.stored, well.profile, well.told = [], None, {"errors": ["[400]"], "kept": {}}
    assert problems_of(well) == []


@pytest.mark.parametrize(
    ("behaviour", "problem"), [("gzip", "bodies were encoded as {''}"), ("batched", "no request held two calls")]
)
def test_a_client_that_does_not_do_what_its_option_says_is_noticed(
    well: Scenario, behaviour: str, problem: str
) -> None:
    one_by_one = [replace(well.door.asked[1], calls=(call,)) for call in well.door.asked[1].calls]
    well.door.asked[:], well.behaviour = one_by_one, behaviour
    assert problems_of(well) == [problem]


def test_a_foreign_page_that_gets_through_is_noticed(well: Scenario) -> None:
    well.behaviour = FOREIGN
    assert problems_of(well) == [
        "it was refused nothing",
        "/v1/batch was answered 0",
        "/v1/batch was answered 200",
        "something is stored",
    ]
    well.door.asked.clear()
    well.door.others.append("GET /v1/projects/k/settings 403")
    well.stored, well.profile = [], None
    assert problems_of(well) == []


def test_a_refusal_of_the_stack_itself_is_noticed(well: Scenario) -> None:
    well.door.asked.insert(0, replace(well.door.asked[0], status=401))
    assert problems_of(well) == ["the stack answered 401 to /v1/batch"]
