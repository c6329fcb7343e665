"""Every recorded webhook, signed here, through the function: what each becomes, and that none is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attune.domain.events import CONSENT
from attune.sources.shopify import TOPICS
from attune.sources.shopify_compliance import COMPLIANCE
from tests.functions.webhook_door import Door, receiving_function

WEBHOOKS = Path(__file__).parents[2] / "../shared/data/webhooks"
SHOPIFY = sorted((WEBHOOKS / "shopify-2023-01").glob("*.json"))
COMPLIANT = sorted((WEBHOOKS / "shopify-compliance").glob("*.json"))

pytestmark = pytest.mark.skipif(not SHOPIFY, reason="the recorded payloads are not beside this repository")


@pytest.fixture(scope="module")
def module() -> Any:
    return receiving_function()


@pytest.mark.parametrize("path", SHOPIFY, ids=lambda path: str(path.stem))
def test_a_recorded_webhook_of_shopifys_becomes_what_its_row_says(module: Any, path: Path) -> None:
    recorded = json.loads(path.read_bytes())
    topic, door = recorded["topic"], Door(module)
    body = json.dumps(recorded["body"]).encode()
    assert door.post(topic, body).status == 200
    events = [(one.name or one.type) for one in door.events() if one.type != CONSENT]
    if topic in TOPICS:
        mapping = TOPICS[topic]
        assert events in ([mapping.event or "identify"], [mapping.completed])
        assert door.rejected() == []
    else:
        assert (events, door.rejected()) == ([], [("unknown_topic", body)])


@pytest.mark.parametrize("path", COMPLIANT, ids=lambda path: str(path.stem))
def test_a_recorded_compliance_webhook_becomes_a_request(module: Any, path: Path) -> None:
    topic, door = path.stem.replace("_", "/", 1), Door(module)
    assert door.post(topic, path.read_bytes()).status == 200
    assert [one.kind for one in door.requests.waiting(10)] == [COMPLIANCE[topic].kind]
