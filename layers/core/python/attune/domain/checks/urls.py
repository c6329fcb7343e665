"""What an address must look like that people put into a definition."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

#: hosts that may be addressed without TLS; the sender refuses them outside the local cloud
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?|[0-9a-f:.]+")


def url_problem(text: str) -> str:
    """Shape only: where a name leads is checked at every send, because it may lead elsewhere by then."""
    url = _split(text)
    if isinstance(url, str):
        return url
    return "must not have a fragment" if url.fragment else ""


def origin_problem(text: str) -> str:
    """An `Origin` header is scheme, host and port, and is compared as a whole."""
    url = _split(text)
    if isinstance(url, str):
        return url
    if url.path or url.query or url.fragment:
        return "must end after the host or port, without a slash"
    return "" if text == text.lower() else "must be lower case, as browsers send it"


def _split(text: str) -> SplitResult | str:
    """The parts of an address that may be used, or what is wrong with it."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return "holds characters that an address cannot"
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "is not an address"
    if not _HOST.fullmatch(host):
        return "has no valid host"
    if url.username is not None or url.password is not None:
        return "must not hold a user name or password"
    if url.scheme != "https" and not (url.scheme == "http" and host in LOOPBACK):
        return "must begin with https:// (http:// is for loopback on the local cloud only)"
    return url
