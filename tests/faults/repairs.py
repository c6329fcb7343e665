"""`attune repair` in a world: what its mappings gave up lies in a bucket, and the real use cases make up for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attune.adapters.memory import MemoryFailedBatches
from attune.domain.past.takeovers import Version
from attune.runtime.outboxes import outbox_records
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances
from attune.use_cases.repairs.repair_effects import Effects, RepairEffects
from attune.use_cases.repairs.replay_batches import Replay, ReplayBatches
from tests.failed_batches import document, kinesis_record, table_record
from tests.faults.wires import Steady, TurnTaking, Wire, wired
from tests.faults.world import Fixed, World


class Repairs:
    """Its steps may be called as the machine calls them, each until it is done. `wire` carries every call of a port."""

    def __init__(self, world: World, wire: Wire | None = None) -> None:
        self.world = world
        self.batches = MemoryFailedBatches()
        self._wire = TurnTaking(world.turns, wire or Steady())
        self._runs = 0

    def collect(self) -> None:
        """What the mappings gave up, as they leave it in the bucket: consumer by consumer, each in its order."""
        mappings = ((self.world.process, _of_stream), (self.world.campaigns, _of_table))
        for mapping, written in mappings:
            batches, mapping.given_up = mapping.given_up, []
            for batch in batches:
                name = f"aws/lambda/{len(self.batches.notices):06}"
                self.batches.leave(name, self.world.time.now, document(map(written, batch.records)))

    def replay(self) -> Replay:
        """Every failed batch that there is."""
        self.collect()
        so_far, until = Replay(), self.world.time.now
        while not so_far.done:
            so_far = self._replay_batches()(str(self._runs), until, so_far, dry_run=False, has_time=lambda: False)
        self._runs += 1
        return so_far

    def effects(self, since: int, *, dry_run: bool = False) -> Effects:
        """Everybody, page by page."""
        so_far = Effects()
        while not so_far.done:
            so_far = self._repair_effects()(since, so_far, dry_run=dry_run, has_time=lambda: False)
        return so_far

    def _wired[T](self, name: str, port: T) -> T:
        return wired(self._wire, name, port)

    def _replay_batches(self) -> ReplayBatches:
        return ReplayBatches(
            batches=self._wired("replay_batches.batches", self.batches),
            notices=self._wired("replay_batches.notices", self.batches),
            stream=self._wired("replay_batches.stream", self.world.stream),
            consumer=self._wired("replay_batches.consumer", _Invoked(self.world.campaigns.invoke)),
            stream_shards=1,
            sleep=lambda _: None,
            count=lambda *_: None,
        )

    def _repair_effects(self) -> RepairEffects:
        world = self.world
        return RepairEffects(
            everybody=self._wired("repair_effects.everybody", world.profiles),
            circumstances=ReadCircumstances(
                profiles=self._wired("repair_effects.profiles", world.profiles),
                holds=self._wired("repair_effects.holds", world.holds),
                definitions=world._definitions,
                clock=world.time,
            ),
            definitions=self._wired("repair_effects.definitions", _Old(world._definitions._snapshot)),
            store=self._wired("repair_effects.deliveries", world.deliveries),
            queue=self._wired("repair_effects.queue", world.queue),
            sleep=lambda _: None,
            count=lambda *_: None,
        )


class _Old(Fixed):
    """Definitions that have always been so."""

    def watched_since(self, campaign: str, segment: str) -> int:
        return 0

    def history(self, kind: str, definition_id: str) -> list[Version]:
        return []


class _Invoked:
    """`run_campaigns` as Lambda invokes it."""

    def __init__(self, invoke: Callable[[list[Any]], Any]) -> None:
        self._invoke = invoke

    def take(self, event: bytes) -> list[str]:
        answer = self._invoke(outbox_records(json.loads(event)))
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def _of_stream(record: Any) -> dict[str, Any]:
    return kinesis_record(record.key, record.data)


def _of_table(record: Any) -> dict[str, Any]:
    return table_record(record.profile_id, record.outbox, record.sequence)
