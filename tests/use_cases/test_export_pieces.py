"""What is held of somebody is gathered piece by piece: the same whole comes of it, however often it is cut off."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from attune.adapters.memory_history import MemoryHistory
from attune.domain.privacy.export_progress import pieces_of, progress_key
from attune.use_cases.erasure.rewrite_objects import MAX_LINE
from attune.use_cases.exports.export_profiles import ExportProfiles
from attune.use_cases.exports.write_exports import WriteExports
from attune.use_cases.privacy.manage_privacy import export_key
from tests.builders import DAY, MINUTE, event, identifiers
from tests.use_cases.privacy_desk import RUN, PrivacyDesk
from tests.use_cases.test_privacy_requests import EMAIL, later, signs_up

#: inputs and rows of each
MANY = 45


def in_quarantine(desk: PrivacyDesk, number: int, text: str = "") -> None:
    raw = json.dumps({"email": "ann@example.com", "number": number, "text": text}).encode()
    desk.processor.quarantine.keep("no_identifier", "shop", desk.clock() + number, raw)
    desk.processor.quarantine.keep("no_identifier", "shop", desk.clock() + number, b"of nobody %d" % number)


@pytest.fixture
def desk() -> PrivacyDesk:
    """Ann, with much of everything; a part of it from before she was known."""
    desk = PrivacyDesk()
    for number in range(MANY):
        desk.processor.send(
            event(f"Event {number}", identifiers=identifiers(anonymous_id="old"), time=desk.clock() + number)
        )
    signs_up(desk)
    desk.processor.send(event("Linked", identifiers=identifiers(user_id="ann", anonymous_id="old")))
    for number in range(MANY):
        in_quarantine(desk, number)
        line = json.dumps({"userId": "ann", "number": number}) + "\n"
        desk.imports.put(f"imports/till/{number:03d}.ndjson", io.BytesIO(line.encode()))
    rows = "".join(f"{number},{'ann@example.com' if number % 999 == 0 else 'x'}\n" for number in range(3_000))
    desk.imports.put("imports/till/long.csv", io.BytesIO(f"number,email\n{rows}".encode()))
    later(desk)
    return desk


def lake_of(desk: PrivacyDesk) -> MemoryHistory:
    return MemoryHistory(lambda: desk.processor.lake.rows, desk.processor.store)


def exporter(desk: PrivacyDesk, **bounds: int) -> ExportProfiles:
    return desk.export(lake_of(desk), **bounds)


def go_on(desk: PrivacyDesk, request: Any, export: ExportProfiles, run: str = RUN) -> int:
    """To its end, if time is up after each piece: how many calls that took."""
    calls = 1
    while export(request, run, lambda: False) is None:
        calls += 1
    return calls


def begun(desk: PrivacyDesk, request: Any, calls: int) -> ExportProfiles:
    """So far."""
    export = exporter(desk)
    for _ in range(calls):
        assert export(request, RUN, lambda: False) is None
    return export


def asked(desk: PrivacyDesk) -> Any:
    request = desk.requests.get(desk.ask("access", EMAIL)["request_id"])
    assert request is not None
    return request


def document(desk: PrivacyDesk, request: Any, kind: str = "json") -> Any:
    data = desk.documents.documents[export_key(request.request_id, kind)][0]
    return json.loads(data) if kind == "json" else data.decode()


def whole(desk: PrivacyDesk, request: Any) -> Any:
    """At one go."""
    assert exporter(desk)(request, RUN, lambda: True) is not None
    return document(desk, request)


def test_the_same_comes_of_it_if_time_is_up_after_each_piece(desk: PrivacyDesk) -> None:
    request = asked(desk)
    expected = whole(desk, request)
    exporter(desk).forget(request)
    assert go_on(desk, request, exporter(desk)) > 4 * MANY
    assert document(desk, request) == expected
    told = [one.get("name", "") for one in expected["events"]]
    assert [name for name in told if name.startswith("Event")] == [f"Event {number}" for number in range(MANY)]
    assert len(expected["refused_input"]) == MANY
    long = [one["row"] for one in expected["dropped_files"] if one["file"] == "imports/till/long.csv"]
    assert long == [2, 1001, 2000, 2999]
    assert len(expected["dropped_files"]) == MANY + len(long)


def test_small_pieces_are_put_together_in_the_order_of_time(desk: PrivacyDesk) -> None:
    request = asked(desk)
    expected = whole(desk, request)
    exporter(desk).forget(request)
    assert exporter(desk, piece=1)(request, RUN, lambda: True) is not None
    assert document(desk, request) == expected
    pieces = [key for key in desk.documents.keys(pieces_of(request.request_id)) if "refused_input" in key]
    assert len(pieces) == MANY


def test_what_does_not_fit_is_counted_and_said_on_the_page_in_the_data_and_of_the_request(desk: PrivacyDesk) -> None:
    for number in range(100, 120):
        in_quarantine(desk, number, "x" * 5_000)
    request = asked(desk)
    lake = lake_of(desk)
    desk.answer = desk.answer_with(lake, desk.export(lake, most=60_000))
    desk.run()
    data, page = document(desk, request), document(desk, request, "html")
    [left_out] = data["left_out"]
    assert (left_out["part"], left_out["code"]) == ("refused_input", "too_much")
    assert left_out["entries"] + len(data["refused_input"]) == MANY + 20
    assert "<td>too_much</td>" in page
    assert desk.manage.one(request.request_id)["outcome"]["left_out"] == {
        "refused_input": {"too_much": left_out["entries"]}
    }
    assert len(data["events"]) == MANY + 2


def test_a_page_shows_as_much_as_a_browser_can_and_says_that_the_data_has_all(desk: PrivacyDesk) -> None:
    request = asked(desk)
    whole(desk, request)
    progress = exporter(desk)(request, RUN, lambda: True)
    assert progress is not None
    WriteExports(desk.documents, page_shows=1_000)(request.request_id, progress)
    page = document(desk, request, "html")
    shown = page.partition('<section id="events">')[2].partition("</section>")[0]
    assert 0 < shown.count("<tr>") - 1 < MANY
    assert f"{MANY + 2 - (shown.count('<tr>') - 1)} more are too many for a page" in shown
    assert len(document(desk, request)["events"]) == MANY + 2


@pytest.mark.parametrize(("calls", "others"), [(5, 250), (30, 250), (120, 100)])
def test_a_later_run_goes_on_where_one_was_killed(desk: PrivacyDesk, calls: int, others: int) -> None:
    request = asked(desk)
    expected = whole(desk, request)
    exporter(desk).forget(request)
    begun(desk, request, calls)
    desk.processor.lake.rows.reverse()  # asked again, the lake answers in any order
    later(desk, MINUTE)
    assert go_on(desk, request, exporter(desk), "another run") < others
    assert document(desk, request) == expected


def test_who_is_erased_between_two_pieces_is_not_shown_as_they_were(desk: PrivacyDesk) -> None:
    request = asked(desk)
    export = begun(desk, request, 30)
    desk.ask("erasure", EMAIL)
    desk.carry()
    go_on(desk, request, export)
    data = document(desk, request)
    assert (data["profiles"], data["events"], data["consent_history"]) == ([], [], [])


def test_what_lay_there_for_long_is_gathered_anew(desk: PrivacyDesk) -> None:
    request = asked(desk)
    export = begun(desk, request, 30)
    later(desk, 6 * DAY)
    go_on(desk, request, export, "later")
    assert document(desk, request)["made_at"] == "2025-06-21T15:07:40.000Z"


@pytest.mark.parametrize("noted", [b"{}", b"torn", b'{"run": "a", "began_at": 1750000000000, "part": "of old"}'])
def test_what_was_noted_by_another_version_is_no_hindrance(desk: PrivacyDesk, noted: bytes) -> None:
    request = asked(desk)
    desk.documents.put(progress_key(request.request_id), noted)
    assert len(whole(desk, request)["events"]) == MANY + 2


def test_a_piece_that_is_gone_is_noticed(desk: PrivacyDesk) -> None:
    request = asked(desk)
    expected = whole(desk, request)
    [piece] = [key for key in desk.documents.keys(pieces_of(request.request_id)) if "/events-" in key]
    del desk.documents.documents[piece]
    assert exporter(desk)(request, RUN, lambda: True) is None
    assert whole(desk, request) == expected


def test_a_file_that_became_another_is_read_from_its_begin(desk: PrivacyDesk) -> None:
    request = asked(desk)
    export = exporter(desk)
    while not (places := [one for one in desk.documents.documents.values() if b"long.csv" in one[0]]):
        assert export(request, RUN, lambda: False) is None
    assert places
    desk.imports.put("imports/till/long.csv", io.BytesIO(b"number,email\n1,ann@example.com\n"))
    go_on(desk, request, export)
    rows = [one["row"] for one in document(desk, request)["dropped_files"] if one["file"] == "imports/till/long.csv"]
    assert rows == [2, 2]


def test_who_has_lost_the_turn_ends_and_changes_nothing(desk: PrivacyDesk) -> None:
    request = asked(desk)
    assert desk.requests.take_turn("another run", desk.clock(), desk.clock() + DAY)
    answer = desk.answer(RUN, [request.request_id], None, lambda: True)
    assert answer["done"] is True
    assert desk.documents.keys("exports/") == []


def test_what_cannot_be_read_is_told(desk: PrivacyDesk) -> None:
    desk.imports.put("imports/till/torn.csv.gz", io.BytesIO(b"\x1f\x8b torn"))
    data = whole(desk, asked(desk))
    assert data["left_out"] == [{"part": "dropped_files", "code": "unreadable", "entries": 1}]


def test_a_line_without_end_that_names_them_is_told_and_the_rows_around_it_are_shown(desk: PrivacyDesk) -> None:
    long = "; " * (MAX_LINE // 2)
    lines = [f"{long}ann@example.com", f"{long}bob@example.com", "1,ann@example.com"]
    desk.imports.put("imports/till/one.csv", io.BytesIO("\n".join(["number,email", *lines, ""]).encode()))
    data = whole(desk, asked(desk))
    assert data["left_out"] == [{"part": "dropped_files", "code": "too_long", "entries": 1}]
    assert [one["row"] for one in data["dropped_files"] if one["file"] == "imports/till/one.csv"] == [4]
