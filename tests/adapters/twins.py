"""The stores of one deployment twice, in memory and at AWS, and stories that both must answer alike.

All proofs of tests/faults and tests/use_cases run on the stores in memory, so they are worth what these are: each step
of a story is done to both, and whatever they answer or refuse is to be equal, and in the end all that they hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoDueIndex, DynamoProfiles
from attune.adapters.memory import MemoryDefinitions, MemoryDeliveries, MemoryHolds, MemoryProfiles
from attune.domain.profiles.timers import DUE_SHARDS
from attune.ports import (
    Commit,
    ConflictError,
    Due,
    DueIndex,
    Holds,
    LedgerEntry,
    ProfileItem,
    ProfileStore,
    UnstorableError,
)
from attune.ports.deliveries import DeliveryStore
from attune.ports.editing import DefinitionStore
from tests.adapters.cloud import DUE_INDEX, Cloud
from tests.adapters.stores import clock

#: what a caller of the ports is told apart; anything else is a fault of the test
REFUSALS = (ConflictError, UnstorableError)
FAR = 10**15


@dataclass(frozen=True)
class Stores:
    """`ledger` and `expiry` read what no port does: a profile's consent records, and when a hold may be forgotten."""

    profiles: ProfileStore
    due: DueIndex
    holds: Holds
    deliveries: DeliveryStore
    definitions: DefinitionStore
    ledger: Callable[[str], list[LedgerEntry]]
    expiry: Callable[[str], int | None]


def in_memory() -> Stores:
    profiles, holds = MemoryProfiles(), MemoryHolds()
    return Stores(
        profiles=profiles,
        due=profiles,
        holds=holds,
        deliveries=MemoryDeliveries(),
        definitions=MemoryDefinitions(clock=clock),
        ledger=profiles.ledger,
        expiry=holds.expires_at.get,
    )


@dataclass(frozen=True)
class Tables:
    """Names, with holds among the identities and marks among the definitions, as the data stack has them."""

    profiles: str
    identities: str
    ledger: str
    deliveries: str
    definitions: str


def tables(cloud: Cloud, *, streamed: bool = False) -> Tables:
    """Empty ones; `streamed`: profiles tell their changes."""
    others = ("identities", "ledger", "deliveries", "definitions")
    return Tables(cloud.table("profiles", streamed=streamed), *(cloud.table(name) for name in others))


def dynamo_profiles(cloud: Cloud, at: Tables) -> DynamoProfiles:
    client = cloud.client("dynamodb")
    return DynamoProfiles(client, profiles=at.profiles, identities=at.identities, ledger=at.ledger)


def dynamo_due(client: Any, at: Tables) -> DynamoDueIndex:
    return DynamoDueIndex(client, profiles=at.profiles, index=DUE_INDEX, marks=at.definitions)


def at_aws(cloud: Cloud) -> Stores:
    client, at = cloud.client("dynamodb"), tables(cloud)
    return Stores(
        profiles=dynamo_profiles(cloud, at),
        due=dynamo_due(client, at),
        holds=DynamoHolds(client, at.identities),
        deliveries=DynamoDeliveries(client, at.deliveries),
        definitions=DynamoDefinitions(client, at.definitions, clock=clock, lifetime=0),
        ledger=lambda profile_id: read_ledger(client, at.ledger, profile_id),
        expiry=lambda key: _read_expiry(client, at.identities, key),
    )


def read_ledger(client: Any, table: str, profile_id: str) -> list[LedgerEntry]:
    found = client.query(
        TableName=table,
        KeyConditionExpression="profile_id = :profile_id",
        ExpressionAttributeValues={":profile_id": {"S": profile_id}},
        ConsistentRead=True,
    )
    return [LedgerEntry(**{name: _plain(value) for name, value in item.items()}) for item in found["Items"]]


def _plain(value: dict[str, Any]) -> Any:
    [(kind, plain)] = value.items()
    return int(plain) if kind == "N" else plain


def _read_expiry(client: Any, table: str, identity_key: str) -> int | None:
    key = {"identity_key": {"S": f"hold#{identity_key}"}}
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return None if item is None else int(item["expires_at"]["N"])


# ------------------------------------------------------------------------------------------------------- a story


@dataclass(frozen=True)
class Step:
    """Something done to a deployment's stores."""

    method: str
    arguments: tuple[Any, ...]
    act: Callable[[Stores], Any]

    def __str__(self) -> str:
        """Short enough to be read in a report."""
        return re.sub(r"b'[^']{60,}'", "b'…'", f"{self.method}{self.arguments!r}")


def commit(change: Commit) -> Step:
    return Step("commit", (change,), lambda stores: stores.profiles.commit(change))


def due(shard: int, since: int, until: int, limit: int) -> Step:
    """Of equal due times a limit may cut any: what is certain is compared, of the others the number."""

    def act(stores: Stores) -> tuple[list[int], list[Due]]:
        found = stores.due.due(shard, Due(since, ""), until, limit)
        times = [one.due_at for one in found]
        return times, sorted(one for one in found if len(found) < limit or one.due_at < times[-1])

    return Step("due", (shard, since, until, limit), act)


def all_due(shard: int, since: int, until: int, page: int) -> Step:
    """Read page by page, each from the place where the one before ended, be it among equals."""

    def act(stores: Stores) -> list[Due]:
        found: list[Due] = []
        place = Due(since, "")
        while some := stores.due.due(shard, place, until, page):
            found += some
            place = some[-1]
        assert [one.due_at for one in found] == sorted(one.due_at for one in found)
        return sorted(found)

    return Step("due by pages", (shard, since, until, page), act)


def ask(port: str, method: str, *arguments: Any, **options: Any) -> Step:
    """Any other method of a port."""

    def act(stores: Stores) -> Any:
        return getattr(getattr(stores, port), method)(*arguments, **options)

    return Step(f"{port}.{method}", (*arguments, options), act)


def ask_extra(name: str, about: str) -> Step:
    """What no port reads."""
    return Step(name, (about,), lambda stores: getattr(stores, name)(about))


def outcome(step: Step, stores: Stores) -> Any:
    """What it answers, or how it refuses."""
    try:
        return step.act(stores)
    except REFUSALS as refusal:
        return type(refusal).__name__


class Twins:
    """Both, to which the same is done."""

    def __init__(self, memory: Stores, aws: Stores) -> None:
        self.memory, self.aws = memory, aws
        self.outcomes: list[tuple[str, Any]] = []

    def do(self, step: Step) -> Any:
        """What both answered, alike."""
        expected, found = outcome(step, self.memory), outcome(step, self.aws)
        assert found == expected, f"step {len(self.outcomes)}: {step}\nAWS: {found}\nmemory: {expected}"
        self.outcomes.append((step.method, found))
        return found

    def compare(self, profile_ids: Iterable[str], keys: Iterable[str]) -> None:
        """All that is stored under these."""
        keys = list(keys)
        for method, wanted in (("items", list(profile_ids)), ("identities", keys)):
            self.do(ask("profiles", method, wanted, consistent=True))
        for shard in range(DUE_SHARDS):
            self.do(due(shard, 0, FAR, 1_000))
        self.do(ask("due", "marks"))
        for profile_id in profile_ids:
            self.do(ask("deliveries", "of_profile", profile_id))
            self.do(ask_extra("ledger", profile_id))
        for key in keys:
            self.do(ask("holds", "held", [key]))
            self.do(ask_extra("expiry", key))


def tombstone(profile_id: str, version: int, into: str) -> ProfileItem:
    return ProfileItem(profile_id=profile_id, version=version, merged_into=into)
