"""docs/collect.md, "Tracking plans" and "Normalisation": its definitions are applied, its rows are sent."""

from __future__ import annotations

import json
import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from attune.adapters.memory import MemoryDefinitions
from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import Definition, decode_definition, snapshot
from attune.domain.events import Event
from tests.functions.door import Door, collect_module

MANUAL = (Path(__file__).parents[2] / "docs/collect.md").read_text()
PLANS = MANUAL.partition("\n## Tracking plans\n")[2].partition("\n## Normalisation\n")[0]
NORMALISATION = MANUAL.partition("\n## Normalisation\n")[2].partition("\n## ")[0]
FORMING, _, HASHING = NORMALISATION.partition("**Hashing.**")
AS_IT_IS = "as it is"


def applied(section: str) -> list[Definition]:
    """The definitions of a section, checked as `attune apply` does."""
    [block] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    found = [decode_definition(document) for document in yaml.safe_load_all(block)]
    together = snapshot(tuple(found))
    assert [problem for one in found for problem in check(one, together)] == []
    return found


def rows(section: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading row."""
    lines = section.partition(f"{heading}\n")[2].splitlines()[1:]
    return [
        [cell.strip() for cell in line.strip()[1:-1].split(" |")]
        for line in takewhile(lambda line: line.startswith("|"), lines)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def module() -> Any:
    with collect_module() as found:
        yield found


def send(module: Any, section: str, **call: Any) -> Event | str:
    """What is on the stream of a call, or why it is to lie in quarantine."""
    door = Door(module)
    definitions = applied(section)
    [source] = [one.id for one in definitions if type(one).__name__ == "Source"]
    door.rebuild(definitions=MemoryDefinitions(definitions))
    said = {"userId": "u", "timestamp": "2025-06-15T15:00:00Z", **call}
    answer = door.post("batch", {"batch": [said]}, key=door.new_key("browser", source))
    assert answer.status == 200
    found: list[Event | str] = [*door.events(), *(reason for reason, _ in door.rejected())]
    [kept] = found
    return kept


@pytest.mark.parametrize("row", rows(PLANS, "| call | said | kept | notes |"), ids=lambda row: " ".join(row[:2]))
def test_a_row_of_tracking_plans(module: Any, row: list[str]) -> None:
    name, said, kept, notes = row
    values = json.loads(said)
    call = (
        {"type": name, "traits": values}
        if name == "identify"
        else {"type": "track", "event": name, "properties": values}
    )
    found = send(module, PLANS, messageId="m", **call)
    if kept.startswith("`"):
        assert found == kept.strip("`")
        return
    assert isinstance(found, Event)
    assert (found.traits if name == "identify" else found.properties) == (
        values if kept == AS_IT_IS else json.loads(kept)
    )
    assert found.notes == tuple(re.findall(r"`([^`]+)`", notes))


@pytest.mark.parametrize("row", rows(FORMING, "| part | said | kept |"), ids=lambda row: " ".join(row[:2]))
def test_a_row_of_normalisation(module: Any, row: list[str]) -> None:
    part, said, kept = row
    match part:
        case "event":
            found = send(module, FORMING, type="track", event=said)
            assert isinstance(found, Event)
            assert found.name == kept
            return
        case "traits":
            found = send(module, FORMING, type="identify", traits=json.loads(said))
        case _:
            found = send(module, FORMING, type="track", event="Paid", properties=json.loads(said))
    assert isinstance(found, Event)
    assert getattr(found, part) == json.loads(said if kept == AS_IT_IS else kept)


def test_what_is_hashed_is_not_on_the_stream(module: Any) -> None:
    (_, said, kept), (_, before, after) = rows(HASHING, "| part | said | kept |")
    found = send(module, HASHING, type="identify", traits=json.loads(said), context={"ip": "203.0.113.7"})
    assert isinstance(found, Event)
    clear = {name: value for name, value in json.loads(kept).items() if value != "…"}
    assert {name: value for name, value in found.traits.items() if name in clear} == clear
    assert all(re.fullmatch("[0-9a-f]{32}", found.traits[name]) for name in found.traits.keys() - clear.keys())
    namespaces = {identifier.namespace for identifier in found.identifiers}
    assert (before in namespaces, after in namespaces) == (False, True)
    assert re.fullmatch("[0-9a-f]{32}", found.context["ip"])


def test_every_reason_is_in_the_manual() -> None:
    judging = (Path(__file__).parents[2] / "layers/core/python/attune/domain/collection/judging.py").read_text()
    reasons = (
        set(re.findall(r'reason="(\w+)"', judging)) | set(re.findall(r'": "(\w+_\w+)"', judging)) | {"wrong_value"}
    )
    assert {row[0].strip("`") for row in rows(PLANS, "| reason | the call |")} == reasons
