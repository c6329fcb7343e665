"""One synthesis serves everyone until its sources change."""

import time
from pathlib import Path

from infra.assembly import assembly


def test_a_second_request_takes_the_first_one_s_result(aws_assembly: Path) -> None:
    before = (aws_assembly / "manifest.json").stat().st_mtime_ns
    assert assembly("aws") == aws_assembly
    assert (aws_assembly / "manifest.json").stat().st_mtime_ns == before
    assert before < time.time_ns()
