"""The privacy officer's desk: the API, the processor that works off its events, and the machine, one step at a time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.memory import MemoryDeliveries, MemoryHolds, MemoryRuns, MemoryStream, PlainSeal
from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_history import MemoryHistory
from attune.adapters.memory_ledger import MemoryLedger
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.adapters.memory_swept import MemorySwept
from attune.domain.consent.trait_lifetimes import lifetimes_of
from attune.domain.definitions.kinds import purposes_of
from attune.domain.erasure.subjects import Subject, decode_subject
from attune.domain.events import decode_record
from attune.domain.privacy.requests import PrivacyRequest
from attune.ports.rebuilding import LakeSlowError
from attune.use_cases.exports.answer_requests import AnswerRequests
from attune.use_cases.exports.export_profiles import ExportProfiles
from attune.use_cases.exports.gather_events import GatherEvents, GatherMissedRows
from attune.use_cases.exports.gather_inputs import GatherBatches, GatherFiles, GatherRefused
from attune.use_cases.exports.gather_parts import GatherParts
from attune.use_cases.exports.open_cases import OpenCases
from attune.use_cases.exports.write_exports import WriteExports
from attune.use_cases.past.rebuild_profiles import RebuildProfiles
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.find_shop_people import FindShopPeople
from attune.use_cases.privacy.follow_requests import FollowRequests
from attune.use_cases.privacy.fulfil_requests import FulfilRequests
from attune.use_cases.privacy.manage_privacy import ManagePrivacy
from tests.builders import NOW, Pseudonyms, identifiers
from tests.faults.wires import Crash, Steady, Unavailable, Wire, wired
from tests.use_cases.test_process_events import Processor

ADMIN = "the admin's key"
RUN = "20250615T150640Z"


def again[T](call: Callable[[], T]) -> T:
    """As Step Functions and people do: what was killed, or found a service out of reach, is called again."""
    try:
        return call()
    except (Crash, Unavailable):
        return call()


class PrivacyDesk:
    """All on stores in memory, reached over `wire`. `left`: what the sweep is said to have left behind."""

    def __init__(self, *definitions: Any, wire: Wire | None = None) -> None:
        self._wire = wire or Steady()
        self.processor = Processor(*definitions)
        self.stream, self.holds, self.documents = MemoryStream(), MemoryHolds(), MemoryDocuments()
        self.requests, self.deliveries = MemoryPrivacyRequests(), MemoryDeliveries()
        self.ledger = MemoryLedger(self.processor.store)
        self.failures, self.imports, self.lake = MemorySwept(), MemorySwept(), MemorySwept()
        self.runs = MemoryRuns(self.clock)
        self.steps = 0
        self.swept: list[list[str]] = []
        self.subjects: dict[str, Subject] = {}
        self.left = 0
        self.history_fails = False
        self.recorded: list[str] = []
        self.begin = BeginRequests(
            profiles=self._over("profiles", self.processor.store),
            holds=self._over("holds", self.holds),
            stream=self._over("stream", self.stream),
            documents=self._over("documents", self.documents),
            definitions=self.processor.definitions,
            pseudonyms=Pseudonyms(),
        )
        self.manage = ManagePrivacy(
            requests=self._over("requests", self.requests),
            begin=self.begin,
            runs=self._over("runs", self.runs),
            documents=self._over("documents", self.documents),
            definitions=self.processor.definitions,
            pseudonyms=Pseudonyms(),
            admin_key=lambda: ADMIN,
            clock=self.clock,
        )
        self.fulfil = self._fulfil()
        self.answer = self._answer()

    def _over[T](self, name: str, port: T) -> T:
        return wired(self._wire, name, port)

    def clock(self) -> int:
        return self.processor.now

    def ask(self, kind: str, *subject: str, **more: Any) -> dict[str, Any]:
        return self.manage.ask(
            json.dumps({"kind": kind, "subject": list(subject)} | more).encode(), self.recorded.extend
        )

    def received(self, kind: Any, **more: Any) -> PrivacyRequest:
        """A request that a shop's webhook has brought."""
        fields: dict[str, Any] = {
            "request_id": f"{len(self.requests.waiting(100)) + 1:032x}",
            "kind": kind,
            "source": "shop",
            "received_at": NOW,
        }
        request = PrivacyRequest(**(fields | more))
        self.requests.keep(request)
        return request

    def carry(self) -> None:
        """The stream carries what was put on it."""
        self.processor(*(decode_record(stored.data) for stored in self.stream.records))
        self.stream.records.clear()

    def run(self, name: str = RUN, *, carries: bool = True, times: int = 1) -> list[str]:
        """The machine, to its end: the steps it took. What it waits for has come about, if the stream `carries`.

        Each of its steps is carried out so many `times`, as where Lambda finishes what Step Functions takes for dead.
        """
        steps: list[str] = []
        position: Any = None
        while True:
            position = [again(partial(self.fulfil.begin, name, position)) for _ in range(times)][-1]
            steps.append(position["next"])
            match position["next"]:
                case "over":
                    return steps
                case "wait":
                    if carries:
                        self.carry()
                case "read":
                    self.read(position["read"], name)
                case _ if position["rebuilds"]:
                    self.rebuild(position["rebuild"], anyway=position["anyway"])
                case _:
                    if position["next"] == "sweep":
                        self.sweep(position["swept"])
                    position = [again(partial(self.fulfil.finish, name, position)) for _ in range(times)][-1]

    def read(self, request_ids: list[str], run: str = RUN) -> None:
        answer: dict[str, Any] = {"position": None}
        while not answer.get("done"):
            self.steps += 1
            answer = again(partial(self.answer, run, request_ids, answer["position"], lambda: False))

    def sweep(self, request_ids: list[str]) -> None:
        """What it would be told to remove."""
        self.swept.append(request_ids)
        found = {key: data for key, (data, _) in self.documents.documents.items() if key.startswith("erasures/")}
        self.subjects |= {key: decode_subject(data) for key, data in found.items()}

    def rebuild(self, keys: list[str], *, anyway: bool = False) -> dict[str, Any]:
        """Fold these people anew from the lake."""
        processor = self.processor
        rebuild = RebuildProfiles(
            profiles=processor.store,
            history=MemoryHistory(lambda: processor.lake.rows, processor.store),
            definitions=processor.definitions,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            clock=self.clock,
            count=lambda *_: None,
            pause=lambda _: None,
        )
        return rebuild(keys, None, lambda: True, anyway=anyway)

    def state(self, request_id: str) -> str:
        found = self.requests.get(request_id)
        assert found is not None
        return found.state

    def _remove(self, prefix: str) -> int:
        gone = self.documents.keys(prefix)
        for key in gone:
            del self.documents.documents[key]
        return len(gone)

    def _receipt(self, request: PrivacyRequest) -> dict[str, Any]:
        key = f"receipts/{request.request_id}.json"
        if not self.left:
            self.documents.put(key, json.dumps({"request_id": request.request_id}).encode())
        return {"receipt": "" if self.left else key, "digest": "d", "left": self.left}

    def _rows(self) -> list[bytes]:
        if self.history_fails:
            raise LakeSlowError
        return self.processor.lake.rows

    def _fulfil(self) -> FulfilRequests:
        store = self.processor.store
        return FulfilRequests(
            requests=self._over("requests", self.requests),
            begin=self.begin,
            follow=FollowRequests(
                profiles=self._over("profiles", store),
                documents=self._over("documents", self.documents),
                named=self.begin.named,
                lifetimes=lambda: lifetimes_of(purposes_of(self.processor.definitions.current()).values()),
            ),
            documents=self._over("documents", self.documents),
            remove=lambda prefix: int(self._wire.carry("remove", lambda: self._remove(prefix))),
            merges=self._over("merges", store),
            write_receipt=lambda one: dict(self._wire.carry("receipt", lambda: self._receipt(one))),
            clock=self.clock,
            count=lambda name, value, dimensions: self.processor.counted.append((name, value, dict(dimensions))),
        )

    def _answer(self) -> AnswerRequests:
        history = MemoryHistory(self._rows, self.processor.store)
        return self.answer_with(history, self.export(history))

    def answer_with(self, history: MemoryHistory, export: ExportProfiles) -> AnswerRequests:
        """The step that reads, as it is wired."""
        find = FindShopPeople(profiles=self.processor.store, history=history, begin=self.begin, pseudonyms=Pseudonyms())
        return AnswerRequests(
            requests=self._over("requests", self.requests), export=export, find_people=find, clock=self.clock
        )

    def export(self, history: MemoryHistory, **bounds: int) -> ExportProfiles:
        """As it is wired; `bounds`: in bytes."""
        processor, documents = self.processor, self._over("documents", self.documents)
        open_case = OpenCases(processor.store, processor.definitions, Pseudonyms())
        tabled = GatherParts(
            holds=self.holds,
            deliveries=self.deliveries,
            consents=self.ledger,
            accesses=self.ledger,
            requests=self.requests,
            open_case=open_case,
        )
        tables = DuckTables(Path(tempfile.gettempdir()) / f"privacy-desk-{id(self)}")
        return ExportProfiles(
            parts={
                **tabled.parts(),
                "events": GatherEvents(processor.store, history, PlainSeal(), Pseudonyms()),
                "missed_rows": GatherMissedRows(self.lake, PlainSeal(), Pseudonyms()),
                "failed_batches": GatherBatches(self.failures),
                "dropped_files": GatherFiles(self.imports, tables),
                "refused_input": GatherRefused(processor.quarantine),
            },
            open_case=open_case,
            write=WriteExports(documents),
            documents=documents,
            remove=lambda prefix: int(self._wire.carry("remove", lambda: self._remove(prefix))),
            clock=self.clock,
            **bounds,
        )


ANN = identifiers(user_id="ann", email="ann@example.com", anonymous_id="tablet")
