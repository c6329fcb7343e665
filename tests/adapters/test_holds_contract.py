"""`Holds`: what is held since when; the later instant wins, whoever comes last."""

from __future__ import annotations

import pytest

from attune.ports import Holds
from tests.adapters.cloud import Cloud
from tests.adapters.stores import holds_store
from tests.builders import NOW

EXPIRES = NOW // 1_000 + 86_400


@pytest.fixture
def holds(backend: Cloud | None) -> Holds:
    return holds_store(backend)


def test_nothing_is_held_until_something_is(holds: Holds) -> None:
    assert holds.held(["a" * 32]) == {}
    assert holds.held([]) == {}


def test_a_hold_names_each_purpose_and_since_when(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW, "analytics": NOW + 1}, EXPIRES)
    assert holds.held(["a" * 32]) == {"email": NOW, "analytics": NOW + 1}


def test_the_later_instant_wins_in_either_order(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW}, EXPIRES)
    holds.place("a" * 32, {"email": NOW + 5}, EXPIRES)
    holds.place("b" * 32, {"email": NOW + 5}, EXPIRES)
    holds.place("b" * 32, {"email": NOW}, EXPIRES)
    assert holds.held(["a" * 32]) == holds.held(["b" * 32]) == {"email": NOW + 5}


def test_a_second_hold_keeps_the_purposes_of_the_first(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW}, EXPIRES)
    holds.place("a" * 32, {"sms": NOW + 1}, EXPIRES)
    assert holds.held(["a" * 32]) == {"email": NOW, "sms": NOW + 1}


def test_over_several_keys_the_latest_instant_counts(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW, "sms": NOW + 9}, EXPIRES)
    holds.place("b" * 32, {"email": NOW + 3}, EXPIRES)
    assert holds.held(["a" * 32, "b" * 32, "c" * 32]) == {"email": NOW + 3, "sms": NOW + 9}


def test_any_number_of_keys_is_asked_at_once(holds: Holds) -> None:
    holds.place(f"{149:032}", {"email": NOW}, EXPIRES)
    keys = [f"{n:032}" for n in range(150)]
    assert holds.held([*keys, *keys]) == {"email": NOW}


def test_a_purpose_may_have_any_name(holds: Holds) -> None:
    holds.place("a" * 32, {"size": NOW, "third-party ads": NOW + 1}, EXPIRES)
    assert holds.held(["a" * 32]) == {"size": NOW, "third-party ads": NOW + 1}
