"""A deployment on moto behind a real port on loopback, and the `attune` command that talks to it."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
import typer.main
from moto import mock_aws

from cli.commands import main
from tests.adapters.cloud import Cloud
from tests.functions.management import ADMIN, Deployment


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


type Attune = Callable[..., Ran]


class _Gateway(BaseHTTPRequestHandler):
    """Hands requests to the deployment; the tests' own log stays quiet."""

    deployment: Deployment
    requests: list[tuple[str, str]]

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.requests.append((self.command, self.path))
        raw, reason = self.rfile.read(length) if length else None, self.headers.get("x-attune-reason", "")
        answer = self.deployment.call(self.command, self.path, key=key, raw=raw, reason=reason)
        body = msgspec.json.encode(answer.body)
        self.send_response(answer.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 (the base class looks for these)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        pass


@dataclass(frozen=True, slots=True)
class Api:
    """Where the deployment answers, and what it was asked (method and path)."""

    url: str
    requests: list[tuple[str, str]]
    deployment: Deployment


@pytest.fixture(scope="session", autouse=True)
def _commands_built_once() -> Iterator[None]:
    """Typer makes its tree of commands anew for each run, which takes longer than most commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture
def api() -> Iterator[Api]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        deployment = Deployment(Cloud(), patch.setenv)
        requests: list[tuple[str, str]] = []
        handler = type("Gateway", (_Gateway,), {"deployment": deployment, "requests": requests})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Api(f"http://127.0.0.1:{server.server_port}", requests, deployment)
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Attune:
    """The command, in an empty folder, with nothing in its environment."""
    for name in ("ATTUNE_API_URL", "ATTUNE_ADMIN_KEY", "ATTUNE_SERVER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["attune", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def attune(bare: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> Attune:
    """The command, told by its environment where the API is and what the admin's key is."""
    monkeypatch.setenv("ATTUNE_API_URL", api.url)
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", ADMIN)
    return bare


@pytest.fixture
def offline(bare: Attune, monkeypatch: pytest.MonkeyPatch) -> Attune:
    """The command, told of an API that nobody answers for: what it says, it says on its own."""
    monkeypatch.setenv("ATTUNE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", ADMIN)
    return bare
