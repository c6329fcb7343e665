"""The data catalog from the command line: in the terminal, as JSON, and as a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from cli.catalog import page
from tests.cli.conftest import Attune

DEFINITIONS = Path(__file__).resolve().parents[2] / "definitions"


@pytest.fixture(autouse=True)
def _defined(attune: Attune) -> None:
    attune("apply", DEFINITIONS / "tracking_plans.yaml", DEFINITIONS / "sources.yaml")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"


def test_it_is_shown_by_part(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    ran = attune("catalog")
    assert ran.code == 0
    assert "How people are found" in ran.out
    assert "shopify_customer_id" in ran.out


def test_as_json_it_is_the_api_s_answer(attune: Attune) -> None:
    answer = json.loads(attune("catalog", "--json").out)
    assert {"made_at", "fields", "purposes", "sources"} == set(answer)


def test_the_page_is_one_file_that_fetches_and_runs_nothing(attune: Attune, tmp_path: Path) -> None:
    file = tmp_path / "catalog.html"
    assert attune("catalog", "--html", file).code == 0
    read = _Page()
    read.feed(file.read_text(encoding="utf-8"))
    assert not {"script", "img", "link", "iframe"} & read.tags
    assert "shopify_customer_id" in read.text


def test_how_long_each_purpose_keeps_what_is_for_it_is_shown(
    attune: Attune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = {"messages": "40d", "traits": {"shoe_size": "30d", "*": "400d"}}
    (tmp_path / "email.yaml").write_text(
        yaml.safe_dump({"kind": "purpose", "id": "email", "name": "Letters", "retention": said})
    )
    assert attune("apply", tmp_path / "email.yaml").code == 0
    monkeypatch.setenv("COLUMNS", "240")
    shown = attune("catalog").out.splitlines()
    [email] = [line for line in shown if "email (Letters)" in line]
    assert "40d" in email
    assert "shoe_size 30d, any other 400d" in email
    [store] = [line for line in shown if "analytics (Statistics)" in line]
    assert "until the person is erased" in store
    file = tmp_path / "catalog.html"
    attune("catalog", "--html", file)
    read = _Page()
    read.feed(file.read_text(encoding="utf-8"))
    assert "shoe_size 30d, any other 400d" in read.text


def test_a_name_of_somebody_s_is_text_and_no_part_of_the_page() -> None:
    field = {
        "part": "trait",
        "name": "<script>alert(1)</script>",
        "personal": False,
        "given_by": [{"source": "<b>", "by": "mapping", "lies": "sealed"}],
        "purposes": ["analytics"],
        "read_by": [],
        "kept": "",
        "seen_by": [],
    }
    read = _Page()
    kept = {"traits": {"<b>": "1d"}, "messages": "<b>", "events": "<b>"}
    purpose = {"purpose": "<b>", "name": "<b>", "description": "<script>", "retention": kept}
    read.feed("".join(page({"made_at": "today", "fields": [field], "purposes": [purpose]})))
    assert not {"script", "b"} & read.tags
    assert "<script>alert(1)</script>" in read.text
