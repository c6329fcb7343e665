"""An imported file: which rows it has had, what became of them, and the report that says so beside it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

#: where files are dropped: `imports/<source>/<any name>`
FOLDER: Final = "imports/"
#: the report of `imports/shop/sales.csv` is `imports/shop/sales.csv.report.json`
REPORT: Final = ".report.json"
#: rejected rows of one file that are named in its report and lie in quarantine; further ones are counted by reason
NAMED: Final = 10_000


class UnusableFileError(Exception):
    """Nothing (more) can be read of the file, however often it is tried; `reason` is the report's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class State(StrEnum):
    """Of a file. A failed one may be begun again where it stopped."""

    READING = "reading"
    DONE = "done"
    FAILED = "failed"


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Behind which row the reading goes on: bytes (before compression), lines and rows that lie before it."""

    offset: int = 0
    line: int = 0
    row: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `number` counts rows as a spreadsheet shows them, `line` lines as an editor does; the first is 1.

    `document`: what it says, or None with the `problem`. `raw`: the document as JSON, or the bytes as they came.
    `after`: the place behind it.
    """

    number: int
    line: int
    after: Place
    raw: bytes
    document: dict[str, object] | None = None
    problem: str = ""


class RejectedRow(msgspec.Struct, frozen=True):
    """Where it is and why it was not taken: nothing of what it says."""

    row: int
    line: int
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file, and how far it has been read: written after every chunk, under a condition.

    `rows` = `accepted` + all of `rejected` (by reason). `events`: what the accepted rows became. Times are ISO 8601.
    `unsure`: rows (first, last) that a run may have stored before it broke off, taken up again when nobody may
    remember them any more. `run` reads the file until `held_until` (ms), and `place` is behind what is stored.
    """

    file: str
    source: str
    etag: str
    size: int
    state: State = State.READING
    reason: str = ""
    rows: int = 0
    accepted: int = 0
    events: int = 0
    rejected: dict[str, int] = {}
    rejected_rows: tuple[RejectedRow, ...] = ()
    unsure: tuple[tuple[int, int], ...] = ()
    started_at: str = ""
    updated_at: str = ""
    seconds: float = 0.0
    place: Place = Place()
    run: str = ""
    held_until: int = 0

    @property
    def room(self) -> int:
        """How many more rejected rows are named and kept."""
        return max(0, NAMED - len(self.rejected_rows))


def report_key(key: str) -> str:
    """Where the report of a file lies."""
    return key + REPORT


def source_of(key: str) -> str | None:
    """The source that a key names, or None for what is no file to import."""
    name, slash, rest = key.removeprefix(FOLDER).partition("/")
    if not key.startswith(FOLDER) or not slash or not name or not rest or key.endswith(("/", REPORT)):
        return None
    return name
