"""Segment's own Python client against the handler: the wire format is theirs, not our idea of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from segment.analytics.client import Client

from attune.adapters.memory import MemoryDefinitions, MemoryKeys, MemoryStream
from attune.adapters.memory_allowances import MemoryAllowances
from attune.domain.collection.api_keys import SERVER, digest, new_key
from attune.domain.events import Event, decode_record
from attune.ports import Key
from attune.use_cases.collection.collect_events import CollectEvents
from tests.builders import NOW, Pseudonyms, identifiers, source
from tests.functions.gateway import Context, http_event, load


class Gateway(HTTPServer):
    """Hands requests to the function as API Gateway does."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.handler = handler


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.handler(http_event(f"POST {self.path}", body, headers), Context())
        self.send_response(answer["statusCode"])
        self.end_headers()
        self.wfile.write(answer["body"].encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name http.server chose)
        """Tests are silent."""


@pytest.fixture
def stream() -> MemoryStream:
    return MemoryStream()


@pytest.fixture
def gateway(stream: MemoryStream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name in (
        "STREAM_NAME",
        "DEFINITIONS_TABLE",
        "LIMITS_TABLE",
        "IDENTITY_SECRET",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    module: Any = load("collect_events")
    keys = MemoryKeys()
    key_id, key = new_key(SERVER, bytes)
    keys.add(Key(key_id=key_id, source="shop", type=SERVER, digest=digest(key), created_at=NOW))
    module.collect = CollectEvents(
        keys=keys,
        definitions=MemoryDefinitions([source()]),
        pseudonyms=Pseudonyms(),
        stream=stream,
        allowances=MemoryAllowances(),
        count=lambda _name, _value, _dimensions: None,
    )
    with Gateway(module.handler) as server:
        server.write_key = key  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def events(stream: MemoryStream) -> list[Event]:
    return [event for record in stream.records for event in decode_record(record.data).events]


@pytest.mark.parametrize("compressed", [False, True])
def test_every_call_of_the_client_arrives(gateway: Gateway, stream: MemoryStream, *, compressed: bool) -> None:
    errors: list[Exception] = []
    client = Client(
        gateway.write_key,  # type: ignore[attr-defined]
        host=f"http://127.0.0.1:{gateway.server_port}",
        gzip=compressed,
        on_error=lambda error, _items: errors.append(error),
    )
    client.track("u1", "Product Viewed", {"sku": "a", "price": 9.5}, anonymous_id="d1")
    client.identify("u1", {"email": "ada@example.com"})
    client.page("u1", "Docs", "Start")
    client.screen("u1", "Docs", "Start")
    client.group("u1", "g1", {"plan": "gold"})
    client.alias("d2", "u1")
    client.shutdown()
    assert errors == []
    found = {event.type: event for event in events(stream)}
    assert sorted(found) == ["alias", "group", "identify", "page", "screen", "track"]
    assert found["track"].properties == {"sku": "a", "price": 9.5}
    assert found["track"].identifiers == identifiers(user_id="u1", anonymous_id="d1")
    assert found["identify"].traits == {"email": "ada@example.com"}
    assert found["alias"].identifiers == identifiers(user_id="u1", anonymous_id="d2")
    assert found["page"].properties == {"category": "Docs", "name": "Start"}
    assert all("unknown_fields" not in event.context for event in found.values())
    assert json.dumps(found["group"].properties) == '{"groupId": "g1", "traits": {"plan": "gold"}}'
