"""Lines that nothing takes in: longer than anything that is an event, or of two bytes a letter.

They are searched in little memory, and go or stay whole.
"""

from __future__ import annotations

import base64
import gzip
import io
import tracemalloc
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_swept import MemorySwept
from attune.domain.collection.imports import Report, State, report_key
from attune.domain.erasure.subjects import Subject
from attune.use_cases.erasure.rewrite_objects import MAX_LINE, LongLine, plain, rows_in
from attune.use_cases.erasure.sweep_files import SweepFiles
from attune.use_cases.erasure.sweep_inputs import EXPORTS, Named, SweepInputs, rows_of
from attune.use_cases.erasure.sweep_tallies import Tallies
from tests.builders import NOW

ANN = Named([Subject(request_id="r", values=("ann@example.com",), erased_at=NOW)])
NAME = b"ann@example.com"
FILL = "é ".encode()
BOB = b'1,"bob@example.com\n and more"\n'


class NoTables:
    """No file is one."""

    def rows(self, pieces: Iterable[bytes], after: int) -> Iterator[bytes]:
        raise AssertionError((pieces, after))


def long_line(said: bytes, at: int) -> bytes:
    """A line that says it at that byte, and goes on for a while."""
    return FILL * (at // len(FILL)) + b" " * (at % len(FILL)) + said + b" " + FILL * 99_999 + b"\n"


def swept(lines: bytes, *, packed: bool) -> tuple[bytes, str]:
    """A file that was read, once Ann is out of it, and where it lies."""
    bucket, key = MemorySwept(), "imports/till/sales.csv" + (".gz" if packed else "")
    bucket.put(key, io.BytesIO(gzip.compress(lines, 1) if packed else lines))
    [found] = bucket.listed(key)
    report = Report(file=key, source="till", etag=found.tag, size=found.size, state=State.DONE)
    bucket.put(report_key(key), io.BytesIO(msgspec.json.encode(report)))
    tallies = Tallies(MemoryDocuments(), ["r"])
    assert SweepFiles(bucket=bucket, tables=NoTables())(ANN, "", tallies, lambda: True) is None
    [left] = [one.key for one in bucket.listed("") if one.key.endswith(key.removeprefix("imports/"))]
    file = bucket.open(left)
    assert file is not None
    return plain(file).read(), left


@pytest.mark.parametrize(
    ("said", "at", "packed"),
    [
        (NAME, MAX_LINE - 5, False),
        (NAME, MAX_LINE + 256 * 1024 - 5, True),
        (base64.b64encode(b"I am %b, and more" % NAME), MAX_LINE - 17, True),
        (base64.b64encode(b"\xc3\xa9" * 90_000 + NAME), MAX_LINE - 99_999, False),
    ],
    ids=["over the first bound", "over a later one", "in base64 over a bound", "in base64 without end"],
)
def test_a_long_line_that_names_somebody_goes_whole_and_its_neighbours_stay(
    said: bytes, at: int, *, packed: bool
) -> None:
    bobs = long_line(b"bob@example.com", MAX_LINE)[:-1]
    left, key = swept(BOB + long_line(said, at) + BOB + bobs, packed=packed)
    assert left == BOB + b"\n" + BOB + bobs
    assert key.startswith("taken/")


def test_a_file_of_long_lines_of_others_stays_where_it_is() -> None:
    lines = BOB + long_line(b"joann@example.com", MAX_LINE + 99)
    assert swept(lines, packed=True) == (lines, "imports/till/sales.csv.gz")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_of_a_spreadsheet_s_text_a_row_goes_and_the_others_can_still_be_read(encoding: str) -> None:
    rows = "\ufeffemail\n1,bob@example.com\n2,ann@example.com\n3,bob@example.com\n"
    left, _ = swept(rows.encode(encoding), packed=False)
    assert left.decode(encoding) == rows.replace("2,ann@example.com", "")


def test_what_was_laid_out_for_somebody_goes_with_them_however_long_its_lines_are() -> None:
    bucket = MemorySwept()
    bucket.put("exports/1/data.json", io.BytesIO(long_line(NAME, MAX_LINE - 5)))
    SweepInputs("exports", bucket, EXPORTS)(ANN, "", Tallies(MemoryDocuments(), ["r"]), lambda: True)
    assert list(bucket.listed("")) == []


def test_rows_are_put_together_up_to_a_long_line_and_behind_it() -> None:
    rows = [row if isinstance(row, bytes) else None for row in rows_in(io.BytesIO(_mixed()), rows_of)]
    assert rows == [BOB, b'1,"open\n', b"2\n", None, BOB, None]


def _mixed() -> bytes:
    long = long_line(b'"', MAX_LINE)
    return BOB + b'1,"open\n2\n' + long + BOB + long[:-1]


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_without_end_takes_little_memory(tmp_path_factory: pytest.TempPathFactory, *, packed: bool) -> None:
    """50 MB of one line, made and read from a disk."""
    path = tmp_path_factory.mktemp("lines") / "one"
    with gzip.open(path, "wb", 1) if packed else path.open("wb") as out:
        for _ in range(50):
            out.write(b"x " * (512 * 1024))
    size, rows = 0, 0
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            for row in rows_in(plain(file), rows_of):
                assert isinstance(row, LongLine)
                rows, size = rows + 1, size + sum(len(piece.data) for piece in row)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (rows, size) == (1, 50 * 1024 * 1024)
    assert peak < 4 * MAX_LINE
