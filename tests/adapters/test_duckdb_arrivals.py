"""What DuckDB says became of each arrival. The oracle is written from the docstring of `verdicts.Row`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.processing.verdicts import Row, encode_row
from tests.builders import DAY, HOUR, NOW, profile_id
from tests.faults.arrivals import Ends, told
from tests.faults.effort import examples
from tests.lakes import AFTER, BEFORE, TODAY, LakeOfTests, live, row, tombstone

LIVE, NEVER = profile_id(1), profile_id(3)
APPLIED, DUPLICATE, CONFLICT = ("shop", "applied", ""), ("shop", "duplicate", ""), ("shop", "conflict", "")
DROPPED = ("shop", "dropped", "consent")


@pytest.fixture(scope="module")
def one_lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


@pytest.fixture
def lake(one_lake: LakeOfTests) -> LakeOfTests:
    one_lake.empty()
    one_lake.store(live(1), tombstone(2, 1))
    return one_lake


def bare(verdict: str, **fields: Any) -> Row:
    """A row without content."""
    reason = {"dropped": "consent", "quarantined": "unverified_claim", "rejected": "invalid_time"}.get(verdict, "")
    nothing = {"profile_id": "", "type": "", "event": "", "time": 0, "version": 0, "reason": reason}
    return row(**({"verdict": verdict} | nothing | fields))


def ends(lake: LakeOfTests, *rows: Row) -> Ends:
    lake.arrive(*rows)
    lake.compact()
    return told(lake.ledger())


def test_an_event_that_came_three_times_was_applied_once(lake: LakeOfTests) -> None:
    again = [bare("duplicate", received_at=NOW + n, processed_at=NOW + n) for n in (1, 2)]
    assert ends(lake, row(), *again) == {APPLIED: 1, DUPLICATE: 2}


def test_what_is_folded_delivered_or_run_again_is_one_arrival(lake: LakeOfTests) -> None:
    folded = [row(version=version, processed_at=NOW + version) for version in (1, 2)]
    assert ends(lake, *folded, bare("duplicate", processed_at=NOW + HOUR)) == {APPLIED: 1}


def test_what_was_put_aside_and_is_a_duplicate_of_itself_was_put_aside(lake: LakeOfTests) -> None:
    """Its request had other events, so that it was known as a whole when its record was put twice."""
    told_twice = ends(lake, bare("quarantined"), bare("duplicate", processed_at=NOW + HOUR))
    assert told_twice == {("shop", "quarantined", "unverified_claim"): 1}


def test_the_same_twice_in_one_request_is_two(lake: LakeOfTests) -> None:
    unread = {"message_id": "", "fingerprint": "cc" * 16}
    rows = [row(), bare("duplicate", copy=1), bare("rejected", **unread), bare("rejected", copy=1, **unread)]
    assert ends(lake, *rows) == {
        APPLIED: 1,
        DUPLICATE: 1,
        ("shop", "rejected", "invalid_time"): 2,
    }


def test_what_comes_out_of_quarantine_arrives_once_more(lake: LakeOfTests) -> None:
    replayed = row(replayed_at=NOW + HOUR, processed_at=NOW + HOUR, version=4)
    again = bare("duplicate", replayed_at=NOW + 2 * HOUR, processed_at=NOW + 2 * HOUR)
    assert ends(lake, bare("quarantined"), replayed, again) == {
        APPLIED: 1,
        DUPLICATE: 1,
        ("shop", "quarantined", "unverified_claim"): 1,
    }


def test_an_arrival_whose_commit_came_too_late_is_a_duplicate(lake: LakeOfTests) -> None:
    """It was archived, given up, sent again by its producer and applied, and only then run again."""
    given_up = row(version=3, processed_at=NOW)
    sent_again = row(received_at=NOW + HOUR, version=3, processed_at=NOW + HOUR)
    assert ends(lake, given_up, sent_again, bare("duplicate", processed_at=NOW + DAY)) == {APPLIED: 1, DUPLICATE: 1}


def test_what_was_applied_and_then_delivered_again_was_applied_also_if_it_is_repeated_much_later(
    lake: LakeOfTests,
) -> None:
    again = bare("duplicate", processed_at=NOW + 1)
    much_later = row(received_at=NOW + 2 * DAY, processed_at=NOW + 2 * DAY, version=9)
    assert ends(lake, row(), again, much_later) == {APPLIED: 2}


def test_what_was_refused_twice_was_refused_and_repeated(lake: LakeOfTests) -> None:
    assert ends(lake, bare("dropped"), bare("dropped", received_at=NOW + 1)) == {DROPPED: 1, DUPLICATE: 1}


def test_what_nobody_may_see_is_counted_and_nothing_of_it_lies_in_the_table_of_events(lake: LakeOfTests) -> None:
    kinds = [bare(verdict, message_id=verdict) for verdict in ("duplicate", "rejected", "quarantined")]
    assert sum(ends(lake, row(), *kinds).values()) == 4
    assert [one["message_id"] for one in lake.table()] == ["m1"]


def test_merges_and_what_names_a_profile_are_no_arrivals(lake: LakeOfTests) -> None:
    made = [row(message_id=kind, type=kind) for kind in ("$wake", "$score", "$unlink", "$consent")]
    assert ends(lake, row(verdict="merged", absorbed="x"), *made) == {APPLIED: 1}


def test_a_source_is_told_up_to_its_newest_arrival(lake: LakeOfTests) -> None:
    lake.arrive(row(), bare("duplicate", received_at=NOW + 5), row(source="store", received_at=NOW - 7))
    lake.compact()
    shown = {one["source"]: one["told_up_to"] for one in lake.ledger()["sources"]}
    assert shown == {"shop": "2025-06-15T15:06:40.005Z", "store": "2025-06-15T15:06:39.993Z"}


def test_an_arrival_counts_on_one_day_only_and_since_a_day_means_those_days(lake: LakeOfTests) -> None:
    lake.arrive(row(version=1), row(message_id="early"), day=BEFORE)
    lake.compact()
    assert told(lake.ledger()) == {APPLIED: 2}
    lake.arrive(row(version=2), bare("duplicate", received_at=NOW + 1), day=TODAY)
    lake.compact(NOW + DAY)
    assert told(lake.ledger()) == {APPLIED: 2, DUPLICATE: 1}
    assert told(lake.ledger(since=TODAY)) == {APPLIED: 1, DUPLICATE: 1}
    assert told(lake.ledger(since=AFTER)) == {}


# --------------------------------------------------------------------------------------------- the rule, from English


@st.composite
def archived(draw: st.DrawFn) -> Row:
    """A row of one of few arrivals, so that many are of the same one."""
    kinds = ["applied", "applied", "dropped", "conflict", "quarantined", "duplicate", "duplicate", "merged"]
    verdict = draw(st.sampled_from(kinds))
    fields: dict[str, Any] = {
        "message_id": draw(st.sampled_from(["m1", "m1", "m2"])),
        "fingerprint": draw(st.sampled_from(["aa" * 8, "aa" * 8, "bb" * 8])),
        "received_at": draw(st.sampled_from([NOW, NOW, NOW + 1])),
        "replayed_at": draw(st.sampled_from([0, 0, NOW + 9])),
        "copy": draw(st.sampled_from([0, 0, 1])),
        "processed_at": draw(st.integers(0, 4)),
        "version": 0 if verdict == "duplicate" else draw(st.integers(0, 3)),
    }
    if verdict in {"applied", "conflict", "merged"}:
        owner = draw(st.sampled_from([LIVE, LIVE, LIVE, NEVER]))
        return row(verdict=verdict, profile_id=owner, absorbed="x" if verdict == "merged" else "", **fields)
    return bare(verdict, **fields)


def ends_of(rows: Iterable[Mapping[str, Any]]) -> Ends:
    arrivals: defaultdict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for one in rows:
        if one["verdict"] != "merged":
            event = (one["source"], one["message_id"], one["fingerprint"])
            arrivals[event, one["received_at"], one.get("replayed_at", 0), one.get("copy", 0)].append(one)
    counting = {arrival: max(of, key=weight) for arrival, of in arrivals.items()}
    found: Ends = Counter()
    seen: set[Any] = set()
    for arrival in sorted(arrivals):
        best = counting[arrival]
        verdict, event = best["verdict"], arrival[0]
        others = [(other, counting[other]) for other in arrivals if other != arrival and other[0] == event]
        told_at = max((one["processed_at"] for one in arrivals[arrival] if one["verdict"] == "duplicate"), default=None)
        if verdict == "applied" and told_at is not None:
            before = [min(at, default=9) for at in (applied_at(arrivals[other]) for other, _ in others)]
            higher = [b for _, b in others if b["verdict"] in {"conflict", "dropped"} and version(b) > version(best)]
            verdict = "duplicate" if higher or any(at <= told_at for at in before) else verdict
        elif verdict in {"dropped", "conflict"}:
            verdict = "duplicate" if (event, verdict) in seen else verdict
            seen.add((event, verdict))
        found["shop", verdict, "" if verdict == "duplicate" else best.get("reason", "")] += 1
    return found


def version(one: Mapping[str, Any]) -> int:
    return int(one.get("version", 0))


def applied_at(rows: Iterable[Mapping[str, Any]]) -> list[int]:
    return [one["processed_at"] for one in rows if one["verdict"] == "applied"]


def weight(one: Mapping[str, Any]) -> tuple[Any, ...]:
    stored = one.get("profile_id", "") != NEVER
    return (one["verdict"] != "duplicate", stored, version(one), one["verdict"] == "dropped", one["processed_at"])


def tied(rows: list[dict[str, Any]]) -> bool:
    """Two rows of one arrival that are alike in all that decides, and say otherwise: the later one counts then."""
    keyed: defaultdict[Any, set[str]] = defaultdict(set)
    for one in rows:
        arrival = [one[name] for name in ("message_id", "fingerprint", "received_at")]
        keyed[(*arrival, one.get("replayed_at", 0), one.get("copy", 0), weight(one))].add(one["verdict"])
    return any(len(verdicts) > 1 for verdicts in keyed.values())


@settings(max_examples=examples(25, long=5_000), deadline=None)
@given(
    history=st.lists(st.tuples(archived(), st.sampled_from([BEFORE, TODAY, AFTER])), min_size=1, max_size=14),
    cut=st.integers(0, 14),
)
def test_every_arrival_has_one_end_by_the_rule_whenever_it_is_counted(
    one_lake: LakeOfTests, history: list[tuple[Row, str]], cut: int
) -> None:
    """Part of the history is counted first, as on the days before: what comes later corrects it."""
    rows = [json.loads(encode_row(one)) for one, _ in history]
    found = []
    for parts in ([history], [history[:cut], history[cut:]]):
        one_lake.empty()
        one_lake.store(live(1))
        for part in parts:
            for one, day in part:
                one_lake.arrive(one, day=day)
            one_lake.compact(NOW + DAY)
        found.append(told(one_lake.ledger()))
    assert found[0] == found[1], "what is counted depends on when it was"
    if not tied(rows):
        assert found[0] == ends_of(rows)
