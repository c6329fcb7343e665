"""What the API shows of people, what people ask of it, and the privacy machine behind it, over a shop in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.memory import MemoryKeys, MemoryRuns
from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_imports import MemoryImportBucket
from attune.adapters.memory_ledger import MemoryLedger
from attune.domain.consent.trait_lifetimes import lifetimes_of
from attune.domain.definitions.kinds import Segment, purposes_of
from attune.domain.errors import AttuneError
from attune.domain.privacy.requests import PrivacyRequest
from attune.ports import Key
from attune.use_cases.definitions.show_catalog import ShowCatalog
from attune.use_cases.erasure.sweep_batches import SweepBatches
from attune.use_cases.erasure.sweep_files import SweepFiles
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_late import NoteLate
from attune.use_cases.erasure.sweep_models import SweepModels
from attune.use_cases.erasure.sweep_stores import Buckets, SweepStores
from attune.use_cases.erasure.write_receipts import WriteReceipts
from attune.use_cases.exports.answer_requests import AnswerRequests
from attune.use_cases.exports.export_profiles import ExportProfiles
from attune.use_cases.exports.gather_events import GatherEvents, GatherMissedRows
from attune.use_cases.exports.gather_inputs import GatherBatches, GatherFiles, GatherRefused
from attune.use_cases.exports.gather_parts import GatherParts
from attune.use_cases.exports.open_cases import OpenCases
from attune.use_cases.exports.write_exports import WriteExports
from attune.use_cases.privacy.await_deliveries import AwaitDeliveries
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.find_shop_people import FindShopPeople
from attune.use_cases.privacy.follow_requests import FollowRequests
from attune.use_cases.privacy.fulfil_requests import FulfilRequests
from attune.use_cases.privacy.manage_privacy import ManagePrivacy, export_key
from attune.use_cases.profiles.manage_profiles import ManageProfiles, read_address
from attune.use_cases.segments.explain_segments import ExplainSegments
from attune.use_cases.segments.preview_segments import Draft, PreviewSegments
from tests.builders import NOW
from tests.faults.forgetful_shop import Shop
from tests.faults.swept_places import (
    PersonalItems,
    audit_place,
    failures_place,
    imports_place,
    lake_place,
    quarantine_place,
    registry_place,
)

SERVER = Key(key_id="desk", source="shop", type="server", digest="", created_at=NOW)
RETENTION_HOURS = 24


class Desk:
    """The API and the machine of one shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.world = shop, shop.world
        self.documents = MemoryDocuments()
        self.requests = shop.desk.requests
        self.runs = MemoryRuns(self.world.time)
        self.ledger = MemoryLedger(self.world.profiles)
        self._round: Any = None
        self._remove = audit_place(self.documents).remove
        self._tables = DuckTables(shop.lake._path / "tables")
        self._known: dict[str, Any] = {"profiles": self.world.profiles, "pseudonyms": self.world.pseudonyms}
        self._in_flight = AwaitDeliveries(
            **self._known, deliveries=self.world.deliveries, clock=self.world.time, pause=lambda _: None
        )
        self._begin = BeginRequests(
            **self._known,
            holds=self.world.holds,
            stream=self.world.stream,
            documents=self.documents,
            definitions=self,
            in_flight=self._in_flight,
        )
        self._profiles = self._managing()
        self._explain = ExplainSegments(
            **self._known,
            definitions=self,
            keys=MemoryKeys(),
            holds=self.world.holds,
            history=shop.history,
            seal=self.world.seal,
            clock=self.world.time,
        )
        self._fulfil = self._fulfilling()
        self._answer = self._answering()
        self._sweep = self._sweeping()

    def current(self) -> Any:
        """`DefinitionReader`: those of the shop, as they are now."""
        return self.world._definitions.current()

    # ------------------------------------------------------------------------------------------- what people ask

    def withdraw(self, address: str, *purposes: str) -> dict[str, Any]:
        """Over the API."""
        body = json.dumps({"consent": dict.fromkeys(purposes, False)}).encode()
        return self._profiles.set_consent(address, body, SERVER)

    def ask(self, kind: str, *subject: str, **more: Any) -> dict[str, Any]:
        """A request."""
        manage = ManagePrivacy(
            requests=self.requests,
            begin=self._begin,
            runs=self.runs,
            documents=self.documents,
            definitions=self,
            pseudonyms=self.world.pseudonyms,
            admin_key=lambda: "",
            clock=self.world.time,
        )
        return manage.ask(json.dumps({"kind": kind, "subject": list(subject)} | more).encode(), lambda _: None)

    def work(self) -> bool:
        """The machine, as far as it comes until it waits for the stream; whether nothing is under way any more."""
        for _ in range(50):
            self._round = self._fulfil.begin("run", self._round)
            following = self._round["next"]
            if following == "over":
                self._round = None
                return True
            if following == "wait":
                return False
            if following == "read":
                self.shop.compact()
                self._until_done(lambda position: self._answer("run", self._round["read"], position, lambda: True))
                continue
            if following == "sweep":
                self._forget(self._round["swept"])
            self._round = self._fulfil.finish("run", self._round)
        raise AssertionError("it never ends")

    def _forget(self, request_ids: list[str]) -> None:
        self._until_done(lambda position: self._sweep("stores", request_ids, position or "", lambda: True))
        self.world.time.now += 5_000
        self.shop.compact()
        self._until_done(lambda position: self._sweep("versions", request_ids, position or "", lambda: True))

    def _until_done(self, call: Callable[[Any], dict[str, Any]]) -> None:
        answer: dict[str, Any] = {"done": False, "position": None}
        while not answer["done"]:
            answer = call(answer["position"])

    # --------------------------------------------------------------------------------------------- what is shown

    def profile(self, address: str) -> dict[str, Any] | None:
        return _unless_unknown(lambda: self._profiles.read(address, SERVER))

    def why(self, address: str, segment: str, **query: str) -> dict[str, Any] | None:
        return _unless_unknown(lambda: self._explain(address, segment, query, SERVER))

    def preview(self, segment: Segment) -> dict[str, Any]:
        draft = Draft(segment=segment, weeks=1, share=1)
        run = PreviewSegments(**self._known, history=self.shop.history, definitions=self, seal=self.world.seal)
        found: dict[str, Any] = run(draft, self.world.time(), None, lambda: True)["result"]
        return found

    def export(self, *subject: str, kept: str = "") -> dict[str, Any]:
        """What an access request would gather now; only under an id to be `kept` it stays."""
        asked = PrivacyRequest(
            request_id=kept or "e" * 32,
            kind="access",
            source="",
            received_at=self.world.time(),
            identifiers=tuple(map(read_address, subject)),
            state="running",
        )
        export = self._exporting()
        while export(asked, "run", lambda: True) is None:
            pass
        found: dict[str, Any] = json.loads(self.documents.documents[export_key(asked.request_id, "json")][0])
        if not kept:
            self._remove(f"exports/{asked.request_id}/")
        return found

    def catalog(self) -> dict[str, Any]:
        return ShowCatalog(definitions=self, clock=self.world.time)()

    def _managing(self) -> ManageProfiles:
        return ManageProfiles(
            **self._known,
            deliveries=self.world.deliveries,
            holds=self.world.holds,
            definitions=self,
            keys=MemoryKeys(),
            stream=self.world.stream,
            in_flight=self._in_flight,
            clock=self.world.time,
        )

    # ------------------------------------------------------------------------------------------------ the machine

    def _fulfilling(self) -> FulfilRequests:
        receipts = WriteReceipts(
            documents=self.documents,
            notes=MemoryImportBucket(),
            retention_hours=RETENTION_HOURS,
            clock=self.world.time,
        )
        return FulfilRequests(
            requests=self.requests,
            begin=self._begin,
            follow=FollowRequests(
                profiles=self.world.profiles,
                documents=self.documents,
                named=self._begin.named,
                lifetimes=lambda: lifetimes_of(purposes_of(self.current()).values()),
            ),
            documents=self.documents,
            remove=self._remove,
            merges=self.world.profiles,
            write_receipt=receipts,
            clock=self.world.time,
            count=lambda *_: None,
        )

    def _answering(self) -> AnswerRequests:
        find = FindShopPeople(**self._known, history=self.shop.history, begin=self._begin)
        return AnswerRequests(
            requests=self.requests,
            export=self._exporting(),
            find_people=find,
            clock=self.world.time,
        )

    def _exporting(self) -> ExportProfiles:
        world, shop = self.world, self.shop
        open_case = OpenCases(world.profiles, self, world.pseudonyms)
        tabled = GatherParts(
            holds=world.holds,
            deliveries=world.deliveries,
            consents=self.ledger,
            accesses=self.ledger,
            requests=self.requests,
            open_case=open_case,
        )
        return ExportProfiles(
            parts={
                **tabled.parts(),
                "events": GatherEvents(world.profiles, shop.history, world.seal, world.pseudonyms),
                "missed_rows": GatherMissedRows(shop.lake.bucket, world.seal, world.pseudonyms),
                "failed_batches": GatherBatches(failures_place(shop.repairs.batches)),
                "dropped_files": GatherFiles(imports_place(shop.imports.bucket), self._tables),
                "refused_input": GatherRefused(world.quarantine),
            },
            open_case=open_case,
            write=WriteExports(self.documents),
            documents=self.documents,
            remove=self._remove,
            clock=world.time,
        )

    def _sweeping(self) -> SweepStores:
        world, shop = self.world, self.shop
        lake = lake_place(shop.lake.files)
        return SweepStores(
            documents=self.documents,
            profiles=world.profiles,
            items=PersonalItems(world.deliveries, world.profiles),
            messages=world.deliveries,
            buckets=Buckets(quarantine_place(world.quarantine), lake, audit_place(self.documents)),
            batches=SweepBatches(
                bucket=failures_place(shop.repairs.batches), lake=lake, pseudonyms=world.pseudonyms, clock=world.time
            ),
            files=SweepFiles(bucket=imports_place(shop.imports.bucket), tables=self._tables),
            lake=SweepLake(
                bucket=lake,
                profiles=world.profiles,
                pseudonyms=world.pseudonyms,
                seal=world.seal,
                retention_hours=RETENTION_HOURS,
                note=NoteLate(shop.lake.bucket, world.time),
            ),
            models=SweepModels(registry=shop.registry, bucket=registry_place(shop.registry)),
            clock=world.time,
            count=lambda *_: None,
        )


def _unless_unknown(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return ask()
    except AttuneError as refused:
        if refused.code != "unknown_profile":
            raise
        return None
