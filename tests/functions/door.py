"""collect_events behind the gateway, over adapters in memory: what is posted, what is answered and stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from attune.adapters.memory import MemoryDefinitions, MemoryKeys, MemoryStream
from attune.adapters.memory_allowances import MemoryAllowances
from attune.domain.collection.api_keys import BROWSER, SERVER, KeyType, digest, new_key
from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Record, decode_record
from attune.ports import Key, StreamUnavailableError
from attune.use_cases.collection.collect_events import CollectEvents
from attune.use_cases.collection.show_settings import ShowSettings
from tests.builders import NOW, Pseudonyms, source
from tests.functions.gateway import Answer, call, http_event, load

#: the first takes browsers of one site, the second of any
SOURCES = (source(origins=("https://shop.example",)), source(id="open", origins=()))
VARIABLES = ("STREAM_NAME", "DEFINITIONS_TABLE", "LIMITS_TABLE", "IDENTITY_SECRET")


class Stream(MemoryStream):
    def __init__(self) -> None:
        super().__init__()
        self.is_down = False

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        if self.is_down:
            raise StreamUnavailableError
        super().put(records)


class Door:
    """The function's handler over adapters in memory; `sources` beside, or in place of, those of above."""

    def __init__(self, module: Any, *sources: Source) -> None:
        self.module = module
        self.stream = Stream()
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        self.keys = MemoryKeys()
        self.browser, self.server = self.new_key(BROWSER), self.new_key(SERVER)
        self._ports: dict[str, Any] = {
            "keys": self.keys,
            "definitions": MemoryDefinitions({one.id: one for one in (*SOURCES, *sources)}.values()),
            "pseudonyms": Pseudonyms(),
            "stream": self.stream,
            "allowances": MemoryAllowances(),
            "count": lambda name, value, dimensions: self.counted.append((name, value, dict(dimensions))),
        }
        self.rebuild()

    def rebuild(self, **ports: Any) -> None:
        """The function anew, with other ports."""
        ports = self._ports | ports
        self.module.collect = CollectEvents(**ports)
        self.module.settings = ShowSettings(keys=ports["keys"], definitions=ports["definitions"])

    def new_key(self, key_type: KeyType, source_id: str = "shop", seed: int = 1) -> str:
        key_id, key = new_key(key_type, lambda size: bytes([seed, len(key_type)]) * (size // 2))
        self.keys.add(Key(key_id=key_id, source=source_id, type=key_type, digest=digest(key), created_at=NOW))
        return key

    def get(self, route: str, parameters: dict[str, str] | None = None, **headers: str) -> Answer:
        """Header names with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(self.module.handler, http_event(f"GET {route}", headers=sent, parameters=parameters))

    def post(self, path: str, body: object, *, key: str | None = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if "authorization" not in sent and key != "":
            sent["authorization"] = basic(key or self.browser)
        return call(self.module.handler, http_event(f"POST {path if path[0] == '/' else '/v1/' + path}", data, sent))

    def records(self) -> list[Record]:
        return [decode_record(record.data) for record in self.stream.records]

    def events(self) -> list[Event]:
        return [event for record in self.records() for event in record.events]

    def rejected(self) -> list[tuple[str, bytes]]:
        return [(one.reason, one.raw) for record in self.records() for one in record.rejected]


@contextmanager
def collect_module() -> Iterator[Any]:
    """The function's module as Lambda loads it; its ports are replaced before anything is called."""
    with pytest.MonkeyPatch.context() as environment:
        for name in (*VARIABLES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "unused")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        yield load("collect_events")


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()
