"""The door does to requests what it says, so that a client that is well has really met a fault."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from tests.clients.fault_door import Door, Fault

BODY = json.dumps({"batch": [{"type": "track", "messageId": "m1", "context": {"mark": "s-1"}}]}).encode()


class Stack(HTTPServer):
    """Stores every body, and answers as the real one does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.hosts: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Stack

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.server.hosts.append(self.headers["host"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"success": true}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name http.server chose)
        """Tests are silent."""


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(stack: Stack, fault: Fault, body: bytes = BODY, **headers: str) -> tuple[Door, httpx.Response | None]:
    """What a client gets whose first request meets the fault; None for a broken connection."""
    door = Door(f"http://127.0.0.1:{stack.server_port}", (fault,))
    try:
        return door, httpx.post(f"http://{door.address}/v1/batch", content=body, headers=headers, trust_env=False)
    except httpx.TransportError:
        return door, None
    finally:
        door.close()


@pytest.mark.parametrize(
    ("fault", "status", "is_stored"),
    [
        (Fault.NONE, 200, True),
        (Fault.UNAVAILABLE, 503, False),
        (Fault.LIMITED, 429, False),
        (Fault.REFUSED, 400, False),
        (Fault.DROPPED, None, False),
        (Fault.ANSWER_LOST, None, True),
    ],
)
def test_a_fault_is_what_it_says(stack: Stack, fault: Fault, status: int | None, is_stored: bool) -> None:
    door, answer = send(stack, fault)
    assert (None if answer is None else answer.status_code) == status
    assert stack.bodies == ([BODY] if is_stored else [])
    assert [(one.fault, one.status, one.calls[0]["messageId"]) for one in door.asked] == [
        (fault, 200 if is_stored else 0, "m1")
    ]
    assert door.delivered() == ({"s-1"} if status == 200 else set())
    assert door.unmet == []
    if status in (429, 503):
        assert answer is not None
        assert answer.headers["retry-after"] == "1"


def test_a_compressed_body_is_passed_on_as_it_came_and_read_for_the_record(stack: Stack) -> None:
    packed = gzip.compress(BODY)
    door, _ = send(stack, Fault.NONE, packed, **{"content-encoding": "gzip"})
    assert stack.bodies == [packed]
    assert door.asked[0].calls[0]["messageId"] == "m1"


def test_the_stack_is_told_by_which_name_it_was_called(stack: Stack) -> None:
    door, _ = send(stack, Fault.NONE)
    assert stack.hosts == [door.address]
