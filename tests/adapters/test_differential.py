"""The stores in memory and those at AWS answer every step of generated stories alike."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from attune.domain.campaigns.deliveries import Delivery, State
from attune.domain.profiles.changes import Change, SegmentEntered, SegmentLeft
from attune.domain.profiles.memory import reference
from attune.domain.profiles.timers import due_shard
from attune.ports import Claim, Commit, Due, Identity, LedgerEntry, Marks, Page, ProfileItem
from tests.adapters.cloud import Cloud
from tests.adapters.twins import Step, Twins, all_due, ask, at_aws, commit, due, in_memory, tombstone
from tests.builders import DAY, NOW, campaign, channel, delivery, profile_id, views_segment
from tests.faults.effort import seeds

#: people of few due shards, so that a shard holds several
PEOPLE = [one for one in (profile_id(n) for n in range(120)) if due_shard(one) in (3, 7)][:8]
SHARDS = sorted({due_shard(one) for one in PEOPLE})
UNKNOWN = ["f" * 32, "0" * 32]
KEYS = [f"{n:032x}" for n in range(5)] + ["ключ-é", "👩‍🚀", "hold#x"]
PURPOSES = ["analytics", "email", "größe"]
#: few, so that steps meet at the very same instant
INSTANTS = [NOW + n for n in range(6)]
STATES = [b"", b"state", bytes(range(256)), bytes(30_000)]
PAGES = [
    Page(reference=reference(entries), entries=entries, expires_at=(NOW + DAY) // 1_000)
    for entries in (b"page %d" % n * 50 for n in range(4))
]
NAMESPACES = ["email", "user_id", "cart_token", ""]
#: more than DynamoDB takes: bytes of an item, actions of a transaction
TOO_LARGE, TOO_MANY = 420_000, 101


class Story:
    """Steps that mostly fit what is stored, and that in every other way do not."""

    def __init__(self, seed: int, twins: Twins) -> None:
        self.rng, self.twins = Random(seed), twins
        self._kinds = [self.change] * 10 + [self.read] * 5 + [self.hold] * 3
        self._kinds += [self.deliver] * 5 + [self.ask_due] * 3 + [self.define] * 3 + [self.exaggerate]

    def steps(self, count: int) -> Iterator[Step]:
        return (self.rng.choice(self._kinds)() for _ in range(count))

    # ------------------------------------------------------------------------------------------------- commits

    def change(self) -> Step:
        rng = self.rng
        ids = rng.sample(PEOPLE, rng.choice([1, 1, 1, 2, 3]))
        items = [self._item(one) for one in ids]
        if len(ids) > 1 and rng.random() < 0.5:
            read, gone = items[-1]
            grave = ProfileItem(profile_id=gone.profile_id, version=gone.version, erased_at=NOW, suppressed_at=NOW)
            items[-1] = (read, rng.choice([grave, tombstone(gone.profile_id, gone.version, ids[0])]))
        claims = [self._claim(key, rng.choice(ids)) for key in rng.sample(KEYS, rng.choice([0, 0, 1, 1, 2, 4]))]
        ledger = [self._entry(rng.choice(ids)) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
        if rng.random() < 0.05:
            items.append(self._item(ids[0]))
        if rng.random() < 0.05 and claims:
            claims.append(self._claim(claims[0].identity_key, ids[0]))
        pages = tuple(self._pages())
        return commit(Commit(items=tuple(items), claims=tuple(claims), ledger=tuple(ledger), pages=pages))

    def _item(self, one: str, *, wrong: float = 0.15) -> tuple[int | None, ProfileItem]:
        rng = self.rng
        stored = self.twins.memory.profiles.items([one], consistent=True).get(one)
        read = stored.version if stored else None
        if rng.random() < wrong:
            read = rng.choice([None, 1, (read or 0) + 1])
        item = ProfileItem(
            profile_id=one,
            version=(read or 0) + 1,
            state=rng.choice(STATES),
            due_at=rng.choice([None, *INSTANTS]),
            outbox=self._outbox(),
            pages=tuple(page.reference for page in self._pages()),
        )
        return read, item

    def _pages(self) -> list[Page]:
        return self.rng.sample(PAGES, self.rng.choice([0, 0, 0, 1, 2]))

    def _outbox(self) -> tuple[Change, ...]:
        kinds: list[type[SegmentEntered | SegmentLeft]] = [SegmentEntered, SegmentLeft]
        told = (self.rng.choice(kinds) for _ in range(self.rng.choice([0, 0, 1, 3])))
        return tuple(kind("größe", self.rng.choice(INSTANTS), self.rng.choice(["", "кошик"])) for kind in told)

    def _claim(self, key: str, owner: str, *, wrong: float = 0.2) -> Claim:
        rng = self.rng
        read = self.twins.memory.profiles.identities([key], consistent=True).get(key)
        if rng.random() < wrong:
            others = [None, self._identity(rng.choice(PEOPLE))]
            if read is not None:
                # an owner's word of itself may have changed; whom it is bound to, since when, how marked, must not
                others += [msgspec.structs.replace(read, **{name: value}) for name, value in self._other(read).items()]
            read = rng.choice(others)
        return Claim(identity_key=key, read=read, identity=self._identity(owner))

    def _identity(self, owner: str) -> Identity:
        rng = self.rng
        return Identity(
            profile_id=owner,
            at=rng.choice(INSTANTS),
            erased_at=rng.choice([0, 0, *INSTANTS]),
            suppressed_at=rng.choice([0, 0, *INSTANTS]),
            released_at=rng.choice([0, 0, *INSTANTS]),
            namespace=rng.choice(NAMESPACES),
            generation=rng.randint(0, 2),
            verified=rng.random() < 0.5,
        )

    def _other(self, read: Identity) -> dict[str, Any]:
        return {
            "at": read.at + 1,
            "erased_at": read.erased_at + 1,
            "suppressed_at": 0 if read.suppressed_at else NOW,
            "released_at": read.released_at + 1,
            "profile_id": self.rng.choice(PEOPLE),
            "verified": not read.verified,
            "generation": read.generation + 1,
            "namespace": "loyalty_id",
        }

    def _entry(self, owner: str) -> LedgerEntry:
        rng = self.rng
        return LedgerEntry(
            profile_id=owner,
            entry=f"consent#{rng.randint(0, 20):08d}",
            purpose=rng.choice(PURPOSES),
            granted=rng.random() < 0.5,
            effective_at=rng.choice(INSTANTS),
            recorded_at=NOW,
            source="lädchen",
            previous="",
            digest="ab" * 32,
        )

    def exaggerate(self) -> Step:
        """More than the store takes, and nothing else wrong: which of two faults it names is nowhere said."""
        read, item = self._item(PEOPLE[0], wrong=0)
        if self.rng.random() < 0.5:
            claims = [self._claim(f"many-{n}", item.profile_id, wrong=0) for n in range(TOO_MANY - 1)]
            return commit(Commit(items=((read, item),), claims=tuple(claims)))
        large = msgspec.structs.replace(item, state=bytes(TOO_LARGE))
        claims = [self._claim(self.rng.choice(KEYS), item.profile_id, wrong=0)] if self.rng.random() < 0.5 else []
        return commit(Commit(items=((read, large),), claims=tuple(claims)))

    # ------------------------------------------------------------------------------------------------- the rest

    def read(self) -> Step:
        rng, consistent = self.rng, self.rng.random() < 0.5
        if rng.random() < 0.2:
            return ask("profiles", "pages", [page.reference for page in rng.choices(PAGES, k=rng.randint(0, 4))])
        if rng.random() < 0.5:
            return ask("profiles", "items", self._some(PEOPLE + UNKNOWN), consistent=consistent)
        return ask("profiles", "identities", self._some(KEYS + [f"hold#{key}" for key in KEYS]), consistent=consistent)

    def _some(self, names: list[str]) -> list[str]:
        return self.rng.choices(names, k=self.rng.randint(0, 6))

    def hold(self) -> Step:
        rng = self.rng
        if rng.random() < 0.5:
            return ask("holds", "held", self._some(KEYS))
        if rng.random() < 0.3:
            return ask("holds", "lift", self._some(KEYS), rng.choice(INSTANTS))
        purposes = {purpose: rng.choice(INSTANTS) for purpose in rng.sample(PURPOSES, rng.randint(0, 3))}
        return ask("holds", "place", rng.choice(KEYS), purposes, NOW // 1_000 + rng.randint(0, 3))

    def ask_due(self) -> Step:
        rng, shard = self.rng, self.rng.choice([*SHARDS, 0])
        kind = rng.random()
        if kind < 0.8:
            since, until = rng.choice([0, *INSTANTS]), rng.choice([*INSTANTS, NOW * 2])
            if rng.random() < 0.3:
                return all_due(shard, since, until, rng.choice([1, 2, 3]))
            return due(shard, since, until, rng.choice([0, 1, 2, 3, 100]))
        if kind < 0.9:
            return ask("due", "set_marks", Marks(reached=(Due(rng.choice(INSTANTS), rng.choice(["", *PEOPLE])),)))
        return ask("due", "marks")

    def deliver(self) -> Step:
        rng = self.rng
        owner = rng.choice(PEOPLE[:3])
        wanted = self._delivery(owner, f"msg_{rng.randint(0, 4)}-ü")
        known = self.twins.memory.deliveries.get(owner, wanted.delivery_id)
        kind = rng.random()
        if kind < 0.35:
            return ask("deliveries", "claim", wanted)
        if kind < 0.75:
            return self._settle(wanted, known)
        if kind < 0.9:
            return ask("deliveries", "get", owner, wanted.delivery_id)
        return ask("deliveries", "of_profile", owner)

    def _delivery(self, owner: str, number: str) -> Delivery:
        rng = self.rng
        return delivery(
            profile_id=owner,
            delivery_id=number,
            cause=SegmentEntered("größe", rng.choice(INSTANTS), rng.choice(["", "кошик"])),
            created_at=rng.choice(INSTANTS),
            body=rng.choice(["", '{"a": "ü"}', "x" * 9_000]),
            reason=rng.choice(["", "status_503"]),
        )

    def _settle(self, wanted: Delivery, known: Delivery | None) -> Step:
        rng, before = self.rng, known or wanted
        new = msgspec.structs.replace(
            before if rng.random() < 0.8 else wanted,
            state=rng.choice([State.CLAIMED, State.DELIVERED, State.NOT_SENT]),
            attempts=before.attempts + rng.randint(0, 1),
            holder=rng.choice(["", "one", "two"]),
            updated_at=rng.choice(INSTANTS),
        )
        if known is not None and rng.random() < 0.2:
            new = known  # the answer to our own write was lost, and it is repeated
        state, attempts = before.state, before.attempts
        if rng.random() < 0.3:
            state, attempts = rng.choice(list(State)), rng.randint(0, 2)
        return ask("deliveries", "settle", new, read_state=state, read_attempts=attempts)

    def define(self) -> Step:
        rng = self.rng
        build = rng.choice([views_segment, channel, campaign])
        definition = build(id=rng.choice(["a", "a-1", "b"]), name=rng.choice(["", "größe"]))
        name = str(type(definition).__struct_config__.tag)
        stored = self.twins.memory.definitions.get(name, definition.id)
        read = stored[0] if stored and rng.random() < 0.8 else rng.choice([None, 1, 2])
        kind = rng.random()
        if kind < 0.4:
            return ask("definitions", "put", definition, read_version=read)
        if kind < 0.6:
            return ask("definitions", "delete", name, definition.id, read_version=read or 1)
        if kind < 0.8:
            return ask("definitions", "get", name, definition.id)
        return ask("definitions", "versions", name) if kind < 0.95 else ask("definitions", "current")


def tell(seed: int, cloud: Cloud, steps: int) -> Twins:
    twins = Twins(in_memory(), at_aws(cloud))
    for step in Story(seed, twins).steps(steps):
        twins.do(step)
    twins.compare(PEOPLE, KEYS)
    return twins


@pytest.mark.parametrize("seed", seeds(6))
def test_memory_and_aws_answer_alike(seed: int, moto_cloud: Cloud) -> None:
    tell(seed, moto_cloud, steps=250)


@pytest.mark.cloud
@pytest.mark.parametrize("seed", seeds(6))
def test_memory_and_the_local_cloud_answer_alike(seed: int, local_cloud: Cloud) -> None:
    tell(1_000 + seed, local_cloud, steps=250)


def test_the_stories_are_about_everything() -> None:
    """Told to memory alone, twice: of every kind of step each way it can go is among them."""
    met: set[tuple[str, str]] = set()
    for seed in range(10):
        twins = Twins(in_memory(), in_memory())
        for step in Story(seed, twins).steps(250):
            twins.do(step)
        met |= {(method, found if isinstance(found, str) else "done") for method, found in twins.outcomes}
    refused = {"commit", "deliveries.settle", "definitions.put", "definitions.delete"}
    assert {("commit", "UnstorableError")} | {(method, "ConflictError") for method in refused} <= met
    done = {method for method, found in met if found == "done"}
    assert refused | {"due", "due.marks", "due.set_marks", "holds.held", "holds.place", "deliveries.claim"} <= done
