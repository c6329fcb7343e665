"""docs/segments.md is true: every example of it holds, of the engine and of the oracle that was written from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from attune.domain.checks.definitions import check
from attune.domain.definitions.computations import Computation
from attune.domain.definitions.conditions import Condition, Operator
from attune.domain.definitions.kinds import decode_definition, snapshot
from tests.faults import segment_oracle
from tests.faults.segment_figures import computed
from tests.faults.segment_happenings import Around, Happening
from tests.faults.segment_subject import Subject, compile_documents, rank_of
from tests.faults.segment_values import compare

MANUAL = (Path(__file__).resolve().parents[2] / "docs/segments.md").read_text()
PROFILE = "somebody"
NOTHING = "-"


class _Plain(yaml.SafeLoader):
    """Dates stay text, as `attune apply` reads them."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def plain(text: str) -> Any:
    return yaml.load(text, _Plain)


@dataclass(frozen=True)
class Example:
    """Documents of which the last is asked about, and the rows (when, what happens, what is then) of its story."""

    line: int
    documents: list[dict[str, Any]]
    asks: str
    rows: list[tuple[str, str, str]]

    @property
    def asked(self) -> dict[str, Any]:
        return self.documents[-1]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]


def examples() -> list[Example]:
    found = []
    for block in re.finditer(r"```yaml\n((?:(?!```).)*)```\n\n((?:\|[^\n]*\n)+)", MANUAL, re.DOTALL):
        documents = list(yaml.load_all(block[1], _Plain))
        if "kind" not in documents[-1]:
            documents = [{"kind": "segment", "id": "asked", "when": documents[-1]}]
        head, _, *rows = (_cells(line) for line in block[2].splitlines())
        line = MANUAL[: block.start()].count("\n") + 1
        found.append(Example(line, documents, head[2], [(row[0], row[1], row[2]) for row in rows]))
    return found


EXAMPLES = examples()


def instant(text: str) -> int:
    """`1 Mar 09:00[:30[.500]]` of 2026, UTC."""
    whole, _, fraction = text.partition(".")
    pattern = "%Y %d %b %H:%M:%S" if whole.count(":") == 2 else "%Y %d %b %H:%M"
    moment = datetime.strptime(f"2026 {whole}", pattern).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000 + int(fraction or 0)


def happening(what: str, at: int, rank: bytes) -> Happening:
    if said := re.fullmatch(r"(score|consent|list) (\S+) (\S+)(?:, percentile (\S+))?", what):
        kind, name, word, percent = said.groups()
        percentiles = {name: float(percent)} if percent else {}
        word_of: dict[str, dict[str, Any]] = {
            "score": {"scores": {name: plain(word)}, "percentiles": percentiles},
            "consent": {"consent": {name: word == "granted"}},
            "list": {"lists": {name: word == "joined"}},
        }
        return Happening(at, rank=rank, **word_of[kind])
    name, _, rest = what.partition(" {")
    said_with = plain("{" + rest) if rest else {}
    told = {"traits": said_with} if name == "identify" else {"properties": said_with}
    return Happening(at, name, rank=rank, **told)


def around(example: Example) -> Around:
    return Around(
        {one["id"]: one["when"] for one in example.documents if one["kind"] == "segment"},
        {one["id"]: one["compute"] for one in example.documents if one["kind"] == "computed_trait"},
        PROFILE,
    )


def expected(example: Example, cell: str) -> Any:
    """A value, or the keys of the memberships: the empty text for yes."""
    if example.asks == "value":
        return None if cell == NOTHING else plain(cell)
    return {"yes": {""}, "no": set()}.get(cell, set(cell.split(", ")))


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {one.line}" for one in EXAMPLES])
def test_the_engine_does_what_the_manual_shows(example: Example) -> None:
    subject = Subject(compile_documents(example.documents), PROFILE, instant(example.rows[0][0]) - 1)
    identifier = example.asked["id"]
    for number, (when, what, then) in enumerate(example.rows):
        at = instant(when)
        if what:
            subject.happens(happening(what, at, rank_of(f"m{number}")))
        subject.pass_time(at)
        if example.asks == "value":
            assert subject.value(identifier, at) == expected(example, then), when
        else:
            inside = expected(example, then)
            assert subject.inside(identifier) == inside, when
            assert all(subject.holds(identifier, at, key) for key in inside), when
            assert inside or not subject.holds(identifier, at), when


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {one.line}" for one in EXAMPLES])
def test_what_the_manual_shows_can_be_applied(example: Example) -> None:
    definitions = tuple(decode_definition(one) for one in example.documents)
    assert [problem for one in definitions for problem in check(one, snapshot(definitions))] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {one.line}" for one in EXAMPLES])
def test_the_oracle_says_what_the_manual_shows(example: Example) -> None:
    history = []
    for number, (when, what, then) in enumerate(example.rows):
        at = instant(when)
        if what:
            history.append(happening(what, at, bytes([number])))
        if example.asks == "value":
            assert computed(example.asked["compute"], history, at) == expected(example, then), when
        else:
            known = segment_oracle.memberships(example.asked["when"], history, at, around(example))
            assert known == expected(example, then), when


# ---------------------------------------------------------------------------------------------------- the operators

OPERATED_AT = instant("1 Mar 12:00")


def operator_rows() -> list[tuple[str, Any, Any, bool]]:
    table = MANUAL.partition("| operator | value | holds of | not of |\n|---|---|---|---|\n")[2]
    found = []
    for line in takewhile(lambda line: line.startswith("|"), table.splitlines()):
        operator, value, holding, others = _cells(line)
        [name] = _coded(operator)
        wanted = [plain(one) for one in _coded(value)]
        for cell, holds in ((holding, True), (others, False)):
            found += [(name, *(wanted or [None]), _actual(one), holds) for one in _coded(cell)]
    return found


def _coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def _actual(text: str) -> Any:
    return None if text == NOTHING else plain(text)


OPERATED = operator_rows()
RELATIVE = {"within_last", "older_than", "within_next"}


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "holds"), OPERATED, ids=[f"{row[2]!r} {row[0]} {row[1]!r}" for row in OPERATED]
)
def test_operators_compare_as_the_manual_shows(operator: str, wanted: Any, actual: Any, holds: bool) -> None:
    value = {} if wanted is None else {"value": wanted}
    test = {"operator": operator, **value}
    assert compare(operator, actual, wanted, OPERATED_AT) is holds
    told = Happening(OPERATED_AT - 1, "Told", traits={"x": actual}, properties={"x": actual}, rank=b"1")
    where = {"type": "performed", "event": "Told", "where": [{"property": "x", **test}]}
    for when in ({"type": "trait", "trait": "x", **test}, *([] if operator in RELATIVE else [where])):
        subject = Subject(compile_documents([{"kind": "segment", "id": "asked", "when": when}]))
        subject.happens(told)
        assert subject.holds("asked", OPERATED_AT) is holds, when


# ------------------------------------------------------------------------------------------------ nothing is left out


def test_every_condition_operator_and_function_has_an_example() -> None:
    written = str([one.documents for one in EXAMPLES])
    tags = {kind: {part.__struct_config__.tag for part in get_args(union)} for kind, union in
            (("type", Condition), ("function", Computation))}  # fmt: skip
    for kind, names in tags.items():
        assert {name for name in names if f"'{kind}': '{name}'" not in written} == set()
    assert {row[0] for row in OPERATED} == set(get_args(Operator))
    assert {(row[0], row[3]) for row in OPERATED} == {
        (name, one) for name in get_args(Operator) for one in (True, False)
    }


def test_every_example_is_run() -> None:
    """A block that is followed by no story is the one at the beginning."""
    assert MANUAL.count("```yaml\n") == len(EXAMPLES) + 1
    assert all(one.asks in {"in?", "value"} for one in EXAMPLES)
    assert msgspec.json.encode(EXAMPLES[0].documents)
