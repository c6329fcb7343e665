"""The sender against real servers on loopback, and against every address that must not be reached."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attune.adapters.http_webhooks import MAX_ANSWER, HttpWebhooks
from attune.adapters.public_addresses import is_public, parse
from attune.ports.deliveries import Answer

LOOPBACK = ("127.0.0.1/32",)
HEADERS = {"content-type": "application/json", "webhook-id": "msg_1"}
PUBLIC = "93.184.215.14"


class Endpoint:
    """A raw server for one connection at a time: reads the request, then does what `behave` says."""

    def __init__(self, behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._behave, self._tls = behave, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    self.requests.append(_read_request(connection))
                    self._behave(connection)
            except OSError:
                connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)


def _read_request(connection: socket.socket) -> bytes:
    connection.settimeout(5)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65_536) or b"\r\n\r\n"
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    started: list[Endpoint] = []

    def start(behaviour: bytes | Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Endpoint:
        behave = (lambda connection: connection.sendall(behaviour)) if isinstance(behaviour, bytes) else behaviour
        started.append(Endpoint(behave, tls))
        return started[-1]

    yield start
    for endpoint in started:
        endpoint.close()


def post(endpoint: Endpoint, path: str = "/hooks?shop=1", **options: Any) -> Answer:
    sender = HttpWebhooks(LOOPBACK, **({"timeout": 5.0} | options))
    return sender.post(f"http://127.0.0.1:{endpoint.port}{path}", HEADERS, b'{"a": 1}')


def answer(status: int, head: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


# -- what the endpoint receives and what its answers mean


def test_one_plain_request_arrives(serve: Callable[..., Endpoint]) -> None:
    endpoint = serve(answer(200, body=b"ok"))
    assert post(endpoint) == Answer(status=200)
    (request,) = endpoint.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hooks?shop=1 HTTP/1.1"
    assert sorted(lines[1:]) == [
        "accept-encoding: identity",
        "connection: close",
        "content-length: 8",
        "content-type: application/json",
        f"host: 127.0.0.1:{endpoint.port}",
        "webhook-id: msg_1",
    ]
    assert body == b'{"a": 1}'


@pytest.mark.parametrize("status", [204, 400, 404, 410, 500, 503])
def test_the_status_is_told_as_it_is(serve: Callable[..., Endpoint], status: int) -> None:
    assert post(serve(answer(status))) == Answer(status=status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_never_followed(serve: Callable[..., Endpoint], status: int) -> None:
    elsewhere = serve(answer(200))
    endpoint = serve(answer(status, f"location: http://127.0.0.1:{elsewhere.port}/\r\n"))
    assert post(endpoint) == Answer(status=status)
    assert (endpoint.connections, elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ("retry-after: 120", 120),
        ("Retry-After:  0 ", 0),
        ("retry-after: 999999999", 86_400),
        ("retry-after: Sun, 22 Nov 2026 03:01:30 GMT\r\ndate: Sun, 22 Nov 2026 03:00:00 GMT", 90),
        ("retry-after: Sun, 22 Nov 2026 02:00:00 GMT\r\ndate: Sun, 22 Nov 2026 03:00:00 GMT", 0),
        ("retry-after: Sun, 22 Nov 2026 03:01:30 GMT", None),
        ("retry-after: -1", None),
        ("retry-after: soon", None),
        ("retry-after: 1.5", None),
    ],
)
def test_retry_after_is_read_in_both_forms(serve: Callable[..., Endpoint], head: str, seconds: int | None) -> None:
    assert post(serve(answer(429, head + "\r\n"))) == Answer(status=429, retry_after=seconds)


def test_an_interim_answer_is_not_the_answer(serve: Callable[..., Endpoint]) -> None:
    assert post(serve(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(201))).status == 201


# -- endpoints that misbehave


def hang(connection: socket.socket) -> None:
    connection.settimeout(10)
    connection.recv(1)


def drip_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(40):
        connection.sendall(b"x: y\r\n")
        time.sleep(0.05)
    connection.sendall(b"\r\n")


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"x")
        time.sleep(0.05)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def huge_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(10_000):
        connection.sendall(b"x" * 65_536)


def huge_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * (2 * MAX_ANSWER) + b"\r\n\r\n")


def endless_interim(connection: socket.socket) -> None:
    for _ in range(10_000):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (hang, Answer(status=0, reason="timeout")),
        (reset, Answer(status=0, reason="connection")),
        (b"", Answer(status=0, reason="connection")),
        (b"SSH-2.0-OpenSSH\r\n", Answer(status=0, reason="protocol")),
        (b"HTTP/1.1 abc\r\n\r\n", Answer(status=0, reason="protocol")),
        (b"HTTP/1.1 99999 OK\r\n\r\n", Answer(status=0, reason="protocol")),
        (b"\x00\xff" * 40_000, Answer(status=0, reason="protocol")),
        (huge_head, Answer(status=0, reason="protocol")),
        (endless_interim, Answer(status=0, reason="protocol")),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", Answer(status=0, reason="protocol")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", Answer(status=200)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Answer(status=200)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", Answer(status=200)),
        (huge_body, Answer(status=200)),
    ],
)
def test_whatever_an_endpoint_does_becomes_an_answer(
    serve: Callable[..., Endpoint], behaviour: Any, expected: Answer
) -> None:
    assert post(serve(behaviour), timeout=1.0) == expected


@pytest.mark.parametrize(("behaviour", "status"), [(drip_head, 0), (drip_body, 200)])
def test_dripping_does_not_outlast_the_deadline(
    serve: Callable[..., Endpoint], behaviour: Callable[[socket.socket], None], status: int
) -> None:
    assert post(serve(behaviour), timeout=0.5).status == status


def test_gzip_is_never_unpacked(serve: Callable[..., Endpoint]) -> None:
    assert post(serve(answer(200, "content-encoding: gzip\r\n", b"\x1f\x8b" + b"\0" * 50))).status == 200


def test_nobody_listening_is_an_answer_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert HttpWebhooks(LOOPBACK).post(f"http://127.0.0.1:{port}/", {}, b"") == Answer(status=0, reason="connection")


def test_a_header_cannot_smuggle_another_one_in(serve: Callable[..., Endpoint]) -> None:
    endpoint = serve(answer(200))
    smuggled = HttpWebhooks(LOOPBACK).post(f"http://127.0.0.1:{endpoint.port}/", {"x": "a\r\nb: c"}, b"")
    assert (smuggled.status, endpoint.connections) == (0, 0)


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For hooks.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


def server_tls(certificate: Path, names: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def resolving(*addresses: str) -> Callable[..., Any]:
    return lambda *_args, **_options: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in addresses]


def test_over_tls_the_pinned_address_is_asked_under_the_endpoints_name(
    serve: Callable[..., Endpoint], certificate: Path
) -> None:
    names: list[str | None] = []
    endpoint = serve(answer(200), server_tls(certificate, names))
    trusting = ssl.create_default_context(cafile=str(certificate))
    sender = HttpWebhooks(LOOPBACK, resolve=resolving("127.0.0.1"), tls=trusting)
    assert sender.post(f"https://hooks.example:{endpoint.port}/", {}, b"{}") == Answer(status=200)
    assert names == ["hooks.example"]
    assert f"host: hooks.example:{endpoint.port}".encode() in endpoint.requests[0]


@pytest.mark.parametrize("host", ["hooks.example", "other.example"])
def test_a_certificate_that_is_unknown_or_for_another_name_ends_it(
    serve: Callable[..., Endpoint], certificate: Path, host: str
) -> None:
    endpoint = serve(answer(200), server_tls(certificate, []))
    trusting = ssl.create_default_context(cafile=str(certificate)) if host == "other.example" else None
    sender = HttpWebhooks(LOOPBACK, resolve=resolving("127.0.0.1"), tls=trusting)
    assert sender.post(f"https://{host}:{endpoint.port}/", {}, b"{}") == Answer(status=0, reason="tls")
    assert endpoint.requests == []


def test_plain_http_behind_an_https_address_is_a_tls_failure(serve: Callable[..., Endpoint]) -> None:
    endpoint = serve(answer(200))
    sender = HttpWebhooks(LOOPBACK, resolve=resolving("127.0.0.1"), timeout=0.5)
    assert sender.post(f"https://hooks.example:{endpoint.port}/", {}, b"{}").status == 0


# -- addresses that must not be reached


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to connect, none of which is made."""
    attempts: list[Any] = []

    def connect(address: Any, *_args: Any, **_options: Any) -> socket.socket:
        attempts.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return attempts


INTERNAL = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.100.1",
    "100.64.0.1", "192.0.0.1", "192.0.0.9", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1",
    "2001:db8::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_refused_however_its_name_reads(connects: list[Any], address: str) -> None:
    sender = HttpWebhooks(resolve=resolving(address))
    assert sender.post("https://hooks.example/", {}, b"") == Answer(status=0, reason="refused_address")
    assert connects == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is_connected_to(connects: list[Any], address: str) -> None:
    HttpWebhooks(resolve=resolving(address)).post("https://hooks.example/", {}, b"")
    assert connects == [(address, 443)]


@pytest.mark.parametrize("addresses", [(PUBLIC, "10.0.0.1"), ("10.0.0.1", PUBLIC), (PUBLIC, "127.0.0.1")])
def test_one_internal_address_among_public_ones_refuses_all(connects: list[Any], addresses: tuple[str, ...]) -> None:
    assert HttpWebhooks(resolve=resolving(*addresses)).post("https://hooks.example/", {}, b"").status == 0
    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://127.1/", "https://0/", "https://0x7f000001/", "https://2130706433/",
        "https://0177.0.0.1/", "https://0x7f.1/", "https://localhost/", "https://LOCALHOST./", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
        "https://169.254.169.254/latest/meta-data/", "https://[64:ff9b::a9fe:a9fe]/", "https://[fd00:ec2::254]/",
        "https://[fe80::1%25lo]/", "https://[fe80::1%lo]/", "https://100.64.0.1/", "https://10.1.2.3/",
        "https://\u2460\u2461\u2466.0.0.1/", "https://127\u30020\u30020\u30021/", "https://loc\u00ad\u0430lhost/",
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "https://127.0.0.1:9001/",
        "https://user@hooks.example/", "https://user:secret@hooks.example/", "https://hooks.example@127.0.0.1/",
        "https://hooks.example:443@127.0.0.1/", "https://@127.0.0.1/", "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/\r\nhost: x", "https://hooks.example/ x", "https://hooks.example\t/", "\thttps://a.b/",
        "file:///etc/passwd", "ftp://hooks.example/", "gopher://127.0.0.1:70/", "unix:///run/x", "javascript:0",
        "//hooks.example/", "hooks.example", "", "https://", "https:///x", "https://?x", "https://:443/", "https:hooks",
        "https://.hooks.example/", "https://hooks..example/", "https://-/", "https://%31%32%37.0.0.1/",
        "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example:x/", "https://[::1/",
        "https://[hooks.example]/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 200 + "example/",
        "https://hooks.example/" + "a" * 4_000,
    ],
)  # fmt: skip
def test_no_address_of_the_corpus_is_ever_connected_to(connects: list[Any], url: str) -> None:
    real = socket.getaddrinfo

    def numbers_only(host: str, *args: Any, **options: Any) -> Any:
        """The platform's own reading of odd numbers, without asking a name server."""
        if host.rstrip(".").lower() == "localhost":
            return resolving("127.0.0.1")()
        return real(host, *args, **{**options, "flags": socket.AI_NUMERICHOST})

    refused = HttpWebhooks(resolve=numbers_only).post(url, HEADERS, b"{}")
    assert refused.status == 0
    assert refused.reason in {"invalid_url", "refused_address", "no_address"}
    assert connects == []


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://hooks.example:8443/", "http://hooks.example:443/"])
def test_a_public_address_is_reached_over_https_on_443_only(connects: list[Any], url: str) -> None:
    sender = HttpWebhooks(LOOPBACK, resolve=resolving(PUBLIC))
    assert sender.post(url, {}, b"") == Answer(status=0, reason="refused_address")
    assert connects == []


def test_what_is_opened_is_opened_exactly(connects: list[Any]) -> None:
    sender = HttpWebhooks(["127.0.0.1/32", "", " 10.0.0.0/30"], resolve=resolving("127.0.0.2"))
    assert sender.post("http://hooks.example:8080/", {}, b"").reason == "refused_address"
    mapped = HttpWebhooks(["127.0.0.0/8", "0.0.0.0/0"], resolve=resolving("::ffff:127.0.0.1"))
    assert mapped.post("http://hooks.example:8080/", {}, b"").reason == "refused_address"
    assert connects == []
    opened = HttpWebhooks([" 10.0.0.0/30"], resolve=resolving("10.0.0.2"))
    assert opened.post("http://hooks.example:8080/", {}, b"").reason == "connection"
    assert connects == [("10.0.0.2", 8080)]


def test_the_name_is_resolved_once_so_that_it_cannot_change_its_mind(connects: list[Any]) -> None:
    asked: list[str] = []

    def rebinding(host: str, *_args: Any, **_options: Any) -> Any:
        asked.append(host)
        return resolving(PUBLIC if len(asked) == 1 else "127.0.0.1")()

    HttpWebhooks(resolve=rebinding).post("https://hooks.example/", {}, b"")
    assert asked == ["hooks.example"]
    assert connects == [(PUBLIC, 443)]


def test_a_resolver_that_hangs_is_left_behind() -> None:
    released = threading.Event()

    def hanging(*_args: Any, **_options: Any) -> Any:
        released.wait(10)
        return []

    assert HttpWebhooks(resolve=hanging, timeout=0.2).post("https://hooks.example/", {}, b"").reason == "timeout"
    released.set()


def test_a_name_without_addresses_is_an_answer() -> None:
    def unknown(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror

    assert HttpWebhooks(resolve=unknown).post("https://hooks.example/", {}, b"").reason == "no_address"
    assert HttpWebhooks(resolve=resolving()).post("https://hooks.example/", {}, b"").reason == "no_address"


def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Endpoint]) -> None:
    proxy, endpoint = serve(answer(200)), serve(answer(200))
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert post(endpoint).status == 200
    assert (proxy.connections, endpoint.connections) == (0, 1)


def test_public_means_what_the_registries_say() -> None:
    parsed = {text: parse(text) for text in INTERNAL}
    assert [text for text, address in parsed.items() if address is not None and is_public(address)] == []
    assert is_public(ipaddress.ip_address(PUBLIC))
