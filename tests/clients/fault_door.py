"""A door in front of the stack that fails as told: between a client and the real entrance, as a bad network is.

Each scenario has a door of its own, so that its faults hit nobody else. A door writes down every event request with
what it did to it, and the calls inside by the mark that the sender put into their context.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, override
from urllib.parse import urlsplit

#: seconds that something slow takes: longer than any timeout a driver sets
SLOW: Final = 6.0
#: requests that are inside the stack at once: the emulator starts a process for each
AT_ONCE: Final = 4
_EVENTS: Final = threading.Semaphore(AT_ONCE - 2)
#: what clients ask before they send does not queue behind all that is sent
_QUESTIONS: Final = threading.Semaphore(2)
_ABOUT_THE_CONNECTION: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class Fault(StrEnum):
    """What is done to one event request."""

    NONE = "passed on"
    UNAVAILABLE = "answered 503"
    LIMITED = "answered 429"
    REFUSED = "answered 400"
    DROPPED = "dropped"
    ANSWER_LOST = "stored, and the answer dropped"
    LATE = "passed on late"
    LATE_ANSWER = "passed on, and answered late"


_ANSWERS: Final = {
    Fault.UNAVAILABLE: (503, "unavailable"),
    Fault.LIMITED: (429, "rate_limited"),
    Fault.REFUSED: (400, "x"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One event request: its headers in lower case, its calls as they were on the wire, and how it went.

    `status` is what the stack answered, 0 where it was not asked.
    """

    path: str
    headers: dict[str, str]
    calls: tuple[dict[str, Any], ...]
    fault: Fault
    status: int


@dataclass
class Door:
    """One port of 127.0.0.1. The first event requests meet `faults`, one each; all others are passed on."""

    upstream: str
    faults: tuple[Fault, ...] = ()
    asked: list[Asked] = field(default_factory=list)
    #: event requests that came, whether they were asked of the stack yet or not
    begun: int = 0
    #: other requests (settings, preflights) as `METHOD path status`
    others: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open it."""
        self._lock = threading.Lock()
        self._ahead = list(self.faults)
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.door = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it is, as host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def unmet(self) -> list[Fault]:
        """Faults that no request has met."""
        return list(self._ahead)

    def next_fault(self) -> Fault:
        """What happens to the request that has just come."""
        with self._lock:
            return self._ahead.pop(0) if self._ahead else Fault.NONE

    def delivered(self) -> set[str]:
        """Marks of the calls that were stored, and the client heard of it."""
        heard = (Fault.NONE, Fault.LATE, Fault.LATE_ANSWER)
        return {
            mark(call) for one in list(self.asked) if one.status == 200 and one.fault in heard for call in one.calls
        }

    def close(self) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()


def mark(call: dict[str, Any]) -> str:
    """The name that the sender gave to a call."""
    context = call.get("context")
    return str(context.get("mark", "")) if isinstance(context, dict) else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    door: Door

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is what happens here


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    server: _Server

    def pass_on(self) -> None:
        """A request that no fault is for."""
        status, headers, body = self._ask(self._body())
        wanted = self.headers.get("Access-Control-Request-Headers", "")
        self.server.door.others.append(f"{self.command} {urlsplit(self.path).path} {status} {wanted}".rstrip())
        self._answer(status, headers, body)

    do_GET = do_OPTIONS = pass_on  # noqa: N815 (http.server looks these names up)

    def do_POST(self) -> None:
        """An event request."""
        body, door = self._body(), self.server.door
        door.begun += 1
        fault = door.next_fault()
        if fault is Fault.LATE:
            time.sleep(SLOW)
        status, headers, answer = 0, [("Content-Type", "application/json")], b""
        if fault not in (*_ANSWERS, Fault.DROPPED):
            status, headers, answer = self._ask(body)
        said = {name.lower(): value for name, value in self.headers.items()}
        calls = _calls(body, said.get("content-encoding", ""))
        door.asked.append(Asked(self.path, said, calls, fault, status))
        if fault is Fault.LATE_ANSWER:
            time.sleep(SLOW)
        if fault in (Fault.DROPPED, Fault.ANSWER_LOST):
            self._hang_up()
        elif fault in _ANSWERS:
            self._refuse(*_ANSWERS[fault])
        else:
            self._answer(status, headers, answer)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return chunks

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = urlsplit(self.server.door.upstream)
        # `Host` stays the client's own: what it asks for its settings tells it to come back to this door
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _ABOUT_THE_CONNECTION}
        with _EVENTS if self.command == "POST" else _QUESTIONS:
            connection = http.client.HTTPConnection(upstream.netloc, timeout=60)
            try:
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

    def _refuse(self, status: int, code: str) -> None:
        """As the stack itself would, CORS headers included."""
        headers = [
            ("Content-Type", "application/json"),
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Expose-Headers", "Retry-After"),
        ]
        if status != 400:
            headers.append(("Retry-After", "1"))
        self._answer(status, headers, json.dumps({"code": code, "message": "said by the test"}).encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _ABOUT_THE_CONNECTION:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        # closed with a reset, so that the client sees a broken connection and not an empty answer
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def _calls(body: bytes, encoding: str) -> tuple[dict[str, Any], ...]:
    text = gzip.decompress(body) if encoding == "gzip" else body
    said = json.loads(text)
    return tuple(said["batch"]) if "batch" in said else (said,)
