"""What docs/collect.md says of limits and answers is what the endpoint does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from attune.domain.definitions.kinds import decode_definition
from attune.domain.definitions.sources import RateLimit, Source
from attune.sources import content, payloads, segment_requests
from tests.functions.door import Door, collect_module

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs/collect.md").read_text().partition("\n## Limits and answers\n")[2].partition("\n## ")[0]
KB = 1024


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    with collect_module() as loaded:
        yield loaded


def shown() -> Source:
    """The definition of the manual."""
    (text,) = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    definition = decode_definition(yaml.safe_load(text))
    assert isinstance(definition, Source)
    return definition


def test_the_definition_shown_limits_its_source() -> None:
    assert shown().rate_limit == RateLimit(per_second=100, burst=500)


def test_a_limit_of_the_manual_answers_as_the_manual_says(module: Any) -> None:
    source = msgspec.structs.replace(shown(), rate_limit=RateLimit(per_second=1, burst=2))
    door = Door(module, source)
    key = door.new_key("browser", source.id, seed=3)
    call = {"userId": "u1", "event": "A"}
    origin = {"origin": "https://shop.example.com"}
    answers = [door.post("track", call, key=key, **origin) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert "429 `rate_limited`" in MANUAL


def test_the_answers_of_the_manual_are_those_of_the_list_of_codes() -> None:
    listed = set(re.findall(r"\| `(\w+)` \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text()))
    rows = re.findall(r"^\| (\d{3}) ([^|]+)\|", MANUAL, re.MULTILINE)
    said = {(code, status) for status, text in rows if status != "200" for code in re.findall(r"`(\w+)`", text)}
    assert said
    assert said <= listed


def test_the_answer_of_success_is_the_manuals(module: Any) -> None:
    (body,) = re.findall(r"^\| 200 `([^`]+)`", MANUAL, re.MULTILINE)
    assert Door(module).post("track", {"userId": "u1", "event": "A"}).body == json.loads(body)


def test_the_limits_of_the_manual_are_those_of_the_code() -> None:
    limits = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", MANUAL, re.MULTILINE))
    assert limits["an event, without compression"] == f"{segment_requests.MAX_EVENT // KB} KB"
    assert limits["a request, without compression"] == f"{segment_requests.MAX_BATCH // KB} KB"
    assert limits["events of a request"] == f"{segment_requests.MAX_EVENTS:,}"
    assert limits["objects and lists in each other"] == str(payloads.MAX_DEPTH)
    assert limits["a message id"] == f"{content.MAX_MESSAGE_ID} characters"
