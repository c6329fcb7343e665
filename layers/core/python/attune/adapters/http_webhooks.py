"""Posts webhooks to addresses that others chose, without letting them choose where inside our network.

The name is resolved once per attempt; every address it has must be public or explicitly opened; the connection goes to
the address that was judged, under the name that was asked for. No redirect, no proxy, no user name, no reuse; one
deadline over everything; whatever an endpoint does becomes an `Answer`.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from attune.adapters.public_addresses import AllowedAddresses, is_public, parse
from attune.ports.deliveries import Answer

if TYPE_CHECKING:
    from attune.adapters.public_addresses import Address

#: seconds for resolving, connecting, sending and reading the head of the answer, all together
TIMEOUT: Final = 15.0
#: bytes of an answer, head and body; the body is read only to let the endpoint finish, and not kept
MAX_ANSWER: Final = 65_536
#: seconds that an endpoint may take over the body after it said what it had to say
_BODY_TIMEOUT: Final = 2.0
#: a Retry-After beyond this many seconds says nothing more
_LONGEST_RETRY_AFTER: Final = 86_400
_HTTPS: Final = 443
_URL: Final = re.compile(r"[!-\[\]-~]{1,2048}")  # printable ASCII without space and backslash
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")

#: as `socket.getaddrinfo`
type Resolve = Callable[..., list[tuple[Any, Any, Any, str, Any]]]


class _RefusedError(Exception):
    """The request is not made, or came to nothing; the message is the `Answer`'s reason."""


@dataclass(frozen=True, slots=True)
class _Target:
    secure: bool
    host: str
    port: int
    netloc: str
    path: str


class HttpWebhooks:
    """`WebhookSender`. `allowed`: CIDRs to open, which may then be reached on any port and without TLS."""

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        timeout: float = TIMEOUT,
        resolve: Resolve = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = AllowedAddresses(allowed)
        self._timeout = timeout
        self._resolve = resolve
        self._tls = tls

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt.

        Where no answer came, the reason is one of invalid_url, no_address, refused_address, timeout, tls, connection
        and protocol.
        """
        deadline = time.monotonic() + self._timeout
        try:
            target = _parse_url(url)
            request = _request(target, headers, body)
            addresses = self._judged(target, deadline)
            with closing(self._connected(target, addresses, deadline)) as connection:
                connection.settimeout(_left(deadline))
                connection.sendall(request)
                return _read_answer(connection, deadline)
        except _RefusedError as refused:
            return Answer(status=0, reason=str(refused))
        except TimeoutError:
            return Answer(status=0, reason="timeout")
        except ssl.SSLError:
            return Answer(status=0, reason="tls")
        except OSError:
            return Answer(status=0, reason="connection")
        except (http.client.HTTPException, ValueError):
            return Answer(status=0, reason="protocol")

    def _judged(self, target: _Target, deadline: float) -> list[Address]:
        """All addresses of the host, or a refusal if any of them may not be reached."""
        found = [parse(text) for text in self._resolved(target, deadline)]
        addresses = [address for address in found if address is not None]
        if len(addresses) != len(found):
            raise _RefusedError("refused_address")
        if not addresses:
            raise _RefusedError("no_address")
        ordinary = target.secure and target.port == _HTTPS
        for address in addresses:
            if not self._allowed.opens(address) and not (ordinary and is_public(address)):
                raise _RefusedError("refused_address")
        return addresses

    def _resolved(self, target: _Target, deadline: float) -> list[str]:
        """The resolver knows no deadline of ours, so it runs beside us, and may be left behind."""
        answers: list[list[str]] = []

        def ask() -> None:
            # UnicodeError: a name that cannot be encoded for DNS.
            with suppress(OSError, UnicodeError):
                infos = self._resolve(target.host, target.port, type=socket.SOCK_STREAM)
                answers.append(list(dict.fromkeys(str(info[4][0]) for info in infos)))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(_left(deadline))
        if asking.is_alive():
            raise TimeoutError
        if not answers:
            raise _RefusedError("no_address")
        return answers[0]

    def _connected(self, target: _Target, addresses: Sequence[Address], deadline: float) -> socket.socket:
        """To the first address that answers, never asking for the name again."""
        failure: OSError | None = None
        for address in addresses:
            try:
                plain = socket.create_connection((str(address), target.port), timeout=_left(deadline))
            except OSError as error:
                failure = error
                continue
            return self._secured(plain, target, deadline) if target.secure else plain
        raise failure or OSError

    def _secured(self, plain: socket.socket, target: _Target, deadline: float) -> socket.socket:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            plain.settimeout(_left(deadline))
            return self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _parse_url(url: str) -> _Target:
    """The parts of an address that has nothing unusual about it; everything else is `invalid_url`."""
    if not _URL.fullmatch(url):
        raise _RefusedError("invalid_url")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _RefusedError("invalid_url") from None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _HOST.fullmatch(host) or port == 0:
        raise _RefusedError("invalid_url")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(secure, host, port or (_HTTPS if secure else 80), parts.netloc, path)


def _request(target: _Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {target.path} HTTP/1.1", f"host: {target.netloc}"]
    # `identity`: a compressed answer is one that could unpack to anything.
    sent = {"accept-encoding": "identity", "connection": "close", "content-length": str(len(body))} | dict(headers)
    lines += [f"{name}: {value}" for name, value in sent.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Bounded(io.RawIOBase):
    """A connection to be read from until the deadline, and not beyond `MAX_ANSWER` bytes."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._unread = MAX_ANSWER
        self.deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `HTTPResponse` asks of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._unread:
            raise http.client.HTTPException("the answer is too long")
        # A timeout for each read alone would let an endpoint drip for ever.
        self._connection.settimeout(_left(self.deadline))
        count = self._connection.recv_into(buffer, min(len(buffer), self._unread))
        self._unread -= count
        return count


def _read_answer(connection: socket.socket, deadline: float) -> Answer:
    bounded = _Bounded(connection, deadline)
    response = http.client.HTTPResponse(bounded, method="POST")  # type: ignore[arg-type] # all it needs is makefile
    with closing(response):
        response.begin()
        answer = Answer(
            status=response.status,
            retry_after=_retry_after(response.getheader("retry-after"), response.getheader("date")),
        )
        # The endpoint has answered. Reading on lets it finish its sentence; what it says is of no use to us.
        bounded.deadline = min(deadline, time.monotonic() + _BODY_TIMEOUT)
        with suppress(OSError, http.client.HTTPException, ValueError):
            response.read(MAX_ANSWER)
    return answer


def _retry_after(value: str | None, date: str | None) -> int | None:
    """Seconds, from a number or an HTTP date; a date counts from the endpoint's own, so that clocks may differ."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(int(text), _LONGEST_RETRY_AFTER)
    try:
        seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(int(seconds), 0), _LONGEST_RETRY_AFTER)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
