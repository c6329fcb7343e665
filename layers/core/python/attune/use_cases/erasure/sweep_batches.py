"""Batches that a consumer gave up on, without the records of the erased: the others can still be replayed.

A record that is cut out is told to the lake as a replay would tell it: refused for the erasure. So the books balance.
"""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.events import ADDRESSED, decode_record
from attune.domain.processing.verdicts import Verdict, bare_row, encode_row, erased_id, rejected_row
from attune.sources.cut_batches import cut_batch
from attune.sources.failed_batches import UnreadableBatchError
from attune.use_cases.erasure.sweep_lake import RAW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune.domain.erasure.subjects import Subject
    from attune.domain.events import Record
    from attune.domain.processing.verdicts import Row
    from attune.ports import Clock, Identified
    from attune.ports.erasure import Stored, VersionedBucket
    from attune.sources.cut_batches import BatchRecord
    from attune.use_cases.erasure.sweep_inputs import Named
    from attune.use_cases.erasure.sweep_tallies import Tallies

FAILURES: Final = "failures"
FAILED: Final = "aws/lambda/"
RECEIPTS: Final = "replayed/"


class SweepBatches:
    """Callable with how far it has come, until it answers None."""

    def __init__(self, *, bucket: VersionedBucket, lake: VersionedBucket, pseudonyms: Identified, clock: Clock) -> None:
        self._bucket = bucket
        self._lake = lake
        self._pseudonyms = pseudonyms
        self._clock = clock

    def __call__(self, named: Named, position: str, tallies: Tallies, has_time: Callable[[], bool]) -> str | None:
        """At least one object, others as long as `has_time`; answers the key of the last one."""
        for found in self._bucket.listed(FAILED, position):
            self._sweep(found, named, tallies)
            if not has_time():
                return found.key
        return None

    def _sweep(self, found: Stored, named: Named, tallies: Tallies) -> None:
        file = self._bucket.open(found.key)
        if file is None:
            return
        with file:
            document = file.read()
        owners: list[Subject] = []
        rows: list[Row] = []

        def is_cut(one: BatchRecord) -> bool:
            record = _record_of(one.data)
            whose = named(one.raw, record.received_at if record else 0)
            if whose and record:
                rows.extend(self._told(record, whose))
            owners.extend(whose)
            return bool(whose)

        try:
            cut = cut_batch(document, is_cut)
        except UnreadableBatchError:
            owners = named(document)
            cut = (b"", 0) if owners else None
        if cut is None:
            return
        self._tell(found.key, rows)
        content, records = cut
        if self._is_replayed(found.key) or not records:
            is_kept, records = self._take_away(found.key), 0
        else:
            is_kept = self._bucket.replace(found, io.BytesIO(content))
        tallies.add(owners, FAILURES, found=1, removed=not records, rewritten=bool(records), left=not is_kept)
        tallies.save()

    def _is_replayed(self, key: str) -> bool:
        """Then nobody needs it any more; written anew it would be told as another batch that somebody gave up on."""
        return any(one.key == RECEIPTS + key for one in self._bucket.listed(RECEIPTS + key))

    def _take_away(self, key: str) -> bool:
        """With a receipt, so that its notice goes with the next replay."""
        if not self._is_replayed(key):
            receipt = msgspec.json.encode({"run": "erasure", "records": 0})
            self._bucket.put(RECEIPTS + key, io.BytesIO(receipt))
        self._bucket.remove(key)
        return True

    def _told(self, record: Record, whose: Sequence[Subject]) -> Iterator[Row]:
        """As the processor tells what comes too late; a wake-up or a score is nobody's arrival."""
        now = self._clock()
        reason = "suppressed" if any(subject.suppressed for subject in whose) else "erased"
        for event in record.events:
            if event.type not in ADDRESSED:
                row = bare_row(event, record, Verdict.DROPPED, reason, now, 0)
                pseudonym = erased_id(self._pseudonyms.key, record.source, event.message_id, event.fingerprint)
                yield msgspec.structs.replace(row, message_id=pseudonym, fingerprint="")
        for rejected in record.rejected:
            yield rejected_row(rejected, record, now, self._pseudonyms.key)

    def _tell(self, key: str, rows: Sequence[Row]) -> None:
        """One object of rows a batch, before the batch is written: a crash in between tells the same arrivals again."""
        if rows:
            at = datetime.fromtimestamp(self._clock() / 1_000, UTC)
            name = hashlib.sha256(key.encode()).hexdigest()[:32]
            lines = b"".join(encode_row(row) + b"\n" for row in rows)
            self._lake.put(f"{RAW}dt={at:%Y-%m-%d}/hour={at:%H}/erased-{name}.json", io.BytesIO(lines))


def _record_of(data: bytes | None) -> Record | None:
    try:
        return None if data is None else decode_record(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
