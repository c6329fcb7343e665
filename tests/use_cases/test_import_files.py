"""What becomes of a dropped file: its rows as customers' events, its report, and a reason where nothing can be read."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.memory import MemoryStream
from attune.adapters.memory_imports import MemoryImportBucket
from attune.domain.collection.imports import NAMED
from attune.domain.definitions.conditions import Performed
from attune.domain.definitions.kinds import Segment, Trigger
from attune.domain.definitions.mappings import Mapping
from attune.domain.events import decode_record
from attune.domain.profiles.consent import permits
from attune.domain.profiles.state import decode_profile
from attune.ports import StreamUnavailableError
from attune.ports.imports import StoredFile
from attune.sources.file_pieces import MAX_ROW
from attune.use_cases.collection import import_files
from attune.use_cases.collection.pace_stream import BYTES, RECORDS, PaceStream
from tests.builders import DAY, NOW, SECOND, campaign, event, identifiers, key_of
from tests.faults.effort import LONG
from tests.faults.importing import HEADER, KEY, Imports, sale, table, tills
from tests.faults.wires import BreakAt, Fault, Moment, Steady
from tests.faults.world import World

ROOT = Path(__file__).resolve().parents[2]


def imported(key: str, content: bytes, *more: Any) -> tuple[Imports, dict[str, Any]]:
    imports = Imports(*more)
    imports.drop(key, content)
    assert imports.run(key).state in {"done", "failed"}
    imports.world.settle()
    return imports, imports.report(key)


def test_sales_of_the_tills_are_those_of_the_customer_with_the_card() -> None:
    world = World(tills())
    linked = identifiers(anonymous_id="visitor", loyalty_id="L-1")
    world.send(event("Product Viewed", identifiers=linked, time=NOW - DAY))
    imports = Imports(world=world)
    imports.drop(KEY, table([sale(1, "L-1"), sale(2, "L-1"), sale(3, "L-2")]))
    imports.run(KEY)
    world.settle()
    assert sorted(state["events"] for state in world.states()) == [1, 3]


def test_a_report_says_what_became_of_the_rows() -> None:
    rows = [sale(1, "L-1"), "R-2,L-2", sale(3, "")]
    _, report = imported(KEY, table(rows))
    times = [report.pop(name) for name in ("started_at", "updated_at")]
    assert times == sorted(times)
    assert all(time.startswith("2025-06-15T15:") for time in times)
    assert report.pop("seconds") >= 0
    for name in ("etag", "run", "held_until", "place"):
        report.pop(name)
    assert report == {
        "file": KEY,
        "source": "tills",
        "size": len(table(rows)),
        "state": "done",
        "reason": "",
        "rows": 3,
        "accepted": 1,
        "events": 1,
        "rejected": {"ragged_row": 1, "no_identifier": 1},
        "rejected_rows": [
            {"row": 3, "line": 3, "reason": "ragged_row"},
            {"row": 4, "line": 4, "reason": "no_identifier"},
        ],
        "unsure": [],
    }


def test_the_report_of_a_file_that_is_being_read_shows_how_far_it_is() -> None:
    imports = Imports(chunk=2)
    imports.drop(KEY, table([sale(number, "L-1") for number in range(1, 6)]))
    assert imports.call(KEY) == import_files.Answer(done=False, state="reading")
    assert (imports.report()["state"], imports.report()["rows"]) == ("reading", 2)


def test_a_report_repeats_nothing_of_what_rows_say() -> None:
    imports, _ = imported(KEY, table(["secret@example.com,L-1", "R-2,,private,x,y,z"]))
    note = imports.bucket.note(f"{KEY}.report.json")
    assert note is not None
    assert b"secret" not in note.content
    assert b"private" not in note.content
    assert {text for _, text in imports.kept()} == {"secret@example.com,L-1", "R-2,,private,x,y,z"}


def test_a_rejected_row_lies_in_quarantine_with_its_place() -> None:
    imports, _ = imported(KEY, table([sale(1, ""), "R-2"]))
    records = [decode_record(record.data) for record in imports.world.stream.records]
    rejected = [one for record in records for one in record.rejected]
    assert [(one.reason, one.how) for one in rejected] == [
        ("no_identifier", {"file": KEY, "row": 2}),
        ("ragged_row", {"file": KEY, "row": 3}),
    ]
    assert json.loads(rejected[0].raw)["receipt"] == "R-1"


UNUSABLE = {
    "empty": (KEY, b"", "empty_file"),
    "empty lines": (KEY, b"\r\n\r\n", "empty_file"),
    "another encoding": (KEY, f"{HEADER}\n".encode("utf-16"), "invalid_encoding"),
    "another delimiter": (KEY, HEADER.replace(",", ";").encode(), "wrong_delimiter"),
    "no header": (KEY, b"a,a\n1,2\n", "invalid_header"),
    "a spreadsheet": ("imports/tills/a.xlsx", b"PK", "unknown_format"),
    "a packed table": ("imports/tills/a.parquet.gz", b"x", "unknown_format"),
    "no archive": ("imports/tills/a.csv.gz", b"receipt,card\n", "invalid_gzip"),
    "a cut table": ("imports/tills/a.parquet", b"PAR1 and so on", "invalid_parquet"),
    "nobody's": ("imports/nobody/a.csv", b"a\n1\n", "unknown_source"),
    "a client's": ("imports/shop/a.csv", b"a\n1\n", "not_a_file_source"),
}


@pytest.mark.parametrize(("key", "content", "reason"), UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_file_that_cannot_be_read_says_why_and_is_not_tried_for_ever(
    key: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    imports = Imports()
    imports.tables = DuckTables(tmp_path / "scratch")
    imports.drop(key, content)
    assert imports.call(key) == import_files.Answer(done=True, state="failed")
    report = imports.report(key)
    assert (report["state"], report["reason"], report["rows"]) == ("failed", reason, 0)


LIMITS = [(KEY, import_files.MAX_TEXT), ("imports/tills/a.parquet", import_files.MAX_TABLE)]


@pytest.mark.parametrize(("key", "limit"), LIMITS)
def test_a_file_beyond_the_bound_is_not_begun(key: str, limit: int) -> None:
    class Claiming(MemoryImportBucket):
        def look(self, key: str) -> StoredFile | None:
            found = super().look(key)
            return found and msgspec.structs.replace(found, size=limit + 1)

    imports = Imports()
    imports.bucket = Claiming()
    imports.drop(key, b"x")
    assert imports.call(key).state == "failed"
    assert imports.report(key)["reason"] == "too_large"


PARTS = [b"receipt,card", b'"', b"\n", b",", b"\r", b"{", b'"a":1}', b"\x1f\x8b", b"PAR1", b"\0", b"\xff"]
noise = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PARTS)).map(b"".join))


@given(noise, st.sampled_from(["a.csv", "a.ndjson", "a.csv.gz", "a.jsonl.gz"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_in_a_report(content: bytes, name: str, packed: bool) -> None:
    imports, key = Imports(), f"imports/tills/{name}"
    imports.drop(key, gzip.compress(content) if packed else content)
    assert imports.run(key, chunks=100).state in {"done", "failed"}
    report = imports.report(key)
    assert report["rows"] == report["accepted"] + sum(report["rejected"].values())
    assert (report["state"] == "failed") == (report["reason"] not in {"", "no_rows"})


def test_a_header_alone_is_done_without_rows() -> None:
    _, report = imported(KEY, f"{HEADER}\n".encode())
    assert (report["state"], report["reason"], report["rows"]) == ("done", "no_rows", 0)


def test_what_lies_before_the_damage_counts_and_the_file_goes_on_when_it_is_mended() -> None:
    """A file that is dropped again is another one; the rows of it that are known are told by their ids."""
    key, whole = "imports/tills/a.csv.gz", table([sale(number, f"L-{number}") for number in range(1, 400)])
    imports = Imports(chunk=50)
    imports.drop(key, gzip.compress(whole)[:-2000])
    assert imports.run(key).state == "failed"
    report = imports.report(key)
    assert report["reason"] == "invalid_gzip"
    assert 0 < report["rows"] < 399
    imports.drop(key, gzip.compress(whole))
    assert imports.run(key, "again").state == "done"
    imports.world.settle()
    assert imports.report(key)["accepted"] == 399
    assert imports.orders() == Counter(f"R-{number}" for number in range(1, 400))


def test_a_failed_file_is_begun_again_where_it_stopped_once_its_source_is_there() -> None:
    imports = Imports()
    content = table([sale(1, "L-1")])
    imports.drop("imports/kiosk/a.csv", content)
    assert imports.run("imports/kiosk/a.csv").state == "failed"
    with_kiosk = Imports(world=World(tills(id="kiosk")))
    with_kiosk.bucket = imports.bucket
    assert with_kiosk.run("imports/kiosk/a.csv", "by hand").state == "done"
    assert with_kiosk.report("imports/kiosk/a.csv")["accepted"] == 1


def test_a_file_that_is_dropped_again_as_it_was_doubles_nothing() -> None:
    imports = Imports()
    content = table([sale(1, "L-1"), sale(2, "L-2")])
    for run in ("one", "two"):
        imports.drop(KEY, content)
        assert imports.run(KEY, run).state == "done"
    imports.world.settle()
    assert imports.orders() == Counter({"R-1": 1, "R-2": 1})


def test_a_mended_file_in_its_place_adds_what_was_missing() -> None:
    imports = Imports()
    imports.drop(KEY, table([sale(1, "L-1"), "R-2,L-2", sale(3, "L-1")]))
    imports.run(KEY)
    imports.drop(KEY, table([sale(1, "L-1"), sale(2, "L-2"), sale(3, "L-1")]))
    imports.run(KEY, "again")
    imports.world.settle()
    assert imports.orders() == Counter({"R-1": 1, "R-2": 1, "R-3": 1})
    assert imports.report()["rejected"] == {}


def test_a_file_replaced_while_it_is_read_gives_way_to_the_new_one() -> None:
    imports = Imports(chunk=2)
    imports.drop(KEY, table([sale(number, "L-1") for number in range(1, 9)]))
    imports.call(KEY, "old")
    imports.drop(KEY, table([sale(20, "L-2")]))
    assert imports.run(KEY, "new").state == "done"
    assert imports.run(KEY, "old").done
    report = imports.report()
    assert (report["run"], report["rows"], report["state"]) == ("new", 1, "done")


def test_a_file_that_is_taken_away_is_no_error() -> None:
    imports = Imports(chunk=2)
    imports.drop(KEY, table([sale(number, "L-1") for number in range(1, 9)]))
    imports.call(KEY)
    imports.bucket.remove(KEY)
    assert imports.run(KEY).state == "no_file"


def test_parquet_is_imported_row_by_row(tmp_path: Path) -> None:
    made = tmp_path / "made.parquet"
    duckdb.sql(
        "SELECT 'R-' || i AS receipt, 'L-' || (i % 3) AS card, i::DOUBLE AS total,"
        " TIMESTAMP '2025-06-15 10:00:00' AS sold_at FROM range(1, 11) AS t(i)"
    ).write_parquet(str(made))
    imports, key = Imports(chunk=4), "imports/tills/a.parquet"
    imports.tables = DuckTables(tmp_path / "scratch")
    imports.drop(key, made.read_bytes())
    imports.run(key)
    imports.world.settle()
    assert imports.orders() == Counter(f"R-{number}" for number in range(1, 11))


def test_a_row_of_a_table_that_is_too_long_costs_nothing_but_itself(tmp_path: Path) -> None:
    made = tmp_path / "made.parquet"
    duckdb.sql(
        "SELECT 'R-' || i AS receipt, 'L-1' AS card, repeat('x', CASE WHEN i = 700 THEN 1500000 ELSE 1 END) AS note,"
        " TIMESTAMP '2025-06-15 10:00:00' AS sold_at FROM range(1, 1001) AS t(i)"
    ).write_parquet(str(made))
    imports, key = Imports(chunk=500), "imports/tills/a.parquet"
    imports.tables = DuckTables(tmp_path / "scratch")
    imports.drop(key, made.read_bytes())
    assert imports.run(key).state == "done"
    report = imports.report(key)
    assert (report["accepted"], report["rejected"]) == (999, {"row_too_long": 1})
    assert [one["row"] for one in report["rejected_rows"]] == [700]
    [kept] = [one for record in imports.world.stream.records for one in decode_record(record.data).rejected]
    assert len(kept.raw) == MAX_ROW


def test_rows_of_many_events_make_chunks_of_few_rows() -> None:
    """Else a chunk would take longer at the stream's share than a function may run."""
    mapping = Mapping(each="lines", event="'Sold'", identifiers={"loyalty_id": "card"}, properties={"order_id": "sku"})
    imports, key = Imports(tills(id="baskets", mapping=mapping), chunk=500), "imports/baskets/a.ndjson"
    rows = [{"lines": [{"card": f"L-{row}", "sku": f"{row}-{item}"} for item in range(400)]} for row in range(5)]
    imports.drop(key, b"\n".join(map(msgspec.json.encode, rows)))
    seen = []
    while not imports.call(key).done:
        seen.append(imports.report(key)["rows"])
    assert seen == [1, 2, 3, 4, 5]
    imports.world.settle()
    assert imports.orders() == Counter(f"{row}-{item}" for row in range(5) for item in range(400))


def test_the_ledger_knows_every_refused_row_once_however_alike_they_are_and_however_often_they_are_read() -> None:
    wire = Steady()
    steady = Imports(wire=wire, chunk=100)
    steady.bucket.put("imports/tills/a.ndjson", b"{}\n" * 300, NOW)
    steady.run("imports/tills/a.ndjson")
    puts = [at for at, name in enumerate(wire.calls) if name == "import_files.stream.put"]
    imports = Imports(wire=BreakAt(puts[15], Fault.CRASH, Moment.APPLIED), chunk=100)
    for key in ("imports/tills/a.ndjson", "imports/tills/b.ndjson"):
        imports.bucket.put(key, b"{}\n" * 300, NOW)
        imports.run(key)
    imports.world.settle()
    rows = [row for row in map(json.loads, imports.world.lake.rows) if row["verdict"] == "rejected"]
    arrivals = {
        (row["source"], row["message_id"], row["fingerprint"], row["received_at"], row.get("copy", 0)) for row in rows
    }
    assert len(arrivals) == 600
    assert sum(imports.kept().values()) == 600


def test_ndjson_may_hold_several_events_a_row() -> None:
    mapping = Mapping(
        each="lines",
        event="'Product Purchased'",
        identifiers={"loyalty_id": "card"},
        properties={"order_id": "sku"},
    )
    key = "imports/baskets/a.ndjson"
    rows = [
        {"lines": [{"card": "L-1", "sku": "a"}, {"card": "L-1", "sku": "a"}]},
        {"lines": [{"card": "L-1", "sku": "b"}, {"sku": "c"}]},
    ]
    content = b"\n".join(map(msgspec.json.encode, rows))
    imports, report = imported(key, content, tills(id="baskets", mapping=mapping))
    assert (report["rows"], report["accepted"], report["events"]) == (2, 1, 3)
    assert report["rejected"] == {"no_identifier": 1}
    assert imports.orders() == Counter({"a": 2, "b": 1})
    assert imports.kept() == Counter({("no_identifier", '{"sku":"c"}'): 1})


def test_a_row_that_states_consent_is_heard_before_what_it_tells() -> None:
    mapping = Mapping(
        event="'Signed Up'",
        time="at",
        identifiers={"loyalty_id": "card"},
        consent={"email": "newsletter"},
    )
    content = b"card,at,newsletter\nL-1,2025-06-01T00:00:00Z,yes\nL-2,2025-06-01T00:00:00Z,no\n"
    imports, _ = imported("imports/signups/a.csv", content, tills(id="signups", mapping=mapping))
    said = {permits("email", decode_profile(item.state).consent) for item in imports.world.live_items()}
    assert said == {True, False}


def test_history_fires_nothing_and_what_happens_now_does() -> None:
    """Two sales within a day make somebody a regular: last year they make nobody one to be told of."""
    regular = Segment(id="regular", when=Performed(event="Order Completed", at_least=2, within="24h"))
    thanks = campaign(id="thanks", trigger=Trigger(segment="regular"))
    old = [sale(number, "L-old", "2024-06-15") for number in (1, 2, 3)]
    new = [sale(number, "L-new") for number in (4, 5, 6)]
    imports, _ = imported(KEY, table([*old, *new]), regular, thanks)
    imports.world.pass_time(DAY)
    told_of = {one.profile_id for one in imports.world.deliveries.all()}
    of_new = imports.world.pseudonyms.profile_id(key_of("loyalty_id", "L-new"), 0)
    assert told_of == {of_new}
    past = imports.world.pseudonyms.profile_id(key_of("loyalty_id", "L-old"), 0)
    [state] = [state for state in imports.world.states() if state["profile_id"] == past]
    assert state["events"] == 3


def test_a_busy_stream_ends_the_call_and_not_the_run() -> None:
    imports = Imports()
    imports.drop(KEY, table([sale(1, "L-1")]))

    class Busy:
        def put(self, _: Sequence[Any]) -> None:
            raise StreamUnavailableError("no")

    stream, imports.world.stream = imports.world.stream, Busy()  # type: ignore[assignment]
    for _ in range(10):
        assert imports.call(KEY) == import_files.Answer(done=False, state="stream_busy")
    imports.world.stream = stream
    assert imports.run(KEY).state == "done"
    imports.world.settle()
    assert imports.orders() == Counter({"R-1": 1})


def test_a_file_of_bad_rows_does_not_fill_quarantine_nor_its_report() -> None:
    imports = Imports(chunk=500)
    imports.drop(KEY, table(["bad"] * (NAMED + 700)))
    imports.run(KEY, chunks=100)
    report = imports.report()
    assert report["rejected"] == {"ragged_row": NAMED + 700}
    assert len(report["rejected_rows"]) == NAMED
    records = [decode_record(record.data) for record in imports.world.stream.records]
    assert sum(len(record.rejected) for record in records) == NAMED


def test_rows_take_a_fifth_of_the_stream_and_no_more_at_any_moment() -> None:
    now = [NOW]
    put: list[tuple[int, int, int]] = []

    class Stream(MemoryStream):
        def put(self, records: Sequence[tuple[str, bytes]]) -> None:
            put.append((now[0], len(records), sum(len(data) for _, data in records)))

    def sleep(seconds: float) -> None:
        now[0] += round(seconds * 1_000)

    for size, number in ((100, 3_000), (5_000, 600)):
        put.clear()
        pace = PaceStream(Stream(), shards=1, clock=lambda: now[0], sleep=sleep)
        begun = now[0]
        for _ in range(number // 300):
            pace([(f"{one}", bytes(size)) for one in range(300)])
        seconds = (now[0] - begun) / SECOND
        assert sum(records for _, records, _ in put) == number
        assert 0.85 < seconds / (number * max(1 / RECORDS, size / BYTES)) < 1.2
        for start, _, _ in put:
            within = [one for one in put if start <= one[0] < start + SECOND]
            assert sum(records for _, records, _ in within) <= 1.5 * RECORDS
            assert sum(size for _, _, size in within) <= 1.5 * BYTES


MEASURE = """
import resource, sys
limit = int(sys.argv[3]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from pathlib import Path
from attune.domain.collection.imports import Place
from attune.sources.file_rows import text_rows
path = Path(sys.argv[1])
def pieces(offset):
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(4 * 1024 * 1024):
            yield piece
rows = sum(1 for _ in text_rows(path.name, pieces, Place(), ","))
assert rows == int(sys.argv[2]), rows
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.csv.gz"])
def test_a_large_file_is_read_in_little_memory(name: str, tmp_path: Path) -> None:
    """200 MB in a long run; peak memory does not follow the size."""
    size, path = (200 if LONG else 20) * 10**6, tmp_path / name
    row = b'{"a":"' + b"x" * 190 + b'"}\n' if "ndjson" in name else b"R-1,L-1,9.50," + b"x" * 187 + b"\n"
    rows = size // len(row)
    data = row * rows if "ndjson" in name else HEADER.encode() + b"\n" + row * rows
    path.write_bytes(gzip.compress(data, 1) if name.endswith("gz") else data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(rows), "220"],
        env={"PYTHONPATH": str(ROOT / "layers/core/python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 90
