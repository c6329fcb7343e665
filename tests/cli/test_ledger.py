"""The ledger of arrivals from the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.ports.arrivals import DayOfArrivals, Ended
from tests.builders import DAY, NOW
from tests.cli.conftest import Api, Attune

SHOP_BEFORE = (
    Ended("shop", "applied", "", 1_000, NOW - DAY),
    Ended("shop", "rejected", "invalid_time", 2, NOW - DAY),
)
SHOP_TODAY = (
    Ended("shop", "applied", "", 234, NOW - 5_000),
    Ended("shop", "duplicate", "", 30, NOW),
    Ended("shop", "conflict", "", 1, NOW - 7_000),
    Ended("shop", "dropped", "consent", 17, NOW - 6_000),
    Ended("shop", "quarantined", "unverified_claim", 3, NOW - 5_000),
    Ended("shop", "rejected", "invalid_time", 1, NOW - 5_000),
    Ended("shop", "rejected", "no_identifier", 4, NOW - 5_000),
)
STORE = Ended("store", "applied", "", 7, NOW)


@pytest.fixture
def counted(attune: Attune, api: Api) -> Attune:
    """Two sources, two days."""
    history = DynamoArrivals(api.deployment.cloud.client("dynamodb"), api.deployment.tables["definitions"])
    history.keep(DayOfArrivals(day="2025-06-14", counted_at=NOW - 1, ended=SHOP_BEFORE))
    history.keep(DayOfArrivals(day="2025-06-15", counted_at=NOW, ended=(*SHOP_TODAY, STORE)))
    return attune


SHOWN = """\
shop                    events
received                 1,292
  rejected                   7
    invalid_time             3
    no_identifier            4
  accepted               1,285
    applied              1,234
    duplicate               30
    conflict                 1
    erased                   0
    dropped                 17
      consent               17
    quarantined              3
      unverified_claim       3
told up to 2025-06-15T15:06:40.000Z
"""


def test_a_table_a_source_says_what_became_of_what_was_received(counted: Attune) -> None:
    ran = counted("ledger")
    assert ran.code == 0
    shop, store = ran.out.strip().split("\n\n")
    assert [line.rstrip() for line in shop.splitlines()] == SHOWN.splitlines()
    assert store.split()[:4] == ["store", "events", "received", "7"]
    assert "counted at 2025-06-15T15:06:40.000Z" in ran.err
    assert "in flight" in ran.err


def test_the_manual_shows_commands_that_run_and_what_they_print(counted: Attune) -> None:
    manual = (Path(__file__).parents[2] / "docs/collect.md").read_text().partition("## The ledger")[2]
    assert SHOWN in manual
    commands = [shlex.split(line, comments=True) for line in manual.split("```")[1].strip().splitlines()]
    assert [name for name, *_ in commands] == ["attune", "attune"]
    assert [counted(*arguments).code for _, *arguments in commands] == [0, 0]


def test_what_is_received_is_accepted_or_rejected_and_what_is_accepted_ends(counted: Attune) -> None:
    for one in json.loads(counted("ledger", "--json").out)["sources"]:
        assert one["received"] == one["accepted"] + sum(one["rejected"].values())
        ends = one["applied"] + one["duplicate"] + one["conflict"]
        assert one["accepted"] == ends + sum(one["dropped"].values()) + sum(one["quarantined"].values())


def test_since_a_day_and_of_one_source(counted: Attune, api: Api) -> None:
    [shop] = json.loads(counted("ledger", "--since", "2025-06-15", "--source", "shop", "--json").out)["sources"]
    assert (shop["source"], shop["applied"], shop["rejected"]) == ("shop", 234, {"invalid_time": 1, "no_identifier": 4})
    assert api.requests[-1] == ("GET", "/v1/ledger?since=2025-06-15&source=shop")
    assert json.loads(counted("ledger", "--source", "nobody", "--json").out)["sources"] == []


@pytest.mark.parametrize("since", ["yesterday", "2025-6-1", "20250601", "2025-02-30", "2025-06-15T00:00"])
def test_what_is_no_day_is_refused(counted: Attune, since: str) -> None:
    ran = counted("ledger", "--since", since)
    assert ran.code == 1
    assert "invalid_day" in ran.err


def test_before_the_first_count_it_is_said_who_counts(attune: Attune) -> None:
    ran = attune("ledger")
    assert (ran.code, ran.out) == (0, "")
    assert "attune models train" in ran.err


def test_only_the_admin_sees_the_ledger(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", "wrong")
    ran = attune("ledger")
    assert ran.code == 1
    assert "unknown_admin_key" in ran.err
