"""`PrivacyRequests`: kept once, whoever repeats them, and told in the order in which they are due."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from attune.domain.privacy.requests import PrivacyRequest
from attune.ports import ConflictError
from attune.ports.privacy import After, PrivacyRequests
from tests.adapters.cloud import Cloud
from tests.adapters.stores import privacy_requests_store
from tests.builders import DAY, NOW, identifiers


@pytest.fixture
def store(backend: Cloud | None) -> PrivacyRequests:
    return privacy_requests_store(backend)


def request(name: str, **overrides: Any) -> PrivacyRequest:
    fields: dict[str, Any] = {
        "request_id": name,
        "kind": "erasure",
        "source": "shop",
        "received_at": NOW,
        "identifiers": identifiers(shopify_customer_id="191167", email="john@example.com"),
        "orders": ("299938", "280263"),
    }
    return PrivacyRequest(**(fields | overrides))


def test_a_request_is_kept_whole(store: PrivacyRequests) -> None:
    asked = request("a", reference="9999")
    assert store.keep(asked)
    assert store.waiting(10) == [asked]
    assert asked.due_at == NOW + 30 * DAY


def test_repeated_it_stays_as_it_first_came(store: PrivacyRequests) -> None:
    first = request("a")
    assert store.keep(first)
    assert not store.keep(request("a", received_at=NOW + DAY))
    assert store.waiting(10) == [first]


def test_what_is_due_first_comes_first_and_pages_follow_one_another(store: PrivacyRequests) -> None:
    asked = [request(f"{day:02}", received_at=NOW + day * DAY) for day in range(7)]
    for one in asked[::-1]:
        store.keep(one)
    assert store.waiting(10) == asked
    found: list[PrivacyRequest] = []
    after: After | None = None
    while page := store.waiting(3, after):
        found += page
        after = After(page[-1].due_at, page[-1].request_id)
    assert found == asked


def test_requests_of_one_instant_are_all_told_page_by_page(store: PrivacyRequests) -> None:
    for name in "abcde":
        store.keep(request(name))
    first = store.waiting(2)
    rest = store.waiting(10, After(first[-1].due_at, first[-1].request_id))
    assert sorted(one.request_id for one in [*first, *rest]) == list("abcde")


def test_before_the_first_there_are_none(store: PrivacyRequests) -> None:
    assert store.waiting(10) == []
    assert store.waiting(10, After(NOW, "a")) == []


def test_a_request_is_read_by_its_id(store: PrivacyRequests) -> None:
    asked = request("a", traits={"first_name": None}, kind="rectification")
    store.keep(asked)
    assert store.get("a") == asked
    assert store.get("b") is None


def test_each_state_has_its_own_list(store: PrivacyRequests) -> None:
    asked = request("a")
    store.keep(asked)
    begun = replace(asked, state="running", started_at=NOW + 1)
    store.save(begun, read_state="received")
    assert (store.waiting(10), store.waiting(10, state="running")) == ([], [begun])
    over = replace(begun, state="done", identifiers=(), orders=(), outcome={"receipt": "r"})
    store.save(over, read_state="running")
    assert store.get("a") == over
    assert store.waiting(10, state="running") == []
    assert store.waiting(10, state="done") == [over]


def test_what_somebody_else_has_moved_on_is_not_replaced(store: PrivacyRequests) -> None:
    asked = request("a")
    store.keep(asked)
    begun = replace(asked, state="running", started_at=NOW + 1)
    store.save(begun, read_state="received")
    store.save(begun, read_state="received")  # said again, after an answer that was lost
    with pytest.raises(ConflictError):
        store.save(replace(asked, state="refused"), read_state="received")
    with pytest.raises(ConflictError):
        store.save(request("b"), read_state="received")
    assert store.get("a") == begun


def test_one_run_at_a_time_has_the_turn(store: PrivacyRequests) -> None:
    assert store.take_turn("one", NOW, NOW + 10)
    assert store.take_turn("one", NOW + 1, NOW + 11)
    assert not store.take_turn("two", NOW + 10, NOW + 20)
    store.end_turn("two")
    assert not store.take_turn("two", NOW + 10, NOW + 20)
    assert store.take_turn("two", NOW + 11, NOW + 20)
    store.end_turn("two")
    assert store.take_turn("three", NOW + 12, NOW + 20)


def test_whose_turn_it_is_is_no_request(store: PrivacyRequests) -> None:
    store.take_turn("one", NOW, NOW + 10)
    assert [store.waiting(10, state=state) for state in ("received", "running", "done", "refused")] == [[]] * 4
