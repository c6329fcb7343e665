"""A file whose import breaks at any call, or meets another run at any call: every row counts once, each is reported."""

from __future__ import annotations

import gzip
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.collection.imports import source_of
from attune.use_cases.collection.import_files import HELD
from tests.builders import HOUR, MINUTE
from tests.faults.effort import seeds
from tests.faults.importing import KEY, Imports, Interlude, sale, table
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, Unreliable

ROWS = [
    sale(1, "L-1"),
    sale(2, "L-2"),
    sale(3, "L-1"),
    "R-4,L-3",
    sale(5, ""),
    sale(6, "L-2"),
    "R-7,L-3,7.50,no time",
    sale(8, "L-1"),
    sale(8, "L-1"),  # the same again: another sale
]
FILE = table(ROWS)


def imported(imports: Imports) -> dict[str, Any]:
    """All that must not depend on what broke."""
    imports.world.settle()
    report = imports.report()
    return {
        "orders": imports.orders(),
        "kept": imports.kept(),
        "report": {name: report[name] for name in ("state", "reason", "rows", "accepted", "rejected", "events")},
        "rejected": [(one["row"], one["line"], one["reason"]) for one in report["rejected_rows"]],
        "unsure": report["unsure"],
    }


def undisturbed(chunk: int = 3) -> dict[str, Any]:
    imports = Imports(chunk=chunk)
    imports.drop(KEY, FILE)
    imports.run(KEY)
    return imported(imports)


def calls() -> list[str]:
    wire = Steady()
    imports = Imports(wire=wire)
    imports.drop(KEY, FILE)
    imports.run(KEY)
    return wire.calls


CALLS = calls()
#: `stream.put.1`, `stream.put.2`: what a call is known by while others come and go
NAMED = [f"{name.removeprefix('import_files.')}.{CALLS[: at + 1].count(name)}" for at, name in enumerate(CALLS)]
WHOLE = undisturbed()


def test_the_file_is_about_everything() -> None:
    assert WHOLE["orders"] == Counter({"R-1": 1, "R-2": 1, "R-3": 1, "R-6": 1, "R-8": 2})
    assert WHOLE["report"] == {
        "state": "done",
        "reason": "",
        "rows": 9,
        "accepted": 6,
        "rejected": {"ragged_row": 1, "no_identifier": 1, "invalid_time": 1},
        "events": 6,
    }
    assert WHOLE["rejected"] == [(5, 5, "ragged_row"), (6, 6, "no_identifier"), (8, 8, "invalid_time")]
    assert sum(WHOLE["kept"].values()) == 3
    assert {"import_files.bucket.keep_note", "import_files.bucket.look", "import_files.stream.put"} <= set(CALLS)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("position", range(len(CALLS)), ids=NAMED)
def test_an_import_that_breaks_at_any_call_goes_on_where_it_was(position: int, fault: Fault, moment: Moment) -> None:
    imports = Imports(wire=BreakAt(position, fault, moment))
    imports.drop(KEY, FILE)
    imports.run(KEY)
    assert imported(imports) == WHOLE


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("position", range(len(CALLS)), ids=NAMED)
def test_a_notification_that_comes_again_at_any_moment_changes_nothing(position: int, applied: bool) -> None:
    imports = Imports()
    imports.drop(KEY, FILE)
    imports.run(KEY, wire=Interlude(position, lambda: imports.run(KEY, "again"), applied))
    imports.run(KEY, "later")
    assert imported(imports) == WHOLE


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("position", range(len(CALLS)), ids=NAMED)
def test_a_run_that_was_given_up_may_wake_beside_the_one_that_took_over(position: int, applied: bool) -> None:
    imports = Imports()
    imports.drop(KEY, FILE)

    def take_over() -> None:
        imports.world.time.now += HELD
        assert imports.run(KEY, "other").state in {"done", "left_to_another"}

    imports.run(KEY, wire=Interlude(position, take_over, applied))
    imports.run(KEY, "later")
    assert imported(imports) == WHOLE


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("position", range(30))
def test_a_file_that_replaces_another_is_imported_whatever_that_ones_run_does(position: int, applied: bool) -> None:
    imports = Imports()
    imports.drop(KEY, FILE)
    imports.call(KEY, "old")
    imports.drop(KEY, table([sale(number, "L-9") for number in range(20, 28)]))
    imports.run(KEY, "new", wire=Interlude(position, lambda: imports.call(KEY, "old"), applied))
    imports.run(KEY, "old")
    imports.world.settle()
    report = imports.report()
    assert (report["state"], report["rows"], report["accepted"]) == ("done", 8, 8)
    orders = imports.orders()
    assert all(orders[f"R-{number}"] == 1 for number in range(20, 28))


def test_the_last_sign_of_a_run_that_is_over_does_not_keep_the_new_file_from_being_imported() -> None:
    """The old run's progress comes between the new run's look at the report and its own word; then it is gone."""
    imports, name = Imports(), f"{KEY}.report.json"
    imports.drop(KEY, FILE)
    imports.call(KEY, "old")
    imports.drop(KEY, table([sale(20, "L-9")]))

    def go_on() -> None:
        note = imports.bucket.note(name)
        assert note is not None
        imports.bucket.keep_note(name, note.content.replace(b'"rows": 3', b'"rows": 6'), note.tag)

    begins = CALLS.index("import_files.bucket.keep_note")
    imports.run(KEY, "new", wire=Interlude(begins, go_on))
    assert (imports.report()["state"], imports.report()["rows"]) == ("done", 1)


@pytest.mark.parametrize("position", range(len(CALLS)), ids=NAMED)
def test_a_report_that_somebody_removes_is_made_again(position: int) -> None:
    imports = Imports()
    imports.drop(KEY, FILE)

    def remove() -> None:
        if imports.bucket.look(f"{KEY}.report.json"):
            imports.bucket.remove(f"{KEY}.report.json")

    imports.run(KEY, wire=Interlude(position, remove))
    imports.run(KEY, "later")
    found = imported(imports)
    assert (found["orders"], found["report"]["state"]) == (WHOLE["orders"], "done")


@pytest.mark.parametrize("seed", seeds(25))
def test_several_breaks_one_after_the_other_change_nothing_either(seed: int) -> None:
    imports = Imports(wire=Unreliable(Random(seed), rate=0.1), chunk=1 + seed % 4)
    imports.drop(KEY, FILE)
    for run in ("first", "second", "third"):
        try:
            imports.run(KEY, run)
        except AssertionError:
            imports.world.time.now += HELD  # the run has failed; somebody begins another
    imports.wire = Steady()
    imports.world.time.now += HELD
    imports.run(KEY, "last")
    assert imported(imports) == WHOLE


@given(
    cards=st.lists(st.sampled_from(["L-1", "L-2", ""]), max_size=12),
    chunk=st.integers(1, 8),
    chunks=st.integers(1, 4),
    packed=st.booleans(),
    breaks=st.lists(st.integers(0, 60), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_in_whatever_chunks_a_file_is_read_its_rows_count_once(
    cards: list[str], chunk: int, chunks: int, packed: bool, breaks: list[int]
) -> None:
    rows = [sale(number, card) for number, card in enumerate(cards, 1)]
    imports = Imports(chunk=chunk)
    key = "imports/tills/a.csv.gz" if packed else "imports/tills/a.csv"
    imports.drop(key, gzip.compress(table(rows)) if packed else table(rows))
    for position in breaks:
        try:
            imports.call(key, wire=BreakAt(position, Fault.CRASH, Moment.APPLIED), chunks=chunks)
        except Crash:
            continue
    imports.run(key, chunks=chunks)
    imports.world.settle()
    assert imports.orders() == Counter(f"R-{number}" for number, card in enumerate(cards, 1) if card)
    report = imports.report(key)
    assert (report["rows"], report["accepted"]) == (len(cards), len(cards) - cards.count(""))


def test_a_run_taken_up_after_a_day_names_the_rows_of_which_nobody_can_be_sure() -> None:
    """The chunk in hand may be on the stream, and profiles remember its ids for a day."""
    imports = Imports(wire=BreakAt(CALLS.index("import_files.stream.put") + 4, Fault.CRASH, Moment.BEFORE))
    imports.drop(KEY, FILE)
    with pytest.raises(Crash):
        imports.call(KEY, chunks=9)
    imports.world.settle()
    imports.world.time.now += 25 * HOUR
    imports.run(KEY, "next-day")
    assert imports.report()["unsure"] == [[imports.chunk + 2, 2 * imports.chunk + 1]]


def test_a_run_taken_up_within_the_day_is_sure() -> None:
    imports = Imports(wire=BreakAt(CALLS.index("import_files.stream.put") + 4, Fault.CRASH, Moment.BEFORE))
    imports.drop(KEY, FILE)
    with pytest.raises(Crash):
        imports.call(KEY, chunks=9)
    imports.world.time.now += 22 * HOUR
    imports.run(KEY, "evening")
    assert imported(imports) == WHOLE


def test_files_take_turns_so_that_the_stream_gives_one_share() -> None:
    imports = Imports()
    other = "imports/tills/other.csv"
    for key in (KEY, other):
        imports.drop(key, FILE)
    answers: list[Any] = []
    turn = CALLS.index("import_files.stream.put")
    imports.call(KEY, "one", wire=Interlude(turn, lambda: answers.append(imports.call(other, "two"))), chunks=9)
    assert [(answer.done, answer.state) for answer in answers] == [(False, "waiting")]
    assert imports.report(other)["rows"] == 0
    imports.run(other, "two")
    assert imports.report(other)["state"] == "done"


def test_a_killed_run_keeps_others_waiting_for_two_minutes_at_most() -> None:
    imports = Imports()
    imports.drop(KEY, FILE)
    imports.drop("imports/tills/other.csv", FILE)
    imports.bucket.keep_note(
        "turn.report.json", b'{"run":"gone","until":%d}' % (imports.world.time.now + 2 * MINUTE), None
    )
    assert imports.call(KEY).state == "waiting"
    imports.world.time.now += 2 * MINUTE
    assert imports.call(KEY).state == "reading"


def test_only_files_below_a_source_are_imported() -> None:
    assert source_of("imports/tills/2025/06/15.csv") == "tills"
    for key in ("imports/tills/", "imports/x.csv", "x.csv", "imports//x.csv", "imports/tills/x.csv.report.json"):
        assert source_of(key) is None
        imports = Imports()
        imports.bucket.put(key, FILE)
        assert imports.call(key).done
