"""Profile stores of the process figures: one that costs next to nothing, and DynamoDB's bill for the real adapter.

Rules of the bill: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
A write costs a unit for each KB of the larger of old and new item, in a transaction twice that; what changes in an
index costs its own; a read one for each 4 KB, half if it need not be consistent, also where nothing is found.
"""

from __future__ import annotations

import heapq
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.profiles.state import decode_profile, plain_size
from attune.ports import ConflictError, Due, Identity, ProfileItem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.ports import Commit, ProfileStore

PROFILES, IDENTITIES, LEDGER = "profiles", "identities", "ledger"
KEYS: Final = {PROFILES: ("profile_id",), IDENTITIES: ("identity_key",), LEDGER: ("profile_id", "entry")}
INDEX: Final = ("due_shard", "due_at")
_KB: Final = 1_024
_NUMBER_BASE: Final = 1


class LeanProfiles:
    """`ProfileStore` that keeps what it is given: frozen values whose states are bytes."""

    def __init__(self) -> None:
        self.stored: dict[str, ProfileItem] = {}
        self._identities: dict[str, Identity] = {}
        self._pages: dict[bytes, bytes] = {}

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:  # noqa: ARG002
        """Always consistent here."""
        return {key: self._identities[key] for key in keys if key in self._identities}

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:  # noqa: ARG002
        """Always consistent here."""
        return {profile_id: self.stored[profile_id] for profile_id in profile_ids if profile_id in self.stored}

    def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
        """By reference."""
        return {reference: self._pages[reference] for reference in references if reference in self._pages}

    def commit(self, commit: Commit) -> None:
        """Under the conditions of the contract."""
        self._pages |= {page.reference: page.entries for page in commit.pages}
        for read_version, item in commit.items:
            known = self.stored.get(item.profile_id)
            if (known.version if known else None) != read_version:
                raise ConflictError
        for claim in commit.claims:
            if self._identities.get(claim.identity_key) != claim.read:
                raise ConflictError
        for _, item in commit.items:
            self.stored[item.profile_id] = item
        for claim in commit.claims:
            self._identities[claim.identity_key] = claim.identity


class Alarms:
    """A profile store that also knows who is due: what the sparse index and wake_profiles' minute make of it."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self._armed: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self.commits = 0
        self._touched: set[str] = set()
        #: bytes of every state that was written
        self.sizes: Counter[int] = Counter()
        self.identities = store.identities
        self.items = store.items
        self.pages = store.pages

    def commit(self, commit: Commit) -> None:
        """As the store's."""
        self._store.commit(commit)
        self.commits += 1
        for _, item in commit.items:
            self.sizes[len(item.state)] += 1
            self._touched.add(item.profile_id)
            if item.due_at is None:
                self._armed.pop(item.profile_id, None)
            elif self._armed.get(item.profile_id) != item.due_at:
                self._armed[item.profile_id] = item.due_at
                heapq.heappush(self._heap, (item.due_at, item.profile_id))

    def touched(self) -> set[str]:
        """The profiles committed since this was last asked."""
        touched, self._touched = self._touched, set()
        return touched

    def due(self, until: int) -> Iterator[Due]:
        """Each once, in order."""
        while self._heap and self._heap[0][0] <= until:
            at, profile_id = heapq.heappop(self._heap)
            if self._armed.get(profile_id) == at:
                del self._armed[profile_id]
                yield Due(at, profile_id)


class Listener(Protocol):
    """Hears the calls one by one, with the units that they are reckoned to cost."""

    def put(self, put: dict[str, Any], units: int, price: int) -> None:
        """A put costs `units` times `price`, which is 2 in a transaction."""

    def get(self, table: str, request: dict[str, Any], units: float) -> None:
        """One table's part of a batch."""


class Bill:
    """The calls that `DynamoProfiles` makes of boto3's client, answered from memory and added up."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {name: {} for name in KEYS}
        #: by what they are for
        self.writes: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        #: bytes of every profile item that was put
        self.sizes: Counter[int] = Counter()
        #: hear every call as it is made
        self.listeners: list[Listener] = []

    def put_item(self, **put: Any) -> None:
        """A conditional put."""
        self._put(put, 1)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - boto3's spelling
        """Puts only."""
        for action in TransactItems:
            self._put(action["Put"], 2)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        """Every key, always."""
        answers: dict[str, Any] = {}
        for table, request in RequestItems.items():
            rows = [self.tables[table].get(_key(table, key)) for key in request["Keys"]]
            price = 1.0 if request["ConsistentRead"] else 0.5
            units = price * sum(ceil(max(item_size(row or {}), 1) / (4 * _KB)) for row in rows)
            self.reads[table] += int(2 * units)
            for listener in self.listeners:
                listener.get(table, request, units)
            answers[table] = [row for row in rows if row is not None]
        return {"Responses": answers}

    def _put(self, put: dict[str, Any], price: int) -> None:
        table, item = put["TableName"], put["Item"]
        key = _key(table, item)
        old = self.tables[table].get(key, {})
        self.tables[table][key] = item
        units = ceil(max(item_size(old), item_size(item)) / _KB)
        self.writes[table] += price * units
        for listener in self.listeners:
            listener.put(put, units, price)
        before, after = [{name: row[name] for name in INDEX if name in row} for row in (old, item)]
        if before != after:
            self.writes["due index"] += bool(before) + bool(after)
        if item.get("merged_into") != old.get("merged_into"):
            self.writes["merge index"] += 1
        if table == PROFILES:
            self.sizes[item_size(item)] += 1

    @property
    def write_units(self) -> float:
        """All of them."""
        return sum(self.writes.values())

    @property
    def read_units(self) -> float:
        """All of them; `reads` counts halves."""
        return sum(self.reads.values()) / 2


class Naive:
    """A listener that reckons what the naive design's puts of the same profiles would cost.

    A put of the whole profile for each event that was folded into it, and a put of the event's id. The profile as it
    is, but neither deflated nor with a memory of ids, which the second put makes needless.
    """

    def __init__(self) -> None:
        self.units = 0
        self._events: dict[str, int] = {}

    def put(self, put: dict[str, Any], units: int, price: int) -> None:  # noqa: ARG002
        """Of a live profile."""
        item = put["Item"]
        if put["TableName"] != PROFILES or "state" not in item:
            return
        profile = decode_profile(item["state"]["B"])
        before = self._events.get(profile.profile_id, 0)
        self._events[profile.profile_id] = profile.events
        rest = {name: value for name, value in item.items() if name not in {"state", "pages", "outbox"}}
        size = item_size(rest) + plain_size(item["state"]["B"]) - len(profile.seen) - len(profile.seen_records)
        self.units += (profile.events - before) * (ceil(size / _KB) + 1)

    def get(self, table: str, request: dict[str, Any], units: float) -> None:
        """Nothing of its own."""


def over(bill: Bill) -> DynamoProfiles:
    """The real adapter on top of it."""
    client: Any = bill
    return DynamoProfiles(client, profiles=PROFILES, identities=IDENTITIES, ledger=LEDGER)


def item_size(item: dict[str, Any]) -> int:
    """Names and values: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html."""
    return sum(len(name.encode()) + _value_size(*next(iter(value.items()))) for name, value in item.items())


def _value_size(kind: str, value: Any) -> int:
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":  # whole numbers only; zeros at either end are not kept
            return ceil(len(value.strip("-0")) / 2) + _NUMBER_BASE
        case "BOOL":
            return 1
        case _:
            raise ValueError(kind)


def _key(table: str, item: dict[str, Any]) -> tuple[str, ...]:
    return tuple(item[name]["S"] for name in KEYS[table])
