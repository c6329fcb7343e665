"""`PrivacyRequests`: kept once, whoever repeats them, and told in the order in which they are due."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.privacy_requests import PrivacyRequest
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
