"""Every store that holds what people said, with Ann, who was erased, and Bob, who was not, in each of them."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from attune.adapters.aes_seal import AesSeal
from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_personal import DynamoPersonalItems
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_imports import S3ImportBucket
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.s3_registry import S3Registry
from attune.adapters.s3_swept import S3Swept
from attune.domain.collection.imports import Report, State, report_key
from attune.domain.collection.quarantine import Came
from attune.domain.erasure.receipts import Sweep, sweep_key
from attune.domain.erasure.subjects import Subject, encode_subject, subject_key
from attune.domain.events import Origin, encode_record
from attune.domain.learning.models import SHOPPER_CLUSTERS, Champion
from attune.domain.privacy.requests import PrivacyRequest
from attune.ports import Commit, ProfileItem
from attune.use_cases.erasure.sweep_batches import SweepBatches
from attune.use_cases.erasure.sweep_files import SweepFiles
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_models import SweepModels
from attune.use_cases.erasure.sweep_stores import Buckets, SweepStores
from attune.use_cases.erasure.write_receipts import WriteReceipts
from tests.adapters.cloud import Cloud
from tests.builders import DAY, HOUR, NOW, Pseudonyms, delivery, event, identifiers, key_of, profile_id, record
from tests.failed_batches import document, kinesis_record, table_record
from tests.lakes import BEFORE, TODAY, live, row

ANN, BOB = profile_id(1), profile_id(2)
ANNS: Final = ("ann@example.com", "+491701234567", "ann-device-1")
BOBS: Final = ("bob@example.com", "+491709999999", "bob-device-1")
#: what Ann said beside her names: in nothing of it she is named
SAID: Final = "I like zebras"
REQUEST: Final = "a" * 32
ERASED_AT: Final = NOW + HOUR
LATER: Final = NOW + DAY
BUCKETS: Final = ("lake", "audit", "registry", "quarantine", "failures", "imports")
VERSIONED: Final = frozenset({"lake", "audit", "registry"})


def said_by(person: tuple[str, str, str]) -> str:
    """What is in the same objects as their names."""
    return SAID if person == ANNS else "I like gnus"


def of(person: tuple[str, str, str], **more: Any) -> bytes:
    """A client's call of somebody, as it came."""
    email, phone, device = person
    body = {"anonymousId": device, "event": "Said", "properties": {"text": said_by(person)}, "traits": {"email": email}}
    return json.dumps(body | {"context": {"phone": phone}} | more).encode()


class SweptWorld:
    """All of it on one cloud, with the function that sweeps it."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.s3 = cloud.client("s3")
        self.names = {name: cloud.bucket() for name in BUCKETS}
        for name in VERSIONED:
            self.s3.put_bucket_versioning(Bucket=self.names[name], VersioningConfiguration={"Status": "Enabled"})
        self._dynamodb = cloud.client("dynamodb")
        self.tables = {role: cloud.table(role) for role in ("profiles", "identities", "deliveries", "ledger")}
        self._folder = folder
        self.documents = S3Documents(self.s3, self.names["audit"])
        self.deliveries = DynamoDeliveries(self._dynamodb, self.tables["deliveries"])
        self.registry = S3Registry(self.s3, self.names["registry"])
        self.counted: list[tuple[str, int]] = []
        self.now = LATER
        self.sweep = self._sweep()
        self.write_receipt = WriteReceipts(
            documents=self.documents,
            notes=S3ImportBucket(self.s3, self.names["audit"]),
            retention_hours=24,
            clock=lambda: self.now,
        )

    def _sweep(self) -> SweepStores:
        profiles = DynamoProfiles(
            self._dynamodb, profiles=self.tables["profiles"], identities=self.tables["identities"]
        )
        self.profiles = profiles
        return SweepStores(
            documents=self.documents,
            profiles=profiles,
            items=DynamoPersonalItems(
                self._dynamodb, deliveries=self.tables["deliveries"], identities=self.tables["identities"]
            ),
            messages=self.deliveries,
            buckets=Buckets(*(S3Swept(self.s3, self.names[name]) for name in ("quarantine", "lake", "audit"))),
            batches=SweepBatches(
                bucket=S3Swept(self.s3, self.names["failures"]),
                lake=S3Swept(self.s3, self.names["lake"]),
                pseudonyms=Pseudonyms(),
                clock=lambda: self.now,
            ),
            files=SweepFiles(
                bucket=S3Swept(self.s3, self.names["imports"]), tables=DuckTables(self._folder / "tables")
            ),
            lake=SweepLake(
                bucket=S3Swept(self.s3, self.names["lake"]),
                profiles=profiles,
                pseudonyms=Pseudonyms(),
                seal=AesSeal(),
                retention_hours=24,
            ),
            models=SweepModels(registry=self.registry, bucket=S3Swept(self.s3, self.names["registry"])),
            clock=lambda: self.now,
            count=lambda name, value, _: self.counted.append((name, value)),
        )

    def put(self, bucket: str, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.names[bucket], Key=key, Body=content)

    def everything(self) -> dict[tuple[str, str, int], bytes]:
        """Every version of every object, by bucket, key and place among its versions (0: the newest)."""
        found: dict[tuple[str, str, int], bytes] = {}
        for bucket, name in self.names.items():
            for number, one in enumerate(self.s3.list_object_versions(Bucket=name).get("Versions", ())):
                body = self.s3.get_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
                found[bucket, one["Key"], 0 if one["IsLatest"] else number + 1] = body
        return found

    def current(self) -> dict[tuple[str, str], bytes]:
        return {(bucket, key): body for (bucket, key, place), body in self.everything().items() if not place}

    def run(self, stage: str = "stores", *, piecemeal: bool = False, requests: tuple[str, ...] = (REQUEST,)) -> int:
        """Until it is done; how many invocations that took."""
        position, calls = "", 0
        while True:
            calls += 1
            answer = self.sweep(stage, requests, position, lambda: not piecemeal)  # type: ignore[arg-type]
            if answer["done"]:
                return calls
            position = answer["position"]

    def tally(self, request: str = REQUEST) -> Sweep:
        return msgspec.json.decode(self.documents.get(sweep_key(request)) or b"{}", type=Sweep)

    def begin(self, **overrides: Any) -> Subject:
        """Ann's request is under way, and her profile a tombstone."""
        fields: dict[str, Any] = {
            "request_id": REQUEST,
            "profile_ids": (ANN,),
            "identity_keys": tuple(map(key_of, ("email", "phone", "anonymous_id"), ANNS)),
            "values": ANNS,
            "pages": ("aa" * 12,),
            "first_day": TODAY,
            "trained": True,
            "erased_at": ERASED_AT,
        }
        subject = Subject(**(fields | overrides))
        self.documents.put(subject_key(subject.request_id), encode_subject(subject))
        return subject

    def fill(self) -> None:
        """Ann and Bob in every store."""
        tombstone = ProfileItem(profile_id=ANN, version=9, erased_at=ERASED_AT)
        self.profiles.commit(Commit(items=((None, tombstone),)))
        self.profiles.commit(Commit(items=((None, live(2)),)))
        for number, owner in enumerate((ANN, ANN, BOB)):
            self.deliveries.claim(delivery(profile_id=owner, delivery_id=f"{number:032x}"))
        for page in ("aa" * 12, "bb" * 12):
            item = {"identity_key": {"S": f"page#{page}"}, "entries": {"B": b"x"}, "expires_at": {"N": "9"}}
            self._dynamodb.put_item(TableName=self.tables["identities"], Item=item)
        self._fill_quarantine()
        self._fill_failures()
        self._fill_imports()
        self._fill_lake()
        self._fill_registry()
        for request, who in (("e1", ANNS), ("e2", BOBS)):
            self.put("audit", f"exports/{request}/data.json", b'{"request_id": "of a line before",\n' + of(who))
            self.put("audit", f"exports/{request}/data.html", b"<p>without a name</p>")

    def _fill_quarantine(self) -> None:
        quarantine = S3Quarantine(self.s3, self.names["quarantine"], Pseudonyms().key)
        for who in (ANNS, BOBS):
            quarantine.keep("no_identifier", "shop", NOW, of(who))
            told_by_batch = Came(origin=Origin.CLIENT, how={"call": "batch", "context": {"traits": {"email": who[0]}}})
            quarantine.keep("invalid_json", "shop", NOW, f'{{"text": "{said_by(who)}'.encode(), told_by_batch)
            quarantine.keep("malformed_row", "till", NOW, f"12;{who[1].replace('+49', '0')};x".encode())
        quarantine.keep("no_identifier", "shop", LATER, of(ANNS, messageId="new life"))

    def _fill_failures(self) -> None:
        ann, bob = (record(event(identifiers=identifiers(email=who[0]))) for who in (ANNS, BOBS))
        hers, his = kinesis_record(ann.key, encode_record(ann), 1), kinesis_record(bob.key, encode_record(bob), 2)
        self.put("failures", "aws/lambda/m/both", document([hers, his]))
        self.put("failures", "aws/lambda/m/done", document([hers, his]))
        self.put("failures", "replayed/aws/lambda/m/done", b"{}")
        self.put("failures", "aws/lambda/m/hers", document([hers]))
        self.put("failures", "aws/lambda/m/his", document([his]))
        changes = [table_record(ANN, "[]", 1), table_record(BOB, "[]", 2)]
        self.put("failures", "aws/lambda/m/changes", document(changes, function="run-campaigns"))
        self.put("failures", "aws/lambda/m/broken", b"no document " + ANNS[0].encode())

    def _fill_imports(self) -> None:
        table = f'email,text\n{BOBS[0]},gnus\n{ANNS[0]},"{SAID}\n and more"\n{BOBS[0]},again\n'.encode()
        lines = b"".join(of(who) + b"\n" for who in (BOBS, ANNS, BOBS))
        self.drop("imports/till/sales.csv", table, State.DONE)
        self.drop("imports/till/sales.ndjson.gz", gzip.compress(lines), State.FAILED)
        self.drop("imports/till/bob.csv", f"email,text\n{BOBS[0]},gnus\n".encode(), State.DONE)
        self.drop("imports/till/now.ndjson", lines, State.READING)
        for who, name in ((ANNS, "ann"), (BOBS, "bob")):
            path = self._folder / f"{name}.parquet"
            duckdb.sql(f"SELECT '{who[0]}' AS email, '{said_by(who)}' AS text").write_parquet(str(path))
            self.drop(f"imports/till/{name}.parquet", path.read_bytes(), State.DONE)

    def drop(self, key: str, content: bytes, state: State) -> None:
        """A file and what its report says."""
        self.put("imports", key, content)
        etag = self.s3.head_object(Bucket=self.names["imports"], Key=key)["ETag"]
        report = Report(file=key, source="till", etag=etag, size=len(content), state=state)
        self.put("imports", report_key(key), msgspec.json.encode(report))

    def _fill_lake(self) -> None:
        said = {"order_id": "O-7", "sku": SAID}
        both = [row(message_id=f"{SAID} 1", properties=said), row(message_id="b1", profile_id=BOB)]
        self.lay(BEFORE, [row(message_id=f"{SAID} 1", verdict="duplicate", profile_id="", received_at=NOW - 1)])
        self.lay(TODAY, both, packed=True)
        self.lay(TODAY, both, packed=True)  # an earlier version of the same
        self.lay(TODAY, [row(message_id="b2", profile_id=BOB)], name="his")
        failed = [{"rawData": base64.b64encode(of(who)).decode(), "errorCode": "x"} for who in (ANNS, BOBS)]
        self.put("lake", f"errors/f/dt={TODAY}/one", b"".join(json.dumps(one).encode() + b"\n" for one in failed))
        self.put("lake", "queries/1.csv", f'"profile_id","x"\n"{ANN}","1"\n"{BOB}","2"\n'.encode())
        for kept in (b"older, with " + ANN.encode(), b"newer"):
            self.put("lake", f"compacted/events/dt={TODAY}/events.parquet", kept)

    def lay(self, day: str, rows: list[Any], *, packed: bool = False, name: str = "one") -> None:
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in rows)
        self.put("lake", f"events/dt={day}/hour=12/{name}", gzip.compress(lines) if packed else lines)

    def _fill_registry(self) -> None:
        for version, cutoff in (("before", NOW - 3 * DAY), ("during", NOW + 1), ("after", LATER)):
            lineage = json.dumps({"run": version, "cutoff": cutoff}).encode()
            self.registry.keep(SHOPPER_CLUSTERS, version, {"lineage.json": lineage})
        self.registry.promote(SHOPPER_CLUSTERS, Champion(version="during"), read=None)


def request(**overrides: Any) -> PrivacyRequest:
    """Ann's."""
    fields: dict[str, Any] = {
        "request_id": REQUEST,
        "kind": "erasure",
        "source": "shop",
        "received_at": NOW,
        "started_at": NOW,
        "state": "running",
    }
    return PrivacyRequest(**(fields | overrides))


def residues(everything: dict[tuple[str, str, int], bytes], values: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """Where any of the values stands, looked for without any of the code that removes it."""
    return sorted(
        place
        for place, body in everything.items()
        if not place[1].startswith("erasures/")
        and any(value.encode() in text for text in _texts(body) for value in values)
    )


def _texts(body: bytes, depth: int = 3) -> Iterator[bytes]:
    if body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    if body.startswith(b"PAR1"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            body = str(duckdb.sql(f"FROM read_parquet('{file.name}')").fetchall()).encode()
    yield body
    for part in body.replace(b'"', b" ").replace(b"\\", b" ").split() if depth else ():
        if len(part) > 20 and len(part) % 4 == 0:
            try:
                yield from _texts(base64.b64decode(part, validate=True), depth - 1)
            except ValueError:
                continue
