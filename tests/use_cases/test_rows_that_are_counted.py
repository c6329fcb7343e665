"""Whatever arrives leaves a row in the lake: also what was known, put aside or no event, without its content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from attune.adapters.memory import MemoryLake, MemoryProfiles
from attune.domain.events import Origin, Rejected, decode_record, encode_record
from attune.ports import UnstorableError
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.processing.process_events import StreamRecord
from tests.builders import HOUR, NOW, Pseudonyms, event, identifiers, key_of, record
from tests.use_cases.test_process_events import Processor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.ports import Commit

CONTENT = {"properties", "sealed", "profile_id", "event", "time", "consent", "type"}


@pytest.fixture
def processor() -> Processor:
    return Processor()


def told(processor: Processor, *verdicts: str) -> list[dict[str, Any]]:
    """The rows without content, in order."""
    rows = [row for row in processor.rows() if row["verdict"] in verdicts]
    assert not any(CONTENT & set(row) for row in rows)
    return rows


def test_an_event_that_came_before_is_told_with_the_time_of_each_receipt(processor: Processor) -> None:
    one = event(message_id="view")
    for _ in range(3):
        processor.send(one)
        processor.now += HOUR
    again = told(processor, "duplicate")
    assert [(row["message_id"], row["fingerprint"]) for row in again] == [("view", one.fingerprint)] * 2
    assert [row["received_at"] for row in again] == [NOW + HOUR, NOW + 2 * HOUR]


def test_of_a_request_that_came_before_every_event_is_told(processor: Processor) -> None:
    batch = [event(message_id=f"m{n}") for n in range(3)]
    processor.send(*batch)
    processor.send(*batch, received_at=NOW + 1)
    assert [row["message_id"] for row in told(processor, "duplicate")] == ["m0", "m1", "m2"]


def test_what_the_stream_delivers_again_is_not_told_again(processor: Processor) -> None:
    delivered = processor.send(event())
    rows = processor.rows()
    processor.process(delivered)
    assert processor.rows() == rows


def test_what_is_no_event_is_told_by_a_hash_under_the_secret(processor: Processor) -> None:
    bad = [Rejected(reason="invalid_time", raw=b"{}"), Rejected(reason="no_identifier", raw=b"[]", copy=1)]
    processor(record(rejected=tuple(bad), key="k", received_at=NOW, replayed_at=NOW - 1))
    one, other = told(processor, "rejected")
    assert (one["reason"], one["source"], one["received_at"], one["replayed_at"]) == (
        "invalid_time",
        "shop",
        NOW,
        NOW - 1,
    )
    assert one["fingerprint"] == key_of("$input", hashlib.sha256(b"{}").hexdigest())
    assert (other["reason"], other["copy"]) == ("no_identifier", 1)


def test_a_record_that_cannot_be_read_is_told(processor: Processor) -> None:
    processor.process([StreamRecord("k", "1", b"no record", arrived_at=NOW)])
    [row] = told(processor, "quarantined")
    assert (row["source"], row["reason"], row["received_at"]) == ("stream", "invalid_record", NOW)


def test_what_is_put_aside_is_told_with_its_reason(processor: Processor) -> None:
    processor.send(event(type="$consent", message_id="mine"), origin=Origin.CLIENT)
    [row] = told(processor, "quarantined")
    assert (row["message_id"], row["reason"]) == ("mine", "reserved_name")


def test_what_cannot_be_folded_is_told_and_the_rest_applied(processor: Processor) -> None:
    processor.send(event(message_id="a"), event(message_id="b", fingerprint="not hexadecimal"), event(message_id="c"))
    [row] = told(processor, "quarantined")
    assert (row["message_id"], row["reason"]) == ("b", "unprocessable")


def test_what_the_store_refuses_counts_above_the_row_that_was_archived_before(processor: Processor) -> None:
    class Refusing(MemoryProfiles):
        def commit(self, commit: Commit) -> None:
            raise UnstorableError

    processor = Processor(store=Refusing())
    processor.send(event(message_id="a"))
    applied, put_aside = processor.rows()
    assert (applied["verdict"], put_aside["verdict"]) == ("applied", "quarantined")
    assert (put_aside["version"], put_aside["processed_at"]) >= (applied["version"], applied["processed_at"])


def test_until_rejected_input_is_told_its_record_comes_again(processor: Processor) -> None:
    class Away(MemoryLake):
        def append(self, rows: Sequence[bytes]) -> None:
            raise ConnectionError

    processor.process._lake = Away()
    bad = record(rejected=(Rejected(reason="invalid_time", raw=b"{}"),), key="k", received_at=NOW)
    delivered = [StreamRecord("k", "7", encode_record(bad)), StreamRecord("k", "8", encode_record(bad))]
    assert processor.process(delivered) == ["7", "8"]
    processor.process._lake = processor.lake
    assert processor.process(delivered) == []
    assert len(processor.rows()) == 2


def test_who_says_the_same_twice_in_one_request_said_it_twice(processor: Processor) -> None:
    """In one record or several, events and what is none."""
    one, other = event(message_id="a"), event(message_id="b", identifiers=identifiers(user_id="u"))
    bad = Rejected(reason="invalid_time", raw=b"{}")
    entries = stream_entries(Pseudonyms(), record(received_at=NOW), [one, other, one, one], [bad, bad])
    records = [decode_record(data) for _, data in entries]
    copies = [(told.message_id, told.copy) for sent in records for told in sent.events]
    assert sorted(copies) == [("a", 0), ("a", 1), ("a", 2), ("b", 0)]
    assert [told.copy for sent in records for told in sent.rejected] == [0, 1]
    processor(*records)
    assert [row.get("copy", 0) for row in told(processor, "duplicate")] == [1, 2]
    assert [row.get("copy", 0) for row in told(processor, "rejected")] == [0, 1]


def test_what_a_request_says_once_is_not_touched() -> None:
    said = [event(), event()]
    [(_, data)] = stream_entries(Pseudonyms(), record(received_at=NOW), said)
    assert b'"copy"' not in data


def test_a_conflict_counts_before_what_a_worker_archived_that_did_not_know_of_the_other_content() -> None:
    """It remembers the person as before, and gets the second half of a batch that had been committed as a whole."""
    store = MemoryProfiles()
    informed, late = Processor(store=store), Processor(store=store)
    late.send(event(message_id="hello"))
    first, second = (record(event(f"View {n}", message_id="same", time=NOW + n), received_at=NOW) for n in range(2))
    batch = [StreamRecord(one.key, str(10**55 + 10 + n), encode_record(one)) for n, one in enumerate((first, second))]
    assert informed.process(batch) == []
    late.now += HOUR
    assert late.process(batch[1:]) == []
    rows = [*informed.rows(), *late.rows()]
    about = [row for row in rows if row["fingerprint"] == second.events[0].fingerprint]
    assert {row["verdict"] for row in about} == {"applied", "conflict"}
    assert max(about, key=lambda row: (row["version"], row["processed_at"]))["verdict"] == "conflict"
    assert informed.profile().events == 2


def test_rows_say_no_more_than_they_must() -> None:
    """Bytes of the row of a duplicate: what a repetition costs the lake."""
    processor = Processor()
    one = event(message_id="6c1a9a35-8a4e-4c2b-9d8d-0b6c5d2b3f11")
    for _ in range(2):
        processor.send(one)
    [row] = told(processor, "duplicate")
    assert len(msgspec.json.encode(row)) < 200
