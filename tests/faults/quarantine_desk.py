"""The entrances and the quarantine's API over a world: what is refused at the door can be mended and replayed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attune.adapters.memory import MemoryKeys, MemoryQuarantine, MemorySecrets
from attune.adapters.memory_allowances import MemoryAllowances
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.domain.collection.api_keys import BROWSER, SERVER, KeyType, digest, new_key
from attune.domain.collection.quarantine import Quarantined, Trace
from attune.domain.definitions.kinds import Definition, Definitions
from attune.ports import Key, StreamUnavailableError
from attune.ports.quarantine import Wanted
from attune.sources.shopify import sign
from attune.sources.webhooks import Call
from attune.use_cases.collection.collect_events import CollectEvents, Submission
from attune.use_cases.collection.receive_webhook import ReceiveWebhook
from attune.use_cases.repairs.replay_quarantined import ReplayQuarantined
from tests.builders import EVERYTHING, definitions, source
from tests.faults.world import World

STORE = source(id="store", type="shopify", origins=(), consent=dict(EVERYTHING))
SECRET = "secret of the store"


class Editable:
    """`DefinitionReader` of whatever was applied last."""

    def __init__(self, *more: Definition) -> None:
        self._applied = more

    def apply(self, *more: Definition) -> None:
        """Replaces those of the same kind and id."""
        self._applied += more

    def current(self) -> Definitions:
        return definitions(*self._applied)


class Breakable:
    """A quarantine in which no trace can be left while it is `broken`."""

    def __init__(self, kept: MemoryQuarantine) -> None:
        self.broken = False
        self.listed, self.read, self.traces, self._leave = kept.listed, kept.read, kept.traces, kept.leave_trace

    def leave_trace(self, one: Quarantined, trace: Trace) -> None:
        if self.broken:
            raise ConnectionError
        self._leave(one, trace)


class QuarantineDesk:
    """One deployment in memory; `counted` is what its entrances and replays counted.

    While the stream is `out_of_reach`, it takes no replay.
    """

    out_of_reach = False

    def __init__(self, *more: Definition, **world: Any) -> None:
        self.world = World(*more, STORE, **world)
        self.definitions = Editable(*more, STORE)
        self.requests = MemoryPrivacyRequests()
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        self.puts: list[Sequence[tuple[str, bytes]]] = []
        self._keys = MemoryKeys()
        self._tokens = {kind: self._key(kind) for kind in (SERVER, BROWSER)}
        ports: dict[str, Any] = {
            "definitions": self.definitions,
            "pseudonyms": self.world.pseudonyms,
            "stream": self.world.stream,
            "count": self._count,
        }
        self._collect = CollectEvents(keys=self._keys, allowances=MemoryAllowances(), **ports)
        secrets = MemorySecrets({one.id: (SECRET,) for one in self.definitions.current().sources.values()})
        self._receive = ReceiveWebhook(secrets=secrets, requests=self.requests, **ports)
        self.store = Breakable(self.world.quarantine)
        ports["stream"] = self
        self._replay = ReplayQuarantined(store=self.store, requests=self.requests, clock=self.world.time, **ports)

    def send(self, body: Any, call: str = "batch", *, key: str = SERVER, sent: bytes | None = None) -> None:
        """A client's request."""
        raw = json.dumps(body).encode() if sent is None else sent
        self._collect(Submission(call=call, body=raw, token=self._tokens[key]), self.world.time.now)

    def webhook(self, body: bytes, topic: str, name: str = "store") -> None:
        """A shop's, signed."""
        headers = {"x-shopify-topic": topic, "x-shopify-hmac-sha256": sign(SECRET, body).decode()}
        self._receive(name, Call(headers=headers, body=body), self.world.time.now)

    def put(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Replays' way onto the stream."""
        if self.out_of_reach:
            raise StreamUnavailableError
        self.puts.append(entries)
        self.world.stream.put(entries)

    def replay(self, **asked: Any) -> dict[str, Any]:
        """As `POST /v1/quarantine/replay` does."""
        return self._replay(json.dumps(asked).encode(), "admin key 12345678")

    def waiting(self, **wanted: Any) -> list[Quarantined]:
        """What lies in quarantine and was never replayed."""
        page = self.world.quarantine.listed(Wanted(**wanted), None, 1_000)
        return [listed.one for listed in page.found if not any(outcome == "replayed" for _, outcome in listed.tried)]

    def profiles(self) -> list[dict[str, Any]]:
        """Everybody, once everything on the stream was processed."""
        self.world.settle()
        return self.world.states()

    def _key(self, kind: KeyType) -> str:
        key_id, token = new_key(kind, lambda length: kind.encode()[:1] * length)
        self._keys.add(Key(key_id=key_id, source="shop", type=kind, digest=digest(token), created_at=0))
        return token

    def _count(self, name: str, value: int, dimensions: Any) -> None:
        self.counted.append((name, value, dict(dimensions)))
