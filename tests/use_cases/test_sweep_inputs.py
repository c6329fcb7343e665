"""Which lines are one row, and where an object that is searched ends."""

from __future__ import annotations

import io

import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_swept import MemorySwept
from attune.domain.erasure.subjects import Subject
from attune.use_cases.erasure.sweep_inputs import ERRORS, QUERIES, Named, SweepInputs, rows_of
from attune.use_cases.erasure.sweep_tallies import Tallies
from tests.builders import NOW

ANN = Subject(request_id="r", values=("ann@example.com",), erased_at=NOW)


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ([], []),
        (["a\n", "b\n", "c"], ["a\n", "b\n", "c"]),
        (['1,"x\n', "y\n", 'z",2\n', "3\n"], ['1,"x\ny\nz",2\n', "3\n"]),
        (['1,"x ""y"" z"\n', "2\n"], ['1,"x ""y"" z"\n', "2\n"]),
        (['1,"open\n', "2\n", '3,"a"\n'], ['1,"open\n', "2\n", '3,"a"\n']),
        (['1,"open\n', "x" * 40_000 + "\n", '2"\n', "3\n"], ['1,"open\n', "x" * 40_000 + "\n", '2"\n', "3\n"]),
    ],
)
def test_a_quoted_cell_makes_lines_one_row_and_an_open_quote_costs_one_line(lines: list[str], rows: list[str]) -> None:
    assert [row.decode() for row in rows_of([line.encode() for line in lines])] == rows


def swept(prefix: str, content: str) -> str:
    bucket = MemorySwept()
    bucket.put(f"{prefix}one", io.BytesIO(content.encode()))
    named = Named([ANN])
    assert SweepInputs("queries", bucket, prefix)(named, "", Tallies(MemoryDocuments(), ["r"]), lambda: True) is None
    file = bucket.open(f"{prefix}one")
    assert file is not None
    return file.read().decode()


def test_of_an_answer_the_whole_row_goes_over_however_many_lines() -> None:
    answer = '"id","said"\n"1","hello\nI am ann@example.com\n"\n"2","me ""too"""\n'
    assert swept(QUERIES, answer) == '"id","said"\n"2","me ""too"""\n'


def test_of_lines_of_json_each_stands_for_itself() -> None:
    lines = '{"said": "an inch is 1\\""}\n{"said": "ann@example.com"}\n{"said": "2\\""}\n'
    assert swept(ERRORS, lines) == '{"said": "an inch is 1\\""}\n{"said": "2\\""}\n'
