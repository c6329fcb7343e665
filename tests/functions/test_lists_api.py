"""Lists over HTTP: what the deployed function puts on the stream, and what the processor makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.domain.definitions.conditions import ListTest
from attune.domain.definitions.kinds import Segment
from attune.domain.events import decode_record
from tests.builders import NOW, definition_list, event, identifiers, segments_of
from tests.functions.management import ADMIN, Deployment
from tests.use_cases.test_process_events import Processor

GUESTS = Segment(id="guests", when=ListTest(list="fair_2026"))


@pytest.fixture(scope="module")
def key(deployment: Deployment) -> str:
    """A server key of a shop."""
    deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    made = deployment.call("POST", "/v1/sources/shop/keys", {"type": "server"}, key=ADMIN)
    return str(made.body["key"])


def test_from_the_call_to_the_segment(deployment: Deployment, key: str) -> None:
    """The deployed function and what it wrote to Kinesis, then the processor, which knows Ada and nobody else."""
    processor = Processor(*definition_list(GUESTS))
    processor.send(event(identifiers=identifiers(email="ada@example.com"), time=NOW))
    body = {"add": ["email:Ada@Example.com", "email:nobody@example.com"]}
    answer = deployment.call("POST", "/v1/lists/fair_2026", body, key=key)
    assert (answer.status, answer.body["accepted"], answer.body["unknown"]) == (202, 2, 2)
    records = [decode_record(msgspec.json.encode(record)) for record in deployment.records()]
    processor.now = max(one.time for record in records for one in record.events)
    processor(*records)
    assert segments_of(processor.profile("email", "ada@example.com")) == ["guests"]
    assert processor.item("email", "nobody@example.com") is None


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/lists/fair_2026", {"add": []}, 400, "invalid_body"),
        ("/v1/lists/fair_2026", {"add": ["ada"]}, 400, "invalid_identifier"),
        ("/v1/lists/fair_2026", {"add": ["user_id:u1"], "effective_at": "later"}, 400, "invalid_time"),
        ("/v1/lists/Fair", {"add": ["user_id:u1"]}, 400, "invalid_list"),
        ("/v1/lists/fair_2026", {"add": ["user_id:" + "x" * 510] * 200}, 413, "too_large"),
    ],
)
def test_bad_calls_are_a_4xx_with_a_stable_code(
    deployment: Deployment, key: str, path: str, body: Any, status: int, code: str
) -> None:
    before = len(deployment.records())
    answer = deployment.call("POST", path, body, key=key)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert len(deployment.records()) == before


def test_only_a_server_key_lists_anybody(deployment: Deployment, key: str) -> None:
    browsers = deployment.call("POST", "/v1/sources/shop/keys", {"type": "browser"}, key=ADMIN).body["key"]
    body = {"add": ["user_id:u1"]}
    for refused, status, code in ((browsers, 403, "server_key_required"), (ADMIN, 401, "unknown_server_key")):
        answer = deployment.call("POST", "/v1/lists/fair_2026", body, key=refused)
        assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize("weeks", ["54", "x", ""])
def test_sizes_of_no_number_of_weeks_are_refused(deployment: Deployment, weeks: str) -> None:
    answer = deployment.call("GET", f"/v1/segments/sizes?weeks={weeks}", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (400, "invalid_weeks")
    assert deployment.call("GET", "/v1/segments/sizes", key=ADMIN).body == {"sizes": []}
