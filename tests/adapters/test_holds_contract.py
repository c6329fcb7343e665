"""`Holds`: what is held since when; the later instant wins, whoever comes last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.dynamodb_holds import DynamoHolds
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


def test_what_is_held_up_to_an_instant_is_lifted_and_nothing_that_was_raised_since(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW, "sms": NOW, "analytics": NOW - 1}, EXPIRES)
    holds.place("a" * 32, {"sms": NOW + 1}, EXPIRES)
    holds.place("b" * 32, {"email": NOW}, EXPIRES)
    holds.place("c" * 32, {"email": NOW}, EXPIRES)
    for _ in range(2):  # done again it finds nothing to do
        holds.lift(["a" * 32, "b" * 32, "d" * 32], NOW)
        assert holds.held(["a" * 32]) == {"sms": NOW + 1}
        assert holds.held(["b" * 32, "d" * 32]) == {}
        assert holds.held(["c" * 32]) == {"email": NOW}
    holds.place("a" * 32, {"email": NOW + 2}, EXPIRES)
    assert holds.held(["a" * 32]) == {"email": NOW + 2, "sms": NOW + 1}


def test_over_several_keys_the_latest_instant_counts(holds: Holds) -> None:
    holds.place("a" * 32, {"email": NOW, "sms": NOW + 9}, EXPIRES)
    holds.place("b" * 32, {"email": NOW + 3}, EXPIRES)
    assert holds.held(["a" * 32, "b" * 32, "c" * 32]) == {"email": NOW + 3, "sms": NOW + 9}


def test_any_number_of_keys_is_asked_at_once(holds: Holds) -> None:
    holds.place(f"{149:032}", {"email": NOW}, EXPIRES)
    keys = [f"{n:032}" for n in range(150)]
    assert holds.held([*keys, *keys]) == {"email": NOW}


def test_all_holds_are_found_each_under_its_key(backend: Cloud | None) -> None:
    holds: Any = holds_store(backend)
    assert holds.every_hold() == {}
    holds.place("a" * 32, {"email": NOW, "sms": NOW + 9}, EXPIRES)
    holds.place("b" * 32, {"email": NOW + 3}, EXPIRES)
    holds.place("c" * 32, {"email": NOW}, EXPIRES)
    holds.lift(["c" * 32], NOW)
    if backend:  # others lie in the same table
        item = {"identity_key": {"S": "e" * 32}, "profile_id": {"S": "p"}}
        backend.client("dynamodb").put_item(TableName=holds._table, Item=item)
    mine, other = {"email": NOW, "sms": NOW + 9}, {"email": NOW + 3}
    assert holds.every_hold() == {"a" * 32: mine, "b" * 32: other}
    assert holds.each_hold(["b" * 32, "c" * 32, "d" * 32]) == {"b" * 32: other}


def test_a_purpose_may_have_any_name(holds: Holds) -> None:
    holds.place("a" * 32, {"size": NOW, "third-party ads": NOW + 1}, EXPIRES)
    assert holds.held(["a" * 32]) == {"size": NOW, "third-party ads": NOW + 1}


class Slow:
    """A client of which something else comes about between a look and what is made of it."""

    def __init__(self, client: Any, meanwhile: Callable[[], None]) -> None:
        self._client, self._meanwhile = client, meanwhile
        self.update_item = client.update_item

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        self._meanwhile()
        return answer


def test_what_is_raised_between_the_look_and_the_lifting_stays(backend: Cloud | None) -> None:
    if backend is None:
        pytest.skip("in memory nothing comes in between")
    client, table = backend.client("dynamodb"), backend.table("identities")
    steady = DynamoHolds(client, table)
    steady.place("a" * 32, {"email": NOW, "sms": NOW}, EXPIRES)
    slow: Any = Slow(client, lambda: steady.place("a" * 32, {"sms": NOW + 1}, EXPIRES))
    DynamoHolds(slow, table).lift(["a" * 32], NOW)
    assert steady.held(["a" * 32]) == {"sms": NOW + 1}
