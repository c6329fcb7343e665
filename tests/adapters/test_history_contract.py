"""What profiles are folded anew from: the rows that count, as the raw rows say, the compacted lake, and Athena."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.athena_history import AthenaHistory, history_query, people_query
from attune.adapters.athena_queries import AthenaQueries
from attune.adapters.lake_tables import EVENTS_LOCATION, PROFILES_LOCATION
from attune.adapters.memory_history import MemoryHistory
from attune.domain.processing.verdicts import Verdict, encode_row
from attune.ports.rebuilding import History, SealedRow
from tests.adapters.cloud import Cloud
from tests.adapters.test_athena_features import DONE, Athena, declare_tables
from tests.builders import HOUR, NOW, profile_id
from tests.lakes import AFTER, BEFORE, LakeOfTests, live, row, tombstone

ME, OTHER, GONE, NOBODY = (profile_id(number) for number in (1, 2, 3, 4))
SEALED = bytes(range(256))
#: a name as a client may give it
STRANGE = 'it\'s \\ 100% "ours" :events ? 你好\n'
#: (arrival day, row)
ROWS: tuple[tuple[str, Any], ...] = (
    (BEFORE, row(message_id="first", sealed=SEALED)),
    (BEFORE, row(message_id="again", version=2, sealed=b"an attempt")),
    (AFTER, row(message_id="again", version=3, sealed=b"what counts")),
    (AFTER, row(message_id="refused", version=2, sealed=b"refused later")),
    (AFTER, row(message_id="refused", version=2, verdict="dropped", profile_id="", processed_at=NOW + 1)),
    (AFTER, row(message_id="conflict", verdict="conflict", fingerprint="11" * 8)),
    (AFTER, row(message_id="said", type="$consent", event="", version=4, sealed=b"consent")),
    (AFTER, row(message_id="merge", verdict="merged", absorbed=GONE, version=4, sealed=b"a key")),
    (AFTER, row(message_id="merge", version=4, sealed=b"what merged")),
    (AFTER, row(message_id="before", profile_id=GONE, sealed=b"before the merge", source="app")),
    (AFTER, row(message_id="other", profile_id=OTHER, sealed=b"of somebody else")),
    (AFTER, row(message_id="lost", profile_id=NOBODY, version=9, sealed=b"never came to be")),
    (BEFORE, row(message_id="late again", version=2, received_at=NOW - 25 * HOUR, sealed=b"told")),
    (AFTER, row(message_id="late again", version=6, sealed=b"told again")),
    (AFTER, row(message_id="lost", version=5, sealed=b"came to be")),
    (AFTER, row(message_id="page", version=5, type="page", event="Home", sealed=b"a page")),
    (AFTER, row(message_id="signed", profile_id=GONE, event="Signed Up", sealed=b"before it too", source="app")),
    (AFTER, row(message_id="strange", profile_id=OTHER, event=STRANGE, sealed=b"strange")),
    (AFTER, row(message_id="no", version=5, verdict="dropped", profile_id="", event="Refused")),
)


def laid() -> LakeOfTests:
    lake = LakeOfTests()
    lake.store(live(1), live(2), tombstone(3, 1))
    for day, one in ROWS:
        lake.arrive(one, day=day)
    lake.compact()
    return lake


def of_memory(_: pytest.FixtureRequest) -> Iterator[History]:
    lake = laid()
    yield MemoryHistory(lambda: [encode_row(one) for _, one in ROWS], lake.profiles)
    lake.close()


def of_the_compacted_lake(_: pytest.FixtureRequest) -> Iterator[History]:
    lake = laid()
    yield lake
    lake.close()


def of_athena(request: pytest.FixtureRequest) -> Iterator[History]:
    """Laid into S3, declared to Glue, asked of Athena."""
    cloud: Cloud = request.getfixturevalue("local_cloud")
    lake = laid()
    bucket, name = cloud.bucket(), cloud.name("lake")
    s3, athena = cloud.client("s3"), cloud.client("athena")
    declare_tables(cloud.client("glue"), name, bucket)
    location = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/queries/"}}
    athena.create_work_group(Name=name, Configuration=location)
    for day, data in lake.files.days.items():
        s3.put_object(Bucket=bucket, Key=f"{EVENTS_LOCATION}dt={day}/events.parquet", Body=data)
    s3.put_object(Bucket=bucket, Key=f"{PROFILES_LOCATION}profiles.parquet", Body=lake.files.profiles)
    queries = AthenaQueries(athena, workgroup=name, database=name, bucket=bucket)
    yield AthenaHistory(queries, S3FeatureRows(s3, bucket))
    lake.close()


type Make = Callable[[pytest.FixtureRequest], Iterator[History]]


@pytest.fixture(
    scope="module", params=[of_memory, of_the_compacted_lake, pytest.param(of_athena, marks=pytest.mark.cloud)]
)
def history(request: pytest.FixtureRequest) -> Iterator[History]:
    make: Make = request.param
    yield from make(request)


def found(history: History, *profile_ids: str) -> list[tuple[str, str, int, str, bytes]]:
    rows = history.rows(set(profile_ids))
    return sorted((one.profile_id, one.source, one.version, one.absorbed, one.sealed) for one in rows)


def test_of_every_event_that_was_applied_there_is_the_row_that_counts_and_of_every_merge(history: History) -> None:
    assert found(history, ME) == sorted(
        [
            (ME, "shop", 1, "", SEALED),
            (ME, "shop", 3, "", b"what counts"),
            (ME, "shop", 4, "", b"consent"),
            (ME, "shop", 4, GONE, b"a key"),
            (ME, "shop", 4, "", b"what merged"),
            (ME, "shop", 5, "", b"came to be"),
            (ME, "shop", 5, "", b"a page"),
            (ME, "shop", 6, "", b"told again"),
        ]
    )


def test_what_was_applied_again_says_so_and_what_was_only_archived_again_does_not(history: History) -> None:
    assert [one.sealed for one in history.rows([ME]) if one.repeated] == [b"told again"]


def test_merges_are_told_from_events(history: History) -> None:
    verdicts = {one.absorbed: one.verdict for one in history.rows([ME])}
    assert verdicts == {"": Verdict.APPLIED, GONE: Verdict.MERGED}


def test_several_are_asked_for_at_once_those_of_no_rows_among_them(history: History) -> None:
    assert found(history, GONE, OTHER, NOBODY) == sorted(
        [
            (GONE, "app", 1, "", b"before the merge"),
            (GONE, "app", 1, "", b"before it too"),
            (OTHER, "shop", 1, "", b"of somebody else"),
            (OTHER, "shop", 1, "", b"strange"),
        ]
    )
    assert found(history, NOBODY) == []


@pytest.mark.parametrize("wrong", ["", "x", "a" * 31, "A" * 32, "' OR 1=1 --" + "a" * 21, f"{ME}\n"])
def test_nothing_but_a_profile_id_becomes_part_of_a_query(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a profile id"):
        history_query([ME, wrong])
    assert f"('{ME}')" in history_query([ME])


def test_of_everybody_all_rows_lie_together_with_those_of_whom_they_absorbed(history: History) -> None:
    people = list(history.people(history.lay_out(), 0))
    assert sorted(one.root for one in people) == sorted([ME, OTHER])
    for person in people:
        of = {ME: (ME, GONE), OTHER: (OTHER,)}[person.root]
        assert sorted(map(repr, person.rows)) == sorted(map(repr, history.rows(of)))


def asked_for(history: History, *events: str) -> dict[str, int]:
    return {one.root: len(one.rows) for one in history.people(history.lay_out(events), 0)}


def test_people_are_asked_for_by_what_was_applied_to_them_or_to_whom_they_absorbed(history: History) -> None:
    everything = {one.root: len(one.rows) for one in history.people(history.lay_out(), 0)}
    assert asked_for(history, "Product Viewed") == everything
    assert asked_for(history, "Searched", STRANGE) == {OTHER: everything[OTHER]}
    assert asked_for(history, "Signed Up") == {ME: everything[ME]}  # of whom it absorbed
    assert asked_for(history, "page", "Nothing") == {ME: everything[ME]}  # any other call by its type, not its name


def test_of_what_was_refused_or_is_only_named_alike_nobody_is_asked_for(history: History) -> None:
    for names in ((), ("Refused",), ("product viewed",), ("Home",), (STRANGE[:-1],)):
        assert asked_for(history, *names) == {}


def test_who_stopped_at_somebody_goes_on_with_the_next(history: History) -> None:
    place = history.lay_out()
    people = list(history.people(place, 0))
    for number, person in enumerate(people, 1):
        assert list(history.people(place, person.end)) == people[number:]


@pytest.mark.parametrize("share", [1, 2, 4, 16, 4_096])
def test_of_a_share_those_are_drawn_whose_ids_end_low_enough(history: History, share: int) -> None:
    drawn = {one for one in (ME, OTHER) if int(one[-3:], 16) < 4_096 // share}
    assert {one.root for one in history.people(history.lay_out(share=share), 0)} == drawn


@pytest.mark.parametrize("share", [0, -1, 4_097])
def test_what_is_no_share_of_all_is_none(share: int) -> None:
    with pytest.raises(ValueError, match=str(share)):
        people_query(share=share)


class Results:
    """What Athena laid down, as AWS spells it: every value in quotes."""

    def __init__(self, *results: bytes) -> None:
        self._results = results

    def read(self, location: str, start: int, size: int) -> bytes:
        number = int(location.removeprefix("queries/execution-").removesuffix(".csv"))
        return self._results[number - 1][start : start + size]


def asked(athena: Athena, *results: bytes, **options: Any) -> AthenaHistory:
    queries: Any = AthenaQueries(athena, workgroup="w", database="d", bucket="lake")  # type: ignore[arg-type]
    laid: Any = Results(*results)
    return AthenaHistory(queries, laid, **options)


HEADER = b'"profile_id","verdict","version","source","absorbed","repeated","sealed"\n'
LARGE = b"x" * 700_000


def test_an_answer_in_quotes_is_read_and_a_value_of_any_length() -> None:
    first = HEADER + b'"%s","applied","7","shop","","0","%s"\n' % (ME.encode(), b64encode(LARGE))
    second = HEADER + b'"%s","merged","8","shop","%s","1",""\r\n' % (OTHER.encode(), GONE.encode())
    if OTHER < ME:
        first, second = second, first
    athena = Athena([DONE], [DONE])
    rows = list(asked(athena, first, second, at_once=1).rows({ME, OTHER}))
    assert sorted(rows, key=lambda one: one.version) == [
        SealedRow(profile_id=ME, verdict=Verdict.APPLIED, version=7, source="shop", sealed=LARGE),
        SealedRow(
            profile_id=OTHER, verdict=Verdict.MERGED, version=8, source="shop", absorbed=GONE, repeated=True, sealed=b""
        ),
    ]
    assert [request["WorkGroup"] for request in athena.requests] == ["w", "w"]
    history = asked(Athena([DONE], [DONE]), first, second, at_once=1)
    places = history.lay_out_rows({ME, OTHER})
    for _ in range(2):
        assert [row for place in places for row in history.rows_at(place)] == rows


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_people_are_told_apart_in_an_answer_of_any_length(end: bytes) -> None:
    """Longer than what is read at once; with and without an end to its last line."""
    said = b'"%s","%s","applied","7","shop","","0","%s"'
    rows = [said % (one.encode(), one.encode(), b64encode(LARGE)) for one in (ME, *[OTHER] * 9)]
    result = b'"root",' + HEADER + b"\n".join(rows) + end
    history = asked(Athena([DONE]), result)
    place = history.lay_out()
    first, second = history.people(place, 0)
    assert (first.root, len(first.rows), second.root, len(second.rows)) == (ME, 1, OTHER, 9)
    assert list(history.people(place, first.end)) == [second]
    assert list(history.people(place, second.end)) == []


class Laid:
    """An answer of Athena's that lies there."""

    def __init__(self, *people: tuple[str, int]) -> None:
        rows = [f'"{root}","{root}","applied","1","shop","","0",""' for root, number in people for _ in range(number)]
        self._data = "\n".join(['"root"', *rows, ""]).encode()

    def read(self, key: str, start: int, size: int) -> bytes:
        return self._data[start : start + size]


def test_who_has_more_rows_than_memory_takes_has_none_and_the_others_have_theirs() -> None:
    results: Any = Laid((ME, 2), (OTHER, 9), (GONE, 3))
    queries: Any = None
    people = list(AthenaHistory(queries, results, most=3).people("key", 0))
    assert [(person.root, len(person.rows)) for person in people] == [(ME, 2), (OTHER, 0), (GONE, 3)]
