"""The shop's own endpoint: takes campaign webhooks on loopback and verifies them as the shop would."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came. `verified` is what the `standardwebhooks` library says of its signature."""

    at: float
    id: str
    headers: dict[str, str]
    body: str
    verified: bool

    @property
    def message(self) -> dict[str, Any]:
        """The body as JSON; empty where it is none."""
        try:
            return dict(json.loads(self.body))
        except ValueError:
            return {}


@dataclass
class Receiver:
    """A server on a free port of 127.0.0.1 that answers 204 to what verifies and 401 to what does not."""

    secret: str = ""
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start listening."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where campaigns send to."""
        return f"http://127.0.0.1:{self._server.server_port}/hooks/attune"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def messages_to(self, email: str) -> list[Received]:
        """What came for one customer, in order of arrival."""
        with self._lock:
            return [one for one in self.received if one.message.get("email") == email]

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Note a request; True if its signature holds."""
        try:
            Webhook(self.secret).verify(body, headers)
            verified = True
        except (WebhookVerificationError, ValueError):
            verified = False
        text = body.decode("utf-8", "replace")
        with self._lock:
            self.received.append(Received(time.time(), headers.get("webhook-id", ""), headers, text, verified))
        return verified

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                verified = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(204 if verified else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The story says what arrived."""

        return Handler
