"""What the admin may ask a repair for, and what is told of it afterwards."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryRuns
from attune.domain.errors import AttuneError
from attune.use_cases.repairs.manage_repairs import DAY, LONGEST, MAX_PROFILES, MAX_SEGMENTS, ManageRepairs
from attune.use_cases.repairs.repair_effects import Effects
from attune.use_cases.repairs.replay_batches import Left, Replay, Tally
from tests.builders import HOUR, MINUTE, NOW, Pseudonyms, key_of

ADMIN = "admin key of the tests"
RUN = "20250615T150640Z"


class Desk:
    """`ManageRepairs` on memory adapters, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.runs = MemoryRuns(lambda: self.now)
        self.manage = ManageRepairs(
            runs=self.runs, pseudonyms=Pseudonyms(), admin_key=lambda: ADMIN, clock=lambda: self.now
        )
        #: identity keys that access records name
        self.recorded: list[str] = []

    def start(self, **body: Any) -> dict[str, Any]:
        return self.manage.start(json.dumps(body).encode(), self.recorded.extend)

    def given(self) -> dict[str, Any]:
        run = self.runs.describe(RUN)
        assert run is not None
        return run.given

    def result(self, **output: Any) -> Any:
        self.runs.end(RUN, "succeeded", msgspec.to_builtins(output))
        return self.manage.one_run(RUN)["result"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[int, str]:
    with pytest.raises(AttuneError) as error:
        call(*arguments, **named)
    return error.value.status, error.value.code


def test_only_the_admin_key_opens(desk: Desk) -> None:
    assert refused(desk.manage.authorise, "wrong") == (401, "unknown_admin_key")
    desk.manage.authorise(ADMIN)


def test_without_a_word_everything_of_the_last_day_is_repaired(desk: Desk) -> None:
    assert desk.manage.start(b"", desk.recorded.extend) == {"run": RUN}
    assert desk.given() == {"what": "all", "since": DAY, "dry_run": False, "profiles": [], "segments": []}


def test_what_was_asked_for_is_given_to_the_machine(desk: Desk) -> None:
    desk.start(what="effects", since="90m", dry_run=True)
    assert desk.given() == {"what": "effects", "since": 90 * MINUTE, "dry_run": True, "profiles": [], "segments": []}
    assert desk.manage.one_run(RUN) == {
        "run": RUN,
        "state": "running",
        "started_at": "2025-06-15T15:06:40.000Z",
        "ended_at": None,
        "what": "effects",
        "dry_run": True,
        "since": "2025-06-15T13:36:40.000Z",
        "result": None,
    }


@pytest.mark.parametrize("since", ["", "0h", "31d", "721h", "24", "1 day", "-1h", "1.5h", "99999999999d", "²h"])
def test_a_length_of_time_that_is_none_or_too_long_is_refused(desk: Desk, since: str) -> None:
    assert refused(desk.start, since=since) == (400, "invalid_since")
    assert desk.runs.latest(1) == []


@pytest.mark.parametrize("since", ["30d", "720h", "1ms"])
def test_up_to_thirty_days_may_be_looked_back(desk: Desk, since: str) -> None:
    desk.start(since=since)
    assert 0 < desk.given()["since"] <= LONGEST


@pytest.mark.parametrize(
    "body",
    [
        {"what": "everything"},
        {"what": 1},
        {"since": 24},
        {"dry_run": "yes"},
        {"dryrun": True},
        {"profiles": ["user_id:u1"]},
        {"segments": ["keen"]},
        {"what": "profiles", "segments": ["keen"]},
        {"what": "segments", "profiles": ["user_id:u1"]},
        {"what": "segments", "since": "24h"},
        {"what": "segments", "dry_run": True},
        {"what": "segments", "segments": ["Keen ones"]},
        {"what": "segments", "segments": [f"s{n}" for n in range(MAX_SEGMENTS + 1)]},
        {"what": "profiles", "since": "24h"},
        {"what": "profiles", "dry_run": True},
        {"what": "profiles", "profiles": [f"user_id:u{n}" for n in range(MAX_PROFILES + 1)]},
    ],
)
def test_a_body_that_does_not_fit_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert refused(desk.start, **body) == (400, "invalid_body")


def test_profiles_are_handed_over_as_pseudonyms(desk: Desk) -> None:
    """A run's input lies in its history for 90 days, longer than an erasure allows an address to."""
    desk.start(what="profiles", profiles=["email:Ada@Example.com", "email:ada@example.com", "user_id:u1"])
    assert desk.given()["profiles"] == sorted({key_of("email", "ada@example.com"), key_of("user_id", "u1")})
    assert "ada" not in json.dumps(desk.given()).lower()
    assert sorted(desk.recorded) == desk.given()["profiles"]


def test_a_rebuild_that_names_nobody_is_of_everybody(desk: Desk) -> None:
    desk.start(what="profiles")
    assert (desk.given()["what"], desk.given()["profiles"], desk.recorded) == ("profiles", [], [])


def test_segments_are_handed_over_and_none_stands_for_all_that_await_it(desk: Desk) -> None:
    desk.start(what="segments", segments=["keen", "abandoned_cart", "keen"])
    assert (desk.given()["what"], desk.given()["segments"]) == ("segments", ["abandoned_cart", "keen"])
    desk.runs.end(RUN, "aborted")
    desk.now += HOUR
    run = desk.start(what="segments")["run"]
    found = desk.runs.describe(run)
    assert found is not None
    assert found.given["segments"] == []
    told = {"done": True, "wait": False, "position": {}, "segments": ["keen"], "rebuilt": 2, "settled": 3}
    desk.runs.end(run, "succeeded", {"segments": told})
    assert desk.manage.one_run(run)["result"] == {
        "segments": {
            "segments": ["keen"],
            "rebuilt": 2,
            "unchanged": 0,
            "incomplete": 0,
            "settled": 3,
            "unknown": [],
            "replaced": [],
        }
    }


@pytest.mark.parametrize("address", ["ada", "email:", "anonymous_id:null"])
def test_an_address_of_nobody_is_refused(desk: Desk, address: str) -> None:
    assert refused(desk.start, what="profiles", profiles=[address]) == (400, "invalid_identifier")


def test_there_is_one_repair_at_a_time(desk: Desk) -> None:
    desk.start()
    desk.now += HOUR
    assert refused(desk.start, what="effects") == (409, "repair_in_progress")
    desk.runs.end(RUN, "aborted")
    assert desk.start(what="effects")["run"] != RUN


def test_who_asks_for_something_else_in_the_same_second_is_told_to_wait(desk: Desk) -> None:
    class Lagging(MemoryRuns):
        def running(self) -> str | None:
            return None

    desk.runs = Lagging(lambda: NOW)
    desk.manage = ManageRepairs(
        runs=desk.runs, pseudonyms=Pseudonyms(), admin_key=lambda: ADMIN, clock=lambda: desk.now
    )
    assert desk.start() == desk.start()
    assert refused(desk.start, what="effects") == (409, "repair_in_progress")
    assert len(desk.runs.latest(10)) == 1


REPLAYED = Replay(
    done=True,
    position=(NOW, "aws/lambda/x"),
    oldest=NOW - HOUR,
    process_events=Tally(2, 700),
    run_campaigns=Tally(1, 12),
    left=1,
    named=[Left("aws/lambda/y", "no_payload")],
)
REPAIRED = Effects(done=True, profiles=10, entries=4, claimed=2, not_sent=1, enqueued=1)
TOLD_OF_BATCHES = {
    "oldest": "2025-06-15T14:06:40.000Z",
    "process_events": {"batches": 2, "records": 700},
    "run_campaigns": {"batches": 1, "records": 12},
    "left": 1,
    "named": [{"object": "aws/lambda/y", "code": "no_payload"}],
}
TOLD_OF_EFFECTS = {"profiles": 10, "entries": 4, "claimed": 2, "not_sent": 1, "enqueued": 1}


def test_what_was_done_is_told_of_what_was_asked_for(desk: Desk) -> None:
    desk.start()
    assert desk.result(batches=REPLAYED, effects=REPAIRED, asked={}, run=RUN) == {
        "batches": TOLD_OF_BATCHES,
        "effects": TOLD_OF_EFFECTS,
    }


def test_of_batches_alone_nothing_is_told_of_effects(desk: Desk) -> None:
    desk.start(what="batches")
    assert desk.result(batches=REPLAYED, effects={}) == {"batches": TOLD_OF_BATCHES}


def test_of_effects_alone_nothing_is_told_of_batches(desk: Desk) -> None:
    desk.start(what="effects")
    assert desk.result(batches={}, effects=REPAIRED) == {"effects": TOLD_OF_EFFECTS}


def test_a_rebuild_tells_how_many(desk: Desk) -> None:
    desk.start(what="profiles")
    last = {"done": True, "position": {"x": 1}, "rebuilt": 3, "unchanged": 2, "incomplete": 1, "unknown": 1}
    assert desk.result(profiles=last, batches={}) == {
        "profiles": {"rebuilt": 3, "unchanged": 2, "incomplete": 1, "unknown": 1}
    }


def test_an_output_that_says_nothing_is_no_fault(desk: Desk) -> None:
    desk.start()
    assert desk.result(batches=3)["batches"]["left"] == 0


def test_a_run_that_did_not_succeed_names_the_error(desk: Desk) -> None:
    desk.start()
    desk.runs.end(RUN, "failed", error="StreamUnavailableError")
    assert desk.manage.one_run(RUN)["result"] == {"error": "StreamUnavailableError"}


def test_a_run_that_was_started_past_the_api_is_shown_too(desk: Desk) -> None:
    desk.runs.start(RUN, {"what": "everything", "since": "soon"})
    assert desk.manage.one_run(RUN)["state"] == "running"


def test_a_run_nobody_started_is_unknown(desk: Desk) -> None:
    assert refused(desk.manage.one_run, "other") == (404, "unknown_run")


def test_the_newest_runs_are_listed(desk: Desk) -> None:
    assert desk.manage.show() == {"runs": []}
    desk.start()
    [shown] = desk.manage.show()["runs"]
    assert (shown["run"], shown["state"]) == (RUN, "running")
