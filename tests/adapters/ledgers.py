"""A ledger with chains, days and digests, and somebody who tampers with what lies in the stores, past every port."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import msgspec

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_ledger import MemoryLedger
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.adapters.memory_profiles import MemoryProfiles
from attune.adapters.s3_documents import S3Documents
from attune.domain.privacy.access_records import day_of
from attune.domain.profiles.consent import Consent, LedgerEntry, chain
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Clock, Commit, ProfileItem
from attune.use_cases.management.record_access import Caller, RecordAccess
from attune.use_cases.privacy.digest_access import DigestAccess
from attune.use_cases.privacy.verify_ledger import VerifyLedger
from tests.adapters.cloud import Cloud
from tests.builders import DAY, NOW, profile_id

ADMIN = "admin key of the tests"
CALLER = Caller("server key abc", "GET /v1/profiles/{profile}", "support_case:4711")


class MemoryRoom:
    """The stores in memory, open to whoever tampers."""

    def __init__(self) -> None:
        self.profiles = self.scan = MemoryProfiles()
        self.ledger = MemoryLedger(self.profiles)
        self.documents = MemoryDocuments()
        self.requests = MemoryPrivacyRequests()

    def change(self, partition: str, entry: str, **said: Any) -> None:
        found = self.take(partition, entry)
        self.put(partition, entry, msgspec.structs.replace(found, **said))

    def move(self, partition: str, entry: str, to_partition: str, to_entry: str) -> None:
        found = self.take(partition, entry)
        self.remove(partition, entry)
        self.put(to_partition, to_entry, found)

    def copy(self, partition: str, entry: str, to_partition: str, to_entry: str) -> None:
        self.put(to_partition, to_entry, self.take(partition, entry))

    def remove(self, partition: str, entry: str) -> None:
        if "#" in partition:
            del self.ledger.records[partition, entry]
        else:
            self.profiles._ledger.drop((partition, entry))

    def remove_profile(self, named: str) -> None:
        self.profiles._items.drop(named)

    def remove_document(self, key: str) -> None:
        del self.documents.documents[key]

    def remove_head(self) -> None:
        self.ledger.newest = None

    def change_head(self, **said: str) -> None:
        assert self.ledger.newest is not None
        self.ledger.newest = msgspec.structs.replace(self.ledger.newest, **said)

    def take(self, partition: str, entry: str) -> Any:
        if "#" in partition:
            return self.ledger.records[partition, entry]
        return self.profiles._ledger.get((partition, entry))

    def put(self, partition: str, entry: str, found: Any) -> None:
        if "#" in partition:
            self.ledger.records[partition, entry] = found
            return
        # a table's entry is told by its key, whatever else it says
        assert isinstance(found, LedgerEntry)
        self.profiles._ledger.put((partition, entry), msgspec.structs.replace(found, profile_id=partition, entry=entry))


class Contents(NamedTuple):
    """Items of both tables and objects of the bucket, as they are stored."""

    profiles: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    documents: dict[str, bytes]


class CloudRoom:
    """The same on tables and a bucket."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._client, self._s3 = cloud, cloud.client("dynamodb"), cloud.client("s3")
        self._profiles, self._table, self._bucket = cloud.table("profiles"), cloud.table("ledger"), cloud.bucket()
        identities = cloud.table("identities")
        self.profiles = DynamoProfiles(self._client, profiles=self._profiles, identities=identities, ledger=self._table)
        self.scan = DynamoProfileScan(self._client, self._profiles)
        self.ledger = DynamoLedger(self._client, self._table)
        self.documents = S3Documents(self._s3, self._bucket)
        self.requests = DynamoPrivacyRequests(self._client, cloud.table("privacy_requests"))

    def contents(self) -> Contents:
        """All that lies in it, of what one answer holds."""
        tables = [self._client.scan(TableName=table)["Items"] for table in (self._profiles, self._table)]
        return Contents(tables[0], tables[1], self._cloud.objects(self._bucket))

    def furnish(self, contents: Contents) -> None:
        """Lay down what another room held when it was asked: a few calls in place of all that came to it."""
        for table, items in ((self._profiles, contents.profiles), (self._table, contents.ledger)):
            for some in itertools.batched(items, 25, strict=False):
                puts = [{"PutRequest": {"Item": item}} for item in some]
                assert not self._client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]
        for key, body in contents.documents.items():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def change(self, partition: str, entry: str, **said: Any) -> None:
        said = {name: _typed(value) for name, value in said.items()}
        self.put(partition, entry, self.take(partition, entry) | said)

    def move(self, partition: str, entry: str, to_partition: str, to_entry: str) -> None:
        self.copy(partition, entry, to_partition, to_entry)
        self.remove(partition, entry)

    def copy(self, partition: str, entry: str, to_partition: str, to_entry: str) -> None:
        self.put(to_partition, to_entry, self.take(partition, entry))

    def remove(self, partition: str, entry: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_place(partition, entry))

    def remove_profile(self, named: str) -> None:
        self._client.delete_item(TableName=self._profiles, Key={"profile_id": {"S": named}})

    def remove_document(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def remove_head(self) -> None:
        self.remove("digest#access", "head")

    def change_head(self, **said: str) -> None:
        self.change("digest#access", "head", **said)

    def take(self, partition: str, entry: str) -> dict[str, Any]:
        item = self._client.get_item(TableName=self._table, Key=_place(partition, entry), ConsistentRead=True)["Item"]
        return dict(item)

    def put(self, partition: str, entry: str, item: dict[str, Any]) -> None:
        self._client.put_item(TableName=self._table, Item=item | _place(partition, entry))


def _place(partition: str, entry: str) -> dict[str, Any]:
    return {"profile_id": {"S": partition}, "entry": {"S": entry}}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


class LedgerDesk:
    """Whoever writes, seals and checks, at a time that the test sets, over a room that lies open."""

    def __init__(self, cloud: Cloud | None) -> None:
        self.room: Any = CloudRoom(cloud) if cloud else MemoryRoom()
        self.now = NOW
        self._random = iter(range(1, 10**9))
        room = self.room
        self.record = RecordAccess(
            records=room.ledger,
            clock=lambda: self.now,
            random_bytes=lambda size: (next(self._random) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8)[:size],
        )
        self.seal = DigestAccess(ledger=room.ledger, documents=room.documents, clock=lambda: self.now)
        self.verify = self.verifying(room.ledger)

    def verifying(self, ledger: Any, clock: Clock | None = None) -> VerifyLedger:
        """The check over another view of the ledger, or by another clock."""
        return VerifyLedger(
            ledger=ledger,
            profiles=self.room.profiles,
            scan=self.room.scan,
            documents=self.room.documents,
            requests=self.room.requests,
            admin_key=lambda: ADMIN,
            clock=clock or (lambda: self.now),
        )

    def live(self, number: int, records: int) -> str:
        """A profile that has heard so many words about consent."""
        named = profile_id(number)
        entries = chained(named, records)
        head = bytes.fromhex(entries[-1].digest) if entries else b""
        state = encode_profile(Profile(profile_id=named, ledger_length=records, ledger_head=head))
        self._commit(ProfileItem(profile_id=named, version=1, state=state), entries)
        return named

    def grow(self, named: str, records: int) -> None:
        """It hears one word more."""
        entries = chained(named, records)
        head = bytes.fromhex(entries[-1].digest)
        state = encode_profile(Profile(profile_id=named, ledger_length=records, ledger_head=head))
        item = ProfileItem(profile_id=named, version=records, state=state)
        self.room.profiles.commit(Commit(items=((records - 1, item),), ledger=(entries[-1],)))

    def tombstone(self, number: int, records: int, **of: Any) -> str:
        """Of somebody merged or erased, who had heard so many."""
        named = profile_id(number)
        entries = chained(named, records)
        item = ProfileItem(
            profile_id=named,
            version=2,
            ledger_length=records,
            ledger_head=bytes.fromhex(entries[-1].digest) if entries else b"",
            **of,
        )
        self._commit(item, entries)
        return named

    def use(self, days: int = 3, accesses: int = 4) -> list[str]:
        """People are looked at on some days, each of which is sealed on the next; the days."""
        used = []
        for _ in range(days):
            used.append(day_of(self.now))
            for number in range(accesses):
                self.now += 1_000
                self.record(CALLER, [profile_id(number)])
            self.now += DAY
            self.seal()
        return used

    def findings(self, **query: str) -> list[tuple[str, str, str]]:
        """Of all parts together."""
        return [(one["what"], one["where"], one["entry"]) for one in self.answer(**query)["findings"]]

    def answer(self, **query: str) -> dict[str, Any]:
        """All parts of an answer as one."""
        total = self.verify(query)
        while total["next"]:
            part = self.verify({"after": total["next"]})
            for name, value in part.items():
                total[name] = total[name] + value if isinstance(value, list | int) else value
        return total

    def _commit(self, item: ProfileItem, entries: list[LedgerEntry]) -> None:
        self.room.profiles.commit(Commit(items=((None, item),), ledger=tuple(entries)))


def chained(named: str, length: int) -> list[LedgerEntry]:
    """Grants and withdrawals in turn."""
    made: list[LedgerEntry] = []
    head = b""
    for number in range(1, length + 1):
        said = Consent(number % 2 == 1, NOW + number, "shop")
        made.append(chain(named, number, "email", said, recorded_at=NOW + number, previous=head))
        head = bytes.fromhex(made[-1].digest)
    return made
