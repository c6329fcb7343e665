"""What a source of files may say."""

from __future__ import annotations

from attune.domain.checks.sources import source_problems
from tests.builders import source
from tests.faults.importing import tills


def test_a_source_of_files_has_a_mapping_and_may_have_a_delimiter() -> None:
    assert list(source_problems(tills(delimiter=";"), ())) == []
    assert list(source_problems(tills(mapping=None), ())) == ["$.mapping: a source of type file needs one"]


def test_who_takes_calls_reads_no_cells() -> None:
    assert list(source_problems(source(delimiter=";"), ())) == ["$.delimiter: only a source of type file has one"]
