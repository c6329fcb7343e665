"""docs/privacy.md names the test that shows each duty done: every one of them exists, and no duty is without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRIVACY = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
DUTIES = PRIVACY.partition("\n## Duties, ")[2]
#: article, paragraph
GDPR = (
    *(f"5(1){letter}" for letter in "abcdef"),
    *("6", "7(1)", "7(2)", "7(3)", "8", "9", "10", "11", "12(1), (2)", "12(3)", "12(4)", "12(5)", "12(6)", "13, 14"),
    *("15", "16", "17", "18", "19", "20", "21", "22", "24", "25", "26 to 29", "30", "31, 36", "32", "33, 34", "35"),
    *("37 to 39", "44 to 49"),
)
CCPA = ("know", "delete", "correct", "opt-out of sale", "GPC", "limit", "discrimination", "45 days", "24 months")
_TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[A-Za-z0-9_]+)`")
_FILE = re.compile(r"`(tests/[a-z_/]+\.py)`")


def rows() -> list[list[str]]:
    """Cells of both tables, headings aside."""
    lines = [
        line for line in DUTIES.splitlines() if line.startswith("| ") and not line.startswith(("| GDPR", "| CCPA"))
    ]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names_in(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_a_duty_names_exists() -> None:
    named = _TEST.findall(DUTIES)
    assert len(named) > len(GDPR)
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / file)]
    assert not missing


def test_every_file_of_tests_that_the_manual_names_exists() -> None:
    named = set(_FILE.findall(PRIVACY))
    assert named
    assert not [file for file in named if not (ROOT / file).is_file()]


@pytest.mark.parametrize("duty", GDPR)
def test_every_article_has_a_line(duty: str) -> None:
    assert [row[0] for row in rows()].count(duty) == 1


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_line_says_what_does_it_and_what_shows_it_unless_it_is_the_companys_alone(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    if row[3] == "—":
        assert row[2] == "*the company*"
    elif not _TEST.search(row[3]):
        assert is_shown_at(row[3])


def is_shown_at(told: str) -> bool:
    """`as 5(2)`: whether the line of that name, or the one that it names in turn, names tests."""
    shown = {row[0]: row[3] for row in rows()}
    there = shown.get(told.removeprefix("as "), "")
    return bool(_TEST.search(there)) or (there.startswith("as ") and is_shown_at(there))


@pytest.mark.parametrize("duty", CCPA)
def test_every_right_of_californians_has_a_line(duty: str) -> None:
    found = [row for row in rows() if row[0].startswith("§") and duty in row[1]]
    assert found
    assert all(len(row) == 4 and _TEST.search(row[3]) for row in found)


def test_the_words_that_masked_keys_do_not_see_are_told() -> None:
    from attune.domain.privacy.masking import WORDS

    section = PRIVACY.partition("\n## Keeping little\n")[2].partition("\n## ")[0]
    listed = section.partition("billing.zip`): ")[2].partition(";\n")[0]
    told = {word.strip() for word in listed.replace("\n", " ").split(",")}
    # of a word with a plural the one stands for both
    assert told == {word for word in WORDS if not (word.endswith("es") and word[:-2] in WORDS)} - {"emails", "phones"}
