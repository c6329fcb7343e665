"""The published JSON Schema is what the types say, and says no less than they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.kinds import KINDS, Definition, decode_definition
from cli.documents import find_files, json_path, parse_path, read_documents
from cli.schema import PUBLISHED, problems, text
from tests.builders import definition_list
from tests.cli.conftest import Attune

ROOT = Path(__file__).resolve().parents[2]


def test_the_published_schema_is_up_to_date() -> None:
    assert (ROOT / PUBLISHED).read_text(encoding="utf-8") == text(), f"run: attune schema --out {PUBLISHED}"


def test_the_command_writes_prints_and_checks_it(bare: Attune, tmp_path: Path) -> None:
    assert bare("schema").out == text()
    assert bare("schema", "--check").code == 1
    assert bare("schema", "--out", PUBLISHED).code == 0
    assert bare("schema", "--check").code == 0
    (tmp_path / PUBLISHED).write_text(text().replace("segment", "segmnt"))
    assert "is stale" in bare("schema", "--check").err


@pytest.mark.parametrize("definition", definition_list(), ids=lambda one: one.id)
def test_what_the_types_take_the_schema_takes(definition: Definition) -> None:
    assert list(problems(msgspec.to_builtins(definition))) == []


def test_the_examples_pass() -> None:
    documents = read_documents(find_files([ROOT / "definitions"]))
    assert {document.data["kind"] for document in documents} == set(KINDS)
    assert [problem for document in documents for problem in problems(document.data)] == []


_WORDS = st.sampled_from(
    ["segment", "source", "performed", "all", "not", "event", "type", "kind", "id", "keen", "24h", "x" * 70, "A", ""]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 101) | st.floats(0, 5) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=12,
)
_CONDITIONS = st.fixed_dictionaries(
    {"type": st.sampled_from(["performed", "trait", "not", "all", "abandoned", "other"])},
    optional={
        "event": _VALUES,
        "at_least": _VALUES,
        "within": _VALUES,
        "trait": _VALUES,
        "operator": _VALUES,
        "conditions": _VALUES,
    },
)
_SEGMENTS = st.fixed_dictionaries(
    {"kind": st.just("segment"), "id": _WORDS, "when": _CONDITIONS | _VALUES}, optional={"grace": _WORDS, "x": _WORDS}
)


@given(_SEGMENTS | _VALUES)
def test_the_schema_and_the_types_agree_on_what_a_definition_is(data: Any) -> None:
    try:
        decode_definition(data)
    except msgspec.ValidationError:
        taken = False
    else:
        taken = True
    assert (not list(problems(data))) == taken


@given(st.lists(st.integers(0, 99) | st.from_regex(r"[a-z_]{1,8}", fullmatch=True)))
def test_a_path_reads_back_as_it_was_written(steps: list[int | str]) -> None:
    assert parse_path(json_path(tuple(steps))) == tuple(steps)
