"""The front door over real sockets, with an upstream that records what reached it."""

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local import processes
from local.front_door import FrontDoor

PREFIX = "/_aws/execute-api/c0ffee01/$default"


@dataclass(frozen=True, slots=True)
class Seen:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Upstream:
    port: int
    seen: list[Seen] = field(default_factory=list)
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Type", "application/json")])
    body: bytes = b"{}"


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    record = Upstream(port=0)

    class Record(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            record.seen.append(Seen(self.requestline, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response_only(record.status)
            for name, value in record.headers:
                self.send_header(name, value)
            if record.status != 204:
                self.send_header("Content-Length", str(len(record.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(record.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = do_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Record)) as port:
        record.port = port
        yield record


@pytest.fixture
def front_door(upstream: Upstream) -> Iterator[int]:
    with serving(FrontDoor(0, f"http://127.0.0.1:{upstream.port}{PREFIX}")) as port:
        yield port


def ask(
    port: int, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def say(port: int, request: bytes) -> bytes:
    """The whole answer to raw bytes; the request asks for the connection to be closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    "target",
    [
        "/v1/profiles/email%3Aa%40b.com",
        "/v1/profiles/email%3aA%2fb%252F%20+c?x=1%2B2&y=%20&z",
        "//v1//batch/",
        "/v1/%E9%00",
    ],
)
def test_the_path_and_query_arrive_byte_for_byte(front_door: int, upstream: Upstream, target: str) -> None:
    ask(front_door, "GET", target)
    assert upstream.seen[0].line == f"GET {PREFIX}{target} HTTP/1.1"


def test_a_json_body_and_its_headers_arrive_unchanged(front_door: int, upstream: Upstream) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": "Basic d2s6", "X-Own": "é"}
    ask(front_door, "POST", "/v1/track", b'{"a":1}', headers)
    seen = upstream.seen[0]
    assert seen.body == b'{"a":1}'
    assert {name: seen.headers[name.lower()] for name in headers} == headers
    assert seen.headers["host"] == f"127.0.0.1:{upstream.port}"


def test_the_name_that_the_client_used_arrives_as_forwarded(front_door: int, upstream: Upstream) -> None:
    ask(front_door, "GET", "/v1/x", headers={"X-Forwarded-Host": "elsewhere", "X-Forwarded-Proto": "https"})
    seen = upstream.seen[0].headers
    assert (seen["x-forwarded-host"], seen["x-forwarded-proto"]) == (f"127.0.0.1:{front_door}", "http")


def test_a_gzip_body_is_sent_on_as_octet_stream_with_its_encoding(front_door: int, upstream: Upstream) -> None:
    body = gzip.compress(b'{"batch":[]}')
    ask(
        front_door,
        "POST",
        "/v1/batch",
        body,
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    seen = upstream.seen[0]
    assert (seen.headers["content-type"], seen.headers["content-encoding"]) == (
        "application/octet-stream",
        "gzip",
    )
    assert seen.body == body


def test_headers_of_one_connection_are_not_passed_on(front_door: int, upstream: Upstream) -> None:
    headers = {
        "Connection": "keep-alive, X-Hop",
        "Keep-Alive": "5",
        "TE": "trailers",
        "X-Hop": "1",
        "X-End": "2",
    }
    ask(front_door, "GET", "/v1/x", None, headers)
    assert {"connection", "keep-alive", "te", "x-hop"} & upstream.seen[0].headers.keys() == set()
    assert upstream.seen[0].headers["x-end"] == "2"


def test_a_chunked_body_arrives_whole(front_door: int, upstream: Upstream) -> None:
    request = (
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b'4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n'
    )
    assert say(front_door, request).startswith(b"HTTP/1.1 200 ")
    assert upstream.seen[0].body == b'{"a":1}'


def test_the_answer_comes_back_as_it_is(front_door: int, upstream: Upstream) -> None:
    upstream.status = 503
    upstream.headers = [("Content-Type", "application/json"), ("Retry-After", "5"), ("Set-Cookie", "a=1")]
    upstream.headers += [("Set-Cookie", "b=2"), ("Connection", "close")]
    upstream.body = b'{"code":"unavailable","message":"\xc3\xa9"}'
    status, headers, body = ask(front_door, "GET", "/v1/x")
    assert (status, body) == (503, upstream.body)
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers["Retry-After"] == "5"
    assert "Connection" not in headers


def test_a_preflight_without_a_body_is_answered(front_door: int, upstream: Upstream) -> None:
    upstream.status, upstream.body = 204, b""
    upstream.headers = [("Access-Control-Allow-Origin", "*")]
    status, headers, body = ask(front_door, "OPTIONS", "/v1/batch", None, {"Origin": "https://shop.example"})
    assert (status, headers["Access-Control-Allow-Origin"], body) == (204, "*", b"")


def test_the_answer_to_head_keeps_its_length(front_door: int, upstream: Upstream) -> None:
    upstream.body = b"12345"
    status, headers, body = ask(front_door, "HEAD", "/v1/x")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")


def test_one_connection_carries_many_requests(front_door: int, upstream: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front_door, timeout=10)
    for number in range(3):
        connection.request("POST", f"/v1/{number}", body=b"x" * number)
        assert connection.getresponse().read() == b"{}"
    connection.close()
    assert [len(seen.body) for seen in upstream.seen] == [0, 1, 2]


def test_a_dead_upstream_is_a_502_with_code_and_message() -> None:
    with serving(FrontDoor(0, f"http://127.0.0.1:{processes.free_port()}{PREFIX}")) as port:
        status, headers, body = ask(port, "POST", "/v1/track", b"{}")
    assert (status, headers["Content-Type"]) == (502, "application/json")
    answer = json.loads(body)
    assert answer["code"] == "upstream_unreachable"
    assert answer["message"]


def test_a_body_above_the_gateways_limit_is_a_413(front_door: int, upstream: Upstream) -> None:
    request = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999\r\n\r\n"
    assert say(front_door, request).startswith(b"HTTP/1.1 413 ")
    assert upstream.seen == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"NONSENSE\r\n\r\n",
        b"BREW /v1/x HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_with_code_and_message(front_door: int, request_bytes: bytes) -> None:
    head, _, body = say(front_door, request_bytes).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert 400 <= status < 500 or status == 501
    assert json.loads(body)["code"] == "bad_request"


def test_the_log_names_no_path(front_door: int, capfd: pytest.CaptureFixture[str]) -> None:
    ask(front_door, "GET", "/v1/profiles/email%3Amary%40example.com")
    logged = "".join(capfd.readouterr())
    assert "GET 200" in logged
    assert "mary" not in logged
