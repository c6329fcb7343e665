"""Sizes of segments from the command line."""

from __future__ import annotations

import json

import pytest

from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.ports.sizes import SegmentSizes
from tests.builders import NOW
from tests.cli.conftest import Api, Attune


@pytest.fixture
def counted(attune: Attune, api: Api) -> Attune:
    """Where it was counted on two days, a segment came and another went."""
    history = DynamoSizes(api.deployment.cloud.client("dynamodb"), api.deployment.tables["definitions"])
    history.keep(SegmentSizes(day="2025-06-08", counted_at=NOW - 7, profiles=11_000, segments={"old": 1, "vip": 900}))
    history.keep(SegmentSizes(day="2025-06-15", counted_at=NOW, profiles=12_000, segments={"vip": 1_234, "new": 0}))
    return attune


def test_the_newest_count_is_shown_with_its_instant(counted: Attune) -> None:
    ran = counted("segments", "sizes")
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()] == [
        ["segment", "2025-06-15"],
        ["new", "0"],
        ["vip", "1,234"],
    ]
    assert ran.err == "of 12,000 profiles, counted at 2025-06-15T15:06:40.000Z\n"


def test_past_weeks_stand_beside_it(counted: Attune, api: Api) -> None:
    ran = counted("segments", "sizes", "--weeks", "1")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["segment", "2025-06-15", "2025-06-08"],
        ["new", "0", "-"],
        ["old", "-", "1"],
        ["vip", "1,234", "900"],
    ]
    assert api.requests[-1] == ("GET", "/v1/segments/sizes?weeks=1")


def test_programs_get_the_answer_as_it_is(counted: Attune) -> None:
    answer = json.loads(counted("segments", "sizes", "--weeks", "1", "--json").out)
    assert [(one["day"], one["segments"]["vip"]) for one in answer["sizes"]] == [
        ("2025-06-15", 1_234),
        ("2025-06-08", 900),
    ]


def test_before_the_first_count_it_is_said_who_counts(attune: Attune) -> None:
    ran = attune("segments", "sizes")
    assert (ran.code, ran.out) == (0, "")
    assert "attune models train" in ran.err


def test_only_the_admin_sees_sizes(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", "wrong")
    ran = attune("segments", "sizes")
    assert ran.code == 1
    assert "unknown_admin_key" in ran.err
