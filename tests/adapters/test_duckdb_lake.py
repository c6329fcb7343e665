"""What DuckDB makes of raw rows: the columns of the table, and of an event's rows the one that counts.

The oracle is written from the docstring of `verdicts.Row` and shares nothing with what it judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attune.adapters.lake_lines import Line, table_row
from attune.adapters.lake_tables import EVENTS, PROFILES
from attune.domain.processing.verdicts import Row, Verdict, encode_row
from tests.builders import DAY, NOW, profile_id
from tests.faults.effort import examples
from tests.lakes import AFTER, BEFORE, TODAY, LakeOfTests, live, row, tombstone

DUCKDB_TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN", "binary": "BLOB"}


@pytest.fixture(scope="module")
def one_lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


@pytest.fixture
def lake(one_lake: LakeOfTests) -> LakeOfTests:
    one_lake.empty()
    return one_lake


def test_a_line_is_read_as_a_row_is_made() -> None:
    assert Line.__struct_fields__ == Row.__struct_fields__
    bare: Any = {"message_id": "m", "source": "shop", "received_at": 1, "processed_at": 2, "verdict": Verdict.DROPPED}
    made, read = Row(**bare), Line(**bare)
    assert msgspec.structs.asdict(read) | {"properties": {}} == msgspec.structs.asdict(made)


def test_what_a_row_leaves_out_has_the_defaults_of_a_row(lake: LakeOfTests) -> None:
    bare = Row(message_id="m", source="shop", verdict=Verdict.DROPPED, received_at=1, processed_at=2)
    assert set(json.loads(encode_row(bare))) == {"message_id", "source", "verdict", "received_at", "processed_at"}
    lake.arrive(bare)
    lake.compact()
    [kept] = lake.table()
    texts = dict.fromkeys(("reason", "fingerprint", "profile_id", "absorbed", "type", "event"), "")
    nothing = dict.fromkeys(("order_id", "product_id", "total", "revenue", "value", "consent_personalization"))
    numbers = {"received_at": 1, "processed_at": 2, "version": 0, "time": 0}
    rest = {
        "message_id": "m",
        "source": "shop",
        "verdict": "dropped",
        "properties": "{}",
        "sealed": b"",
        "repeated": False,
    }
    assert {name: value for name, value in kept.items() if name != "dt"} == {**texts, **nothing, **numbers, **rest}


def test_every_field_of_a_row_arrives_as_it_was(lake: LakeOfTests) -> None:
    properties = {
        "order_id": "o-1",
        "product_id": 7,
        "total": 12.50,
        "revenue": "9.90",
        "value": None,
        "products": [{}],
    }
    whole = row(
        reason="why",
        absorbed=profile_id(9),
        properties=properties,
        consent={"analytics": True, "personalization": False},
        sealed=bytes(range(256)),
        event="Größe \x00 \U0001f600 'quoted' \"twice\"\n",
        time=2**62,
    )
    lake.arrive(whole)
    lake.compact()
    [kept] = lake.table()
    expected = msgspec.structs.asdict(whole) | {
        "verdict": "applied",
        "properties": msgspec.json.encode(properties).decode(),
        "consent_personalization": False,
        "order_id": "o-1",
        "product_id": "7",
        "total": "12.5",
        "revenue": "9.90",
        "value": "null",
        "repeated": False,
    }
    for name in ("consent", "replayed_at", "copy"):
        del expected[name]
    assert {name: value for name, value in kept.items() if name != "dt"} == expected


@given(number=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**64 - 1)))
def test_a_number_is_spelled_as_the_row_spells_it(number: float) -> None:
    read = table_row(encode_row(row(properties={"total": number})))
    assert read is not None
    assert read["total"] == msgspec.json.encode(number).decode()


def test_the_files_have_the_columns_that_the_tables_declare(lake: LakeOfTests) -> None:
    lake.arrive(row())
    lake.arrive(b"nothing that is a row", day=AFTER)
    lake.store(live())
    lake.compact()
    for day in (TODAY, AFTER):
        assert lake.columns(lake.files.days[day]) == [(name, DUCKDB_TYPES[kind]) for name, kind in EVENTS]
    assert lake.columns(lake.files.profiles) == [(name, DUCKDB_TYPES[kind]) for name, kind in PROFILES]


def test_the_largest_row_there_may_be_is_taken(lake: LakeOfTests) -> None:
    lake.arrive(row(sealed=bytes(740_000), properties={"products": ["\x01" * 2_000]}))
    lake.compact()
    assert [len(one["sealed"]) for one in lake.table()] == [740_000]


def test_a_day_of_many_chunks_is_one_file_in_the_order_of_arrival() -> None:
    lake = LakeOfTests(chunk=1_000)
    lake.arrive(*(row(message_id=f"{number:02d}") for number in range(12)))
    lake.arrive(row(message_id="03", version=2), b"no row", row(message_id="99"))
    lake.compact()
    kept = [f"{number:02d}" for number in range(12) if number != 3]
    assert [one["message_id"] for one in lake.table(TODAY, in_order=False)] == [*kept, "03", "99"]
    lake.close()


def test_a_merge_does_not_stand_in_the_way_of_its_event(lake: LakeOfTests) -> None:
    merged = {"verdict": "merged", "version": 9}
    lake.arrive(row(version=3), row(**merged, absorbed="x"), row(**merged, absorbed="y"), row(**merged, absorbed="y"))
    lake.compact()
    assert [(one["verdict"], one["absorbed"]) for one in lake.table()] == [
        ("applied", ""), ("merged", "x"), ("merged", "y"),
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------- the rule, from English

LIVE, TOMBSTONE, NEVER = profile_id(1), profile_id(2), profile_id(3)


@st.composite
def archived(draw: st.DrawFn) -> Row:
    """A row of one of few events, so that many rows are of the same one."""
    kind = draw(st.sampled_from(["applied", "applied", "dropped", "conflict", "merged"]))
    owner = "" if kind == "dropped" else draw(st.sampled_from([LIVE, LIVE, TOMBSTONE, NEVER, ""]))
    return row(
        message_id=draw(st.sampled_from(["m1", "m2"])),
        source=draw(st.sampled_from(["shop", "shop", "pos"])),
        fingerprint=draw(st.sampled_from(["aa" * 8, "aa" * 8, "bb" * 8])),
        verdict=kind,
        profile_id=owner,
        absorbed=draw(st.sampled_from(["x", "y"])) if kind == "merged" else "",
        version=draw(st.integers(0, 3)),
        processed_at=draw(st.integers(0, 2)),
    )


def event_of(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """Same source, message id and fingerprint; those of merges aside."""
    merge = (one["absorbed"],) if one["verdict"] == "merged" else ()
    return (one["source"], one["message_id"], one.get("fingerprint", ""), *merge)


def counting(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """By event the (version, verdict is dropped, processed_at) of the row that counts, where one does."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for one in rows:
        if one.get("profile_id", "") not in ("", LIVE, TOMBSTONE):
            continue  # its profile is not stored, live or as a tombstone
        rank = (one.get("version", 0), one["verdict"] == "dropped", one["processed_at"])
        key = event_of(one)
        found[key] = max(found.get(key, rank), rank)
    return found


REFUSED_AT_LAST = [
    (row(verdict="applied", profile_id=NEVER, version=1), TODAY),
    (row(verdict="dropped", profile_id="", version=0), TODAY),
]


@example(history=REFUSED_AT_LAST, cut=1)
@settings(max_examples=examples(20), deadline=None)
@given(
    history=st.lists(st.tuples(archived(), st.sampled_from([BEFORE, TODAY, AFTER])), max_size=14),
    cut=st.integers(0, 14),
)
def test_of_an_events_rows_the_one_that_counts_is_kept_on_whatever_day_they_came(
    one_lake: LakeOfTests, history: list[tuple[Row, str]], cut: int
) -> None:
    """Part of the history is compacted first, as on the days before: what comes later corrects it."""
    made = []
    for parts in ([history], [history[:cut], history[cut:]]):
        one_lake.empty()
        one_lake.store(live(1), tombstone(2, 1))
        for part in parts:
            for one, day in part:
                one_lake.arrive(one, day=day)
            one_lake.compact(NOW + DAY)
        made.append(dict(one_lake.files.days))
    assert made[0] == made[1], "what a lake becomes depends on when it was compacted"
    raw = [json.loads(encode_row(one)) for one, _ in history]
    table = one_lake.table() if history else []
    assert len({event_of(one) for one in table}) == len(table), "an event has more than one row"
    assert {event_of(one) for one in table} == {event_of(one) for one in raw}, "an event was lost"
    expected = counting(raw)
    for kept in table:
        key = event_of(kept)
        assert (kept["profile_id"] != NEVER) == (key in expected)
        if key in expected:
            assert (kept["version"], kept["verdict"] == "dropped", kept["processed_at"]) == expected[key]
