"""The heart: a batch of the stream into profiles. Load once, fold in pure code, archive, write once.

What makes the effect exactly-once: every write is conditional on the version read; the position on the stream is
written with the state it led to; whatever leads to no write is decided on a consistent read. A crash anywhere
repeats, never loses.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.quarantine import INVALID_RECORD, STREAM, came_with
from attune.domain.events import Record, Rejected, decode_record, set_aside
from attune.domain.processing.addressed import addressees, apply_addressed, is_unlinking
from attune.domain.processing.forgetting import forget, is_forgetting
from attune.domain.processing.verdicts import Row, Verdict, bare_row, encode_row, rejected_row, unread_row
from attune.domain.profiles.duplicates import position, record_hash
from attune.ports import ConflictError, UnstorableError
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.processing.build_commits import ProfileTooLargeError, build_commits, is_too_large
from attune.use_cases.processing.count_changes import count_changes
from attune.use_cases.processing.load_working_sets import Component, Read, halve, load_components, set_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune.domain.learning.models import Model
    from attune.domain.processing.forgetting import Forgotten
    from attune.domain.processing.working_set import WorkingSet
    from attune.domain.segments import Compiled
    from attune.ports import (
        Clock,
        Commit,
        Count,
        DefinitionReader,
        Elapsed,
        Identified,
        Lake,
        ProfileStore,
        Quarantine,
        Seal,
    )
    from attune.ports.learning import Champions

MAX_ATTEMPTS: Final = 8


class StreamRecord(msgspec.Struct, frozen=True, gc=False):
    """One Kinesis record as delivered; `sequence` is decimal digits, `arrived_at` the same on every delivery."""

    key: str
    sequence: str
    data: bytes
    arrived_at: int = 0


class ProcessEvents:
    """Callable with the records of one invocation, in order; answers the sequence numbers of those to deliver again."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        profiles: ProfileStore,
        lake: Lake,
        quarantine: Quarantine,
        definitions: DefinitionReader,
        champions: Champions,
        pseudonyms: Identified,
        seal: Seal,
        clock: Clock,
        epoch: int,
        count: Count,
        pause: Callable[[int], None],
        report: Callable[[BaseException], None] = lambda _: None,
        elapsed: Elapsed = lambda *_: None,
    ) -> None:
        """`epoch` counts re-creations of the stream; `pause(n)` waits, with jitter, before the n-th retry.

        `report` logs a failure without what it says of data.
        """
        self._profiles = profiles
        self._lake = lake
        self._quarantine = quarantine
        self._definitions = CompileDefinitions(definitions)
        self._champions = champions
        self._pseudonyms = pseudonyms
        self._seal = seal
        self._clock = clock
        self._epoch = epoch
        self._count = count
        self._pause = pause
        self._report = report
        self._elapsed = elapsed

    def __call__(self, batch: Sequence[StreamRecord]) -> list[str]:
        """Only faults of the infrastructure fail a record; bad data is put aside with its reason."""
        outcomes: Counter[tuple[str, str]] = Counter()
        failed: set[str] = set()
        self._process(self._read_all(batch, outcomes, failed), outcomes, failed)
        for (outcome, reason), events in sorted(outcomes.items()):
            self._count("Events", events, {"outcome": outcome, "reason": reason})
        return sorted(failed, key=int)

    def _read_all(
        self, batch: Sequence[StreamRecord], outcomes: Counter[tuple[str, str]], failed: set[str]
    ) -> list[Read]:
        """After the first failure all that follows waits, and comes again with it.

        Later records of its key would pass its cursor by, and a `$wake` would find a person whose order is held back.
        """
        reads: list[Read] = []
        for index, delivered in enumerate(batch):
            try:
                record = self._read(delivered, outcomes)
            except Exception as error:  # noqa: BLE001 - quarantine or lake is out of reach: from this record on again
                self._fail([later.sequence for later in batch[index:]], error, failed)
                break
            if record is not None and record.events:
                reads.append(Read(index, delivered.sequence, record, record_hash(record)))
        return reads

    def _read(self, delivered: StreamRecord, outcomes: Counter[tuple[str, str]]) -> Record | None:
        """Decode; what is no event goes to quarantine byte for byte, and is told, before anything else happens."""
        try:
            record = decode_record(delivered.data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._quarantine.keep(INVALID_RECORD, STREAM, delivered.arrived_at, delivered.data)
            now = self._clock()
            self._tell([unread_row(delivered.data, delivered.arrived_at, now, self._pseudonyms.key)])
            outcomes["quarantined", INVALID_RECORD] += 1
            return None
        if record.rejected:
            now = self._clock()
            self._keep((record, rejected) for rejected in record.rejected)
            key_of = self._pseudonyms.key
            self._tell([rejected_row(rejected, record, now, key_of) for rejected in record.rejected])
        for rejected in record.rejected:
            outcomes["quarantined", rejected.reason] += 1
        return record

    def _keep(self, quarantined: Iterable[tuple[Record, Rejected]]) -> None:
        inputs = [
            (rejected.reason, record.source, record.received_at, rejected.raw, came_with(record, rejected))
            for record, rejected in quarantined
        ]
        if inputs:
            self._quarantine.keep_all(inputs)

    def _process(self, pending: list[Read], outcomes: Counter[tuple[str, str]], failed: set[str]) -> None:
        """Round after round until everything is committed, has failed, or has met conflicts too often."""
        for attempt in range(MAX_ATTEMPTS):
            if not pending:
                return
            if attempt:
                self._pause(attempt)
            try:
                pending = self._round(pending, outcomes, failed, consistent=attempt > 0)
            except Exception as error:  # noqa: BLE001 - reading or archiving failed for all of them: deliver all again
                self._fail([read.sequence for read in pending], error, failed)
                return
        if pending:
            self._fail([read.sequence for read in pending], ConflictError(), failed)

    def _round(
        self, pending: list[Read], outcomes: Counter[tuple[str, str]], failed: set[str], *, consistent: bool
    ) -> list[Read]:
        """Load, fold, archive, commit. Answers the records to fold again, on what is stored by then."""
        again: list[Read] = []
        ready: list[tuple[Component, WorkingSet, list[Commit]]] = []
        _, compiled = self._definitions()
        models = self._champions.serving()
        now = self._clock()
        for component in load_components(self._profiles, self._pseudonyms, pending, now, consistent=consistent):
            if parts := set_apart(component.reads):
                self._in_halves(*parts, outcomes, failed)
                continue
            try:
                work, commits = self._fold(component, now, compiled, models)
            except ConflictError:
                again += component.reads
                continue
            except Exception as error:  # noqa: BLE001 - no I/O in there: trying again would end the same way
                self._isolate(component, error, outcomes, failed)
                continue
            if not consistent and work.rests_on_reading:
                again += component.reads
            elif any(is_too_large(commit) for commit in commits) and (halves := halve(component.reads)):
                self._in_halves(*halves, outcomes, failed)
            else:
                ready.append((component, work, commits))
        self._archive([work for _, work, _ in ready])
        for component, work, commits in ready:
            again += self._commit(component, work, commits, outcomes, failed)
        return sorted(again, key=lambda read: (read.index, read.final))

    def _in_halves(
        self, first: list[Read], rest: list[Read], outcomes: Counter[tuple[str, str]], failed: set[str]
    ) -> None:
        """Carry the first half through to its commit, then the rest, unless it would overtake a failure.

        Each by itself: a half of a half is no further attempt at the same.
        """
        self._process(first, outcomes, failed)
        if failed.isdisjoint(read.sequence for read in first):
            self._process(rest, outcomes, failed)
        else:
            failed.update(read.sequence for read in rest)

    def _isolate(
        self, component: Component, error: Exception, outcomes: Counter[tuple[str, str]], failed: set[str]
    ) -> None:
        """Records that cannot be folded together are folded in halves, until what is to blame lies in quarantine alone.

        Otherwise one event that we did not foresee would hold up its shard until it is given up.
        """
        if halves := halve(component.reads):
            self._in_halves(*halves, outcomes, failed)
            return
        self._report(error)
        reason = "profile_too_large" if isinstance(error, ProfileTooLargeError) else "unprocessable"
        read = component.reads[0]
        self._keep((read.record, set_aside(event, reason)) for event in read.record.events)
        # above any row of it that was archived before the store refused it
        version = 1 + max((item.version for item in component.items.values()), default=0)
        now = self._clock()
        self._tell(
            [bare_row(event, read.record, Verdict.QUARANTINED, reason, now, version) for event in read.record.events]
        )
        outcomes["quarantined", reason] += len(read.record.events)
        if read.final and read.record.events and read.whole != record_hash(read.record):
            # the end of a record that was split: its cursor moves all the same, by a part without events
            rest = msgspec.structs.replace(read.record, events=())
            self._process([msgspec.structs.replace(read, record=rest)], outcomes, failed)

    def _fold(
        self, component: Component, now: int, compiled: Compiled, models: Mapping[str, Model]
    ) -> tuple[WorkingSet, list[Commit]]:
        work = component.working_set(now=now, compiled=compiled, pseudonyms=self._pseudonyms, seal=self._seal)
        forgotten: Forgotten | None = None
        for read in component.reads:
            if addressees(read.record):
                apply_addressed(work, read.record)
            elif is_forgetting(read.record):
                forgotten = forget(work, read.record)
            else:
                work.apply(read.record, position(self._epoch, read.sequence, work.now), read.whole, final=read.final)
        changed, together = work.finish(models, component.read_up_to), is_unlinking(component.reads[0].record)
        return work, build_commits(changed, compiled, forgotten, together=together)

    def _archive(self, works: list[WorkingSet]) -> None:
        """Every event's row lies in the lake before the profile knows of it: a crash in between repeats it."""
        rows = [row for work in works for row in work.loose_rows]
        for working in (working for work in works for working in work.working.values()):
            for row, plain in working.rows:
                profile = working.profile
                sealed = self._seal.seal(profile.data_key, plain)
                rows.append(
                    msgspec.structs.replace(
                        row, profile_id=profile.profile_id, version=working.row_version(row.verdict), sealed=sealed
                    )
                )
        if rows:
            self._tell(rows)

    def _tell(self, rows: Sequence[Row]) -> None:
        self._lake.append([encode_row(row) for row in rows])

    def _commit(
        self,
        component: Component,
        work: WorkingSet,
        commits: list[Commit],
        outcomes: Counter[tuple[str, str]],
        failed: set[str],
    ) -> tuple[Read, ...]:
        try:
            self._keep(work.quarantined)
            for commit in commits:
                self._profiles.commit(commit)
        except ConflictError:
            self._count("CommitConflicts", 1, {})
            return component.reads
        except UnstorableError as error:
            self._isolate(component, error, outcomes, failed)
            return ()
        except Exception as error:  # noqa: BLE001 - the store failed for these people: deliver their records again
            self._fail([read.sequence for read in component.reads], error, failed)
            return ()
        outcomes.update(work.outcomes)
        count_changes(work, (read.record for read in component.reads), self._count, self._elapsed)
        return ()

    def _fail(self, sequences: list[str], error: Exception, failed: set[str]) -> None:
        failed.update(sequences)
        self._report(error)
        self._count("RecordsFailed", len(sequences), {"reason": type(error).__name__})
