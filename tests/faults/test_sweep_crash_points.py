"""A sweep that breaks at any call, as a killed process or a service out of reach, ends as one that did not break."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from attune.adapters.aes_seal import AesSeal
from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.memory import MemoryDeliveries, MemoryProfiles, MemoryRegistry
from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_swept import MemoryPersonalItems, MemorySwept
from attune.domain.campaigns.deliveries import State
from attune.domain.erasure.subjects import decode_subject, encode_subject, subject_key
from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.ports import Commit, ProfileItem
from attune.use_cases.erasure.sweep_batches import SweepBatches
from attune.use_cases.erasure.sweep_files import SweepFiles
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_models import SweepModels
from attune.use_cases.erasure.sweep_stores import Buckets, SweepStores
from tests.adapters.cloud import Cloud
from tests.builders import NOW, Pseudonyms, delivery
from tests.faults.effort import LONG
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, Unavailable, Wire, wired
from tests.lakes import live
from tests.sweeping import ANN, BOB, BUCKETS, ERASED_AT, LATER, REQUEST, VERSIONED, SweptWorld

FOLDER = tempfile.TemporaryDirectory()


@functools.cache
def snapshot() -> tuple[tuple[str, str, bytes], ...]:
    """Every version of every object of the world that the adapters are judged by, the oldest first."""
    with mock_aws():
        world = SweptWorld(Cloud(), Path(FOLDER.name))
        world.fill()
        world.begin()
        found = sorted(world.everything().items(), key=lambda one: (one[0][0], one[0][1], -one[0][2]))
        return tuple((bucket, key, body) for (bucket, key, _), body in found)


class World:
    """The same in memory."""

    def __init__(self) -> None:
        self.buckets = {name: MemorySwept(versioned=name in VERSIONED) for name in BUCKETS}
        self.documents = MemoryDocuments()
        for bucket, key, body in snapshot():
            if key == subject_key(REQUEST):
                mixed = msgspec.structs.replace(decode_subject(body), mixed={BOB: NOW})
                self.documents.put(key, encode_subject(mixed))
            else:
                self.buckets[bucket].versions.setdefault(key, []).append(body)
        self.profiles = MemoryProfiles()
        tombstone = ProfileItem(profile_id=ANN, version=9, erased_at=ERASED_AT)
        self.profiles.commit(Commit(items=((None, tombstone), (None, live(2)))))
        self.items = MemoryPersonalItems()
        self.items.deliveries = {ANN: ["1", "2"], BOB: ["3"]}
        self.messages = MemoryDeliveries()
        for state in State:
            said = "{}" if state is not State.NOT_SENT else ""
            self.messages.claim(delivery(profile_id=BOB, delivery_id=state, state=state, body=said))
        self.items.pages = {"aa" * 12, "bb" * 12}
        self.registry = MemoryRegistry()
        self.registry.keep(SHOPPER_CLUSTERS, "during", {"lineage.json": b'{"cutoff": 0}'})

    def sweeping(self, wire: Wire) -> SweepStores:
        carried = {name: wired(wire, name, bucket) for name, bucket in self.buckets.items()}
        return SweepStores(
            documents=wired(wire, "documents", self.documents),
            profiles=self.profiles,
            items=wired(wire, "items", self.items),
            messages=wired(wire, "messages", self.messages),
            buckets=Buckets(carried["quarantine"], carried["lake"], carried["audit"]),
            batches=SweepBatches(
                bucket=carried["failures"], lake=carried["lake"], pseudonyms=Pseudonyms(), clock=lambda: LATER
            ),
            files=SweepFiles(bucket=carried["imports"], tables=DuckTables(Path(FOLDER.name) / "tables")),
            lake=SweepLake(
                bucket=carried["lake"],
                profiles=self.profiles,
                pseudonyms=Pseudonyms(),
                seal=AesSeal(),
                retention_hours=24,
            ),
            models=SweepModels(registry=wired(wire, "registry", self.registry), bucket=carried["registry"]),
            clock=lambda: LATER,
            count=lambda *_: None,
        )

    def run(self, wire: Wire) -> None:
        """Both stages, each call with the position of the one before."""
        sweep = self.sweeping(wire)
        for stage in ("stores", "versions"):
            answer: dict[str, Any] = {"done": False, "position": ""}
            while not answer["done"]:
                answer = sweep(stage, [REQUEST], answer["position"], lambda: True)

    def state(self) -> Any:
        """All that lasts, but for the counts."""
        objects = {name: bucket.versions for name, bucket in self.buckets.items()}
        return objects, self.items.deliveries, self.items.pages, self.messages.all(), self.registry.files


@functools.cache
def steady() -> tuple[list[str], Any]:
    """The calls of a run that does not break, and what it leaves."""
    world, wire = World(), Steady()
    world.run(wire)
    return wire.calls, world.state()


#: every call that changes something, and some of those that look
CHANGING = ("replace", "put", "remove", "forget", "keep")
SHARE = 1 if LONG else 29


def points() -> list[int]:
    calls, _ = steady()
    changing = [number for number, name in enumerate(calls) if name.partition(".")[2].startswith(CHANGING)]
    return sorted({*changing, *range(0, len(calls), SHARE)})


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
def test_a_sweep_that_breaks_anywhere_and_is_run_again_ends_the_same(fault: Fault, moment: Moment) -> None:
    _, state = steady()
    for position in points():
        world = World()
        with pytest.raises((Crash, Unavailable)):
            world.run(BreakAt(position, fault, moment))
        world.run(Steady())
        assert world.state() == state, steady()[0][position]


def test_nothing_of_the_erased_is_in_what_a_run_leaves() -> None:
    objects, deliveries, pages, kept, _ = steady()[1]
    assert (deliveries, pages) == ({BOB: ["3"]}, {"bb" * 12})
    assert {(one.body, one.cause.key) for one in kept} == {("", "")}
    assert not [key for bucket in objects.values() for key, kept in bucket.items() if len(kept) != 1]
