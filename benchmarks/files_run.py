"""One import, in a process of its own: `python -m benchmarks.files_run <what> <file>` prints JSON.

`<what>`: `import` takes the rows all the way to encoded records; `read` only reads them as documents; `plain` reads
them by what comes with Python (csv) or by DuckDB alone.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.memory_imports import MemoryImportBucket
from attune.domain.collection.imports import Place, report_key
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.identifiers import Identifier, identity_key, profile_id_for
from attune.ports.imports import StoredFile
from attune.sources.file_rows import table_rows, text_rows
from attune.use_cases.collection.import_files import ImportFiles
from attune.use_cases.collection.pace_stream import PaceStream
from attune.use_cases.collection.take_rows import TakeRows
from attune.use_cases.collection.take_turns import TakeTurns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PIECE: Final = 4 * 1024 * 1024
NOW: Final = 1_750_000_000_000
TILLS: Final = Source(
    id="tills",
    type="file",
    consent={"analytics": True, "personalization": True},
    mapping=Mapping(
        event="'Order Completed'",
        message_id="receipt",
        time="sold_at",
        identifiers={"loyalty_id": "card"},
        properties={"order_id": "receipt", "total": "to_number(total)", "store": "store"},
    ),
)


class Disk(MemoryImportBucket):
    """A file on the disk, read as S3 gives it out; notes in memory."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def look(self, key: str) -> StoredFile:
        """As it lies there."""
        return StoredFile(key=key, etag="one", size=self._path.stat().st_size, arrived_at=NOW)

    def pieces(self, _: StoredFile, offset: int) -> Iterator[bytes]:
        """A few MB each."""
        return pieces(self._path, offset)


class Pseudonyms:
    """`Identified` that remembers nobody; the deployed one remembers a few thousand."""

    def key(self, identifier: Identifier) -> str:
        """Of an identifier."""
        return identity_key(b"benchmark", identifier)

    def profile_id(self, first: str, generation: int) -> str:
        """Of who is founded by it."""
        return profile_id_for(b"benchmark", first, generation)


class Sink:
    """`EventStream` that counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        """Forgets them."""
        self.counts.update(records=len(records), bytes=sum(len(data) for _, data in records))


def pieces(path: Path, offset: int) -> Iterator[bytes]:
    """The file's bytes."""
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(PIECE):
            yield piece


def take_in(path: Path) -> dict[str, Any]:
    """The whole use case, without waiting for the stream's share."""
    bucket, sink = Disk(path), Sink()
    key = f"imports/tills/{path.name}"
    with tempfile.TemporaryDirectory() as folder:
        work = ImportFiles(
            bucket=bucket,
            tables=DuckTables(Path(folder) / "scratch"),
            turns=TakeTurns(bucket, lambda: NOW),
            definitions=Fixed(),
            take=TakeRows(
                pseudonyms=Pseudonyms(),
                pace=PaceStream(sink, shards=1, clock=lambda: NOW, sleep=lambda _: None),
                count=lambda *_: None,
            ),
            clock=lambda: NOW,
        )
        work("run", key, lambda: True)
    note = bucket.note(report_key(key))
    assert note is not None  # noqa: S101
    report = json.loads(note.content)
    return {"rows": report["accepted"], "state": report["state"], **sink.counts}


class Fixed:
    """`DefinitionReader` of the one source."""

    def __init__(self) -> None:
        self._snapshot = snapshot((TILLS,))

    def current(self) -> Any:
        """Always the same."""
        return self._snapshot


def read(path: Path) -> dict[str, Any]:
    """Rows as documents, each with its place."""
    if path.suffix == ".parquet":
        with tempfile.TemporaryDirectory() as folder:
            documents = DuckTables(Path(folder) / "scratch").rows(pieces(path, 0), 0)
            return {"rows": sum(1 for row in table_rows(documents, Place()) if row.document)}
    rows = text_rows(path.name, lambda offset: pieces(path, offset), Place(), ",")
    return {"rows": sum(1 for row in rows if row.document)}


def plain(path: Path) -> dict[str, Any]:
    """What everybody has: dictionaries from Python's own reader, or tuples from DuckDB."""
    if path.suffix == ".parquet":
        with duckdb.connect(config={"threads": "1", "memory_limit": "384MB"}) as duck:
            found = duck.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
            return {"rows": sum(len(some) for some in iter(lambda: found.fetchmany(2_000), []))}
    with path.open(newline="", encoding="utf-8") as file:
        return {"rows": sum(1 for _ in csv.DictReader(file))}


def peak() -> int:
    """MB of memory at the highest."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    what = {"import": take_in, "read": read, "plain": plain}[sys.argv[1]]
    begun = time.process_time()
    answer = what(Path(sys.argv[2]))
    print(json.dumps({**answer, "seconds": time.process_time() - begun, "peak": peak()}))
