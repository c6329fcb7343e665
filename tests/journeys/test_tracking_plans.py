"""A plan and a form, applied to a deployed stack: what is left out, refused, mended and replayed, and what is kept."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

pytestmark = pytest.mark.cloud

PATIENCE = 60
EVERYTHING = {"consent": {"categoryPreferences": {"analytics": True, "personalization": True}}}
TOTAL: dict[str, Any] = {"properties": {"total": {"type": "number"}}, "required": ["total"]}
PLAN: dict[str, Any] = {
    "kind": "tracking_plan",
    "id": "plan-journey",
    "events": {
        "Order Completed": {"properties": TOTAL, "on_violation": "block"},
        "identify": {"traits": {"properties": {"age": {"type": "integer"}}}, "on_violation": "omit"},
    },
}
SOURCE = {
    "kind": "source",
    "id": "plan-journey",
    "tracking_plan": "plan-journey",
    "normalise": {"region": "DE", "values": {"traits.country": {"as": "country"}}, "hash": ["identifiers.email"]},
}


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api_url, timeout=30, trust_env=False) as client:
        yield client


def once[T](ask: Callable[[], T | None]) -> T:
    end = time.monotonic() + PATIENCE
    while (found := ask()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return found


def put(api: httpx.Client, admin: dict[str, str], definition: dict[str, Any]) -> None:
    answer = api.put(f"/v1/definitions/{definition['kind']}/{definition['id']}", json=definition, headers=admin)
    assert answer.status_code == 200, answer.text


def test_what_violates_is_left_out_or_refused_and_what_is_kept_has_one_form(stack: Stack, api: httpx.Client) -> None:
    admin = {"authorization": f"Bearer {stack.admin_key}"}
    wrong = {**PLAN, "events": {"Order Completed": {"properties": {"$ref": "https://elsewhere.example/schema.json"}}}}
    refused = api.put("/v1/definitions/tracking_plan/plan-journey", json=wrong, headers=admin)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_definition")
    assert refused.json()["message"].startswith("$.events.Order Completed.properties.$ref: ")
    put(api, admin, PLAN)
    put(api, admin, SOURCE)
    key = api.post("/v1/sources/plan-journey/keys", json={"type": "server"}, headers=admin).json()["key"]
    who = uuid.uuid4().hex
    number = f"030 {uuid.uuid4().int % 10**7:07}"

    def send(**call: Any) -> None:
        """Until the key is known: a definition is everywhere within 5 s."""
        path, said = "/v1/track" if "event" in call else "/v1/identify", {"userId": who, "context": EVERYTHING, **call}
        once(lambda: api.post(path, json=said, auth=(key, "")).status_code == 200 or None)

    send(traits={"age": "36", "country": "deu", "phone": number, "email": f"{who}@x.example"})
    send(event="Order Completed", properties={"total": "much", "mark": who})

    def shown(namespace: str, value: str) -> dict[str, Any] | None:
        answer = api.get(f"/v1/profiles/{namespace}%3A{value}", headers={"authorization": f"Bearer {key}"})
        return dict(answer.json()) if answer.status_code == 200 else None

    phone = "+4930" + number[4:]
    profile = once(lambda: shown("user_id", who))
    assert profile["traits"]["country"] == "DE"
    assert profile["traits"]["phone"] == phone
    assert "age" not in profile["traits"]
    assert "@" not in profile["traits"]["email"]
    assert shown("phone", phone.replace("+", "%2B")) is not None
    assert shown("email", f"{who}@x.example") is not None  # named as the source names people
    assert shown("email_hash", profile["traits"]["email"]) is not None

    def refused_order() -> dict[str, Any] | None:
        query = {"reason": "plan_violation", "source": "plan-journey", "state": "waiting"}
        items = api.get("/v1/quarantine/inputs", params=query, headers=admin).json()["items"]
        ones = [api.get(f"/v1/quarantine/inputs/{item['id']}", headers=admin).json() for item in items]
        return next((one for one in ones if who in one.get("text", "")), None)

    order = once(refused_order)
    patch = "merge(@, {properties: merge(properties, {total: `5`})})"
    replay = {"ids": [order["id"]], "patch": patch}
    assert api.post("/v1/quarantine/replay", json=replay, headers=admin).json()["replayed"] == 1
    once(lambda: refused_order() is None or None)
