"""What people ask about their data, from the command line."""

from __future__ import annotations

import json

from attune.domain.privacy_requests import Kind
from cli.privacy import WORDS
from tests.builders import DAY, NOW
from tests.cli.conftest import Api, Attune
from tests.functions.test_privacy_api import kept


def test_requests_are_listed_by_their_deadlines(attune: Attune, api: Api) -> None:
    kept(api.deployment, "b2", kind="shop_erasure", identifiers=(), orders=(), received_at=NOW + DAY)
    kept(api.deployment, "a1")
    ran = attune("privacy", "requests")
    assert (ran.code, ran.err) == (0, "2 waiting\n")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[1:] == [
        "2025-07-15 show what is held shop shopify_customer_id 191167, email j…@example.com, phone …99 2 a1",
        "2025-07-16 forget all of the shop shop everybody 0 b2",
    ]


def test_all_pages_are_read(attune: Attune, api: Api) -> None:
    for number in range(203):
        kept(api.deployment, f"{number:04}")
    told = json.loads(attune("privacy", "requests", "--json").out)["requests"]
    assert sorted(one["request_id"] for one in told) == [f"{number:04}" for number in range(203)]


def test_before_the_first_there_are_none(attune: Attune) -> None:
    assert attune("privacy", "requests").err == "0 waiting\n"


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(Kind.__value__.__args__)
