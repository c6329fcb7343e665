"""Headless Chromium on real pages: each scenario has an origin of its own, so that none sees another's storage."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, override

#: Debian's name and others'
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # nothing calls home
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-popup-blocking",  # headless takes one address: a page there opens the others
    # many tabs, of which none is looked at
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--renderer-process-limit=3",
)
#: milliseconds between the openings of two tabs
APART: Final = 300
_DRIVERS: Final = Path(__file__).parent / "drivers"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Linen shirts</title>
<script type="importmap">{imports}</script></head>
<body><h1>Linen shirts</h1>
<script type="application/json" id="scenario">{scenario}</script>
<script type="module">{body}</script>
</body></html>
"""
#: what a bundler would find under these names
_IMPORTS: Final = {
    "@segment/analytics-next": "/drivers/pages/segment_bundle.mjs",
    "@rudderstack/analytics-js/bundled": "/lib/client.js",
    "@jitsu/js": "/lib/client.js",
}


def find_chromium() -> str | None:
    """The browser's path, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True, slots=True)
class Page:
    """What a tab is to show: `library` is the client's file; `body` the page's own script, else that of `driver`."""

    library: Path = Path()
    driver: str = ""
    scenario: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""

    def html(self) -> str:
        """The document."""
        # a `</script>` among the values must not end the element
        scenario = json.dumps(self.scenario).replace("<", "\\u003c")
        body = self.body or f"import '/drivers/pages/{self.driver}'"
        return _PAGE.format(imports=json.dumps({"imports": _IMPORTS}), scenario=scenario, body=body)


@dataclass
class Pages:
    """Serves pages under `http://<name>.localhost:<port>/`, and hears what they report."""

    pages: dict[str, Page] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Listen."""
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.pages = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def origin(self, name: str) -> str:
        """Where a page is, as browsers say it in `Origin`."""
        return f"http://{name}.localhost:{self._server.server_port}"

    def tabs(self) -> str:
        """Address of a page that opens all others."""
        # one after the other: a page that waits for its turn too long gives up before it has begun
        opening = "".join(
            f"setTimeout(() => open({json.dumps(self.origin(name))}, '_blank', 'noopener'), {number * APART});"
            for number, name in enumerate(self.pages)
        )
        self.pages["tabs"] = Page(body=opening)
        return self.origin("tabs")

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Browser:
    """One Chromium."""

    path: str
    profile: Path

    def __post_init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, address: str) -> None:
        """Start it with this page."""
        log = (self.profile.parent / "chromium.log").open("wb")
        command = [self.path, *FLAGS, f"--user-data-dir={self.profile}", address]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    pages: Pages

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a tab that is closed


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """The page, its client, or a driver."""
        page = self.server.pages.pages.get((self.headers.get("Host") or "").partition(".")[0])
        if page is None:
            self._send(404, "text/plain", b"")
        elif self.path == "/lib/client.js":
            self._send(200, "text/javascript", page.library.read_bytes())
        elif self.path.startswith("/drivers/") and (_DRIVERS / self.path[9:]).is_file():
            self._send(200, "text/javascript", (_DRIVERS / self.path[9:]).read_bytes())
        elif self.path.partition("?")[0] == "/":
            self._send(200, "text/html", page.html().encode())
        else:
            self._send(404, "text/plain", b"")

    def do_POST(self) -> None:
        """A page's report; an error that comes first stays."""
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = self.server.pages.told.setdefault(said["name"], said)
        if told is not said:
            told["errors"] += said["errors"]
        self._send(200, "text/plain", b"")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass
