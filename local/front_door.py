"""The local stack's plain origin: forwards every request to the emulator's address of the HTTP API.

It stands for the custom domain that the API has on AWS, so clients and browsers talk to `http://127.0.0.1:<port>/v1/…`
and never see where the emulator keeps the API. It knows nothing of Attune. What it does to a request:

- the path and query are passed on byte for byte (addresses of profiles hold `%3A` and `%40`, and decoding is
  the gateway's business), behind the prefix of the API;
- a body with a content encoding is sent on as `application/octet-stream`: the emulator decodes JSON and text
  bodies as UTF-8 even when they are compressed, where AWS hands them to the function as base64.

The emulator chooses by `Host`, so the name that the client used goes on as `X-Forwarded-Host`, and `X-Forwarded-Proto`
says http.

Its log has method, status and duration of each request and never the path, which may hold an e-mail address.
"""

import argparse
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override
from urllib.parse import SplitResult, quote, urlsplit

#: seconds the API may take; an HTTP API on AWS gives up after 30
UPSTREAM_SECONDS = 35.0
#: seconds a client may be silent, between requests or within one
CLIENT_SECONDS = 75.0
#: bytes of a body; an HTTP API on AWS takes no more either, the emulator takes any number
BODY_LIMIT = 10 * 2**20

# Headers that speak about one connection and not about the message (RFC 9110, 7.6.1).
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_SET_ANEW = frozenset(("host", "content-length", "expect", "x-forwarded-host", "x-forwarded-proto"))
_BODILESS = frozenset((204, 304))

type Headers = list[tuple[str, str]]
type Answer = tuple[int, Headers, bytes]


class RefusedRequestError(Exception):
    """What the client sent cannot be passed on."""

    def __init__(self, message: str, *, status: int = 400, code: str = "bad_request") -> None:
        """`status` and `code` are those of the answer."""
        super().__init__(message)
        self.status = status
        self.code = code


class FrontDoor(ThreadingHTTPServer):
    """Serves one API, a thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, upstream: str) -> None:
        """Bind 127.0.0.1:`port` (0: any free one); `upstream` is the API's address."""
        super().__init__(("127.0.0.1", port), ForwardRequests)
        self.upstream: SplitResult = urlsplit(upstream.rstrip("/"))

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        # A client that hangs up is its own affair; anything else is a mistake here and belongs in the log.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ForwardRequests(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    timeout = CLIENT_SECONDS
    disable_nagle_algorithm = True
    server: FrontDoor

    def forward(self) -> None:
        """Pass the request on and its answer back."""
        began = time.monotonic()
        try:
            answer = self._ask_upstream(self._read_body())
        except RefusedRequestError as error:
            self.close_connection = True  # where this request ends and the next begins is not known
            answer = _failure(error.status, error.code, str(error))
        except ValueError as error:  # http.client's word for a header that no HTTP message can hold
            answer = _failure(400, "bad_request", str(error))
        except TimeoutError:
            answer = _failure(504, "upstream_timeout", "the local cloud did not answer in time")
        except (OSError, http.client.HTTPException):
            answer = _failure(502, "upstream_unreachable", "the local cloud is away: `make up` starts it")
        print(f"{self.command} {answer[0]} {(time.monotonic() - began) * 1000:.0f} ms", flush=True)
        self._answer(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = forward  # noqa: N815 (http.server looks these names up)
    do_DELETE = do_PATCH = do_OPTIONS = forward  # noqa: N815

    def _ask_upstream(self, body: bytes) -> Answer:
        upstream = self.server.upstream
        connection = http.client.HTTPConnection(upstream.netloc, timeout=UPSTREAM_SECONDS)
        try:
            target = upstream.path + _target(self.requestline)
            connection.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", upstream.netloc)
            connection.putheader("X-Forwarded-Proto", "http")
            connection.putheader("X-Forwarded-Host", self.headers.get("Host", "").encode("latin-1"))
            for name, value in request_headers(self.headers.items(), has_body=bool(body)):
                connection.putheader(name, value.encode("latin-1"))
            if body or self.command in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, passed_on(response.getheaders()), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if status not in _BODILESS:
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            # The answer to HEAD has the length of a body that is not sent.
            length = lengths[0] if self.command == "HEAD" and lengths else str(len(body))
            self.send_header("Content-Length", length)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status not in _BODILESS:
            self.wfile.write(body)

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise RefusedRequestError("Content-Length is not a number")
        return self._exactly(int(length))

    def _chunks(self) -> Iterable[bytes]:
        while True:
            size = self.rfile.readline(1024).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError as error:
                raise RefusedRequestError("a chunk has no size") from error
            chunk = self._exactly(length)
            if length == 0:
                while self.rfile.readline(65537).strip():  # trailers
                    pass
                return
            self.rfile.readline(1024)
            yield chunk

    def _exactly(self, length: int) -> bytes:
        if length > BODY_LIMIT:
            raise RefusedRequestError("the body is larger than 10 MB", status=413, code="payload_too_large")
        try:
            body = self.rfile.read(length) if length > 0 else b""
        except TimeoutError as error:
            raise RefusedRequestError("the body did not arrive") from error
        if len(body) != length:
            raise RefusedRequestError("the body ended early")
        return body

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # What http.server itself refuses (a malformed request line, an unknown method) has our shape too.
        self.command = self.command or "GET"
        self.request_version = self.protocol_version  # of a line without one it would be 0.9, without headers
        self.close_connection = True
        self._answer(*_failure(int(code), "bad_request", message or "not HTTP/1.1"))

    @override
    def log_message(self, format: str, *args: object) -> None:
        # http.server logs the request line, and with it the path.
        pass


def request_headers(headers: Iterable[tuple[str, str]], *, has_body: bool) -> Headers:
    """The headers to send upstream: end-to-end ones, and a binary content type for an encoded body."""
    kept = [(name, value) for name, value in passed_on(headers) if name.lower() not in _SET_ANEW]
    encodings = [value.strip().lower() for name, value in kept if name.lower() == "content-encoding"]
    if not has_body or all(encoding in ("", "identity") for encoding in encodings):
        return kept
    without_type = [(name, value) for name, value in kept if name.lower() != "content-type"]
    return [*without_type, ("Content-Type", "application/octet-stream")]


def passed_on(headers: Iterable[tuple[str, str]]) -> Headers:
    """The end-to-end headers of a message: all but those of its connection and those that this one names."""
    listed = list(headers)
    connection = ",".join(value for name, value in listed if name.lower() == "connection")
    dropped = _HOP_BY_HOP | {token.strip().lower() for token in connection.split(",")}
    return [(name, value) for name, value in listed if name.lower() not in dropped]


def _target(request_line: str) -> str:
    """Path and query exactly as the client wrote them; http.server's own `path` collapses leading slashes."""
    target = request_line.split()[1]
    if target.startswith(("http://", "https://")):
        after_origin = target.split("://", 1)[1]
        target = "/" + after_origin.partition("/")[2]
    # Raw bytes above ASCII are no URL; escaped they are what the client must have meant.
    return quote(target.encode("latin-1"), safe="".join(map(chr, range(0x21, 0x7F))))


def _failure(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"code": code, "message": message}).encode()
    return status, [("Content-Type", "application/json")], body


def main() -> None:
    """Serve until stopped."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--upstream", required=True)
    chosen = arguments.parse_args()
    socket.setdefaulttimeout(CLIENT_SECONDS)
    FrontDoor(chosen.port, chosen.upstream).serve_forever()


if __name__ == "__main__":
    main()
