"""Which call a path of the collect API is, and where clients put their write key: each client has ways of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attune.runtime.http import Request, basic_user, bearer
from attune.use_cases.collection.collect_events import Submission

_NAMES: Final = ("batch", "import", "track", "identify", "page", "screen", "group", "alias")
#: analytics.js's short paths
_LETTERS: Final = {name[0]: name for name in _NAMES if name != "import"}
#: path → call; the last two families are Jitsu's
_CALLS: Final = (
    {f"/v1/{name}": name for name in _NAMES}
    | {f"/v1/{letter}": name for letter, name in _LETTERS.items()}
    | {f"/api/s/{kind}{name}": name for kind in ("", "s2s/") for name in _NAMES}
)
_SETTINGS: Final = re.compile(r"/v1/projects/([^/]+)/settings")
_SOURCE_CONFIG: Final = "/sourceConfig"
_DIGITS: Final = 6
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
#: a key as Jitsu's clients want it: they refuse one that is not `id:secret`
_TWO_PARTS: Final = re.compile(r"(atn_[ws]_[a-z2-7]+):([a-z2-7]+)")


def submission_in(request: Request) -> Submission | None:
    """The events that are sent; None if the request sends none."""
    call = _CALLS.get(_path(request)) if request.method == "POST" else None
    if call is None:
        return None
    headers = request.headers
    return Submission(
        call=call,
        body=request.body,
        encoding=headers.get("content-encoding", ""),
        token=write_key(headers),
        origin=headers.get("origin"),
        retries=_count(headers.get("x-retry-count", "")),
        # any other value, and no such header, says nothing
        gpc=headers.get("sec-gpc") == "1",
    )


def settings_key(request: Request) -> str | None:
    """The write key whose settings analytics.js asks for; None if the request does not."""
    found = _SETTINGS.fullmatch(_path(request)) if request.method == "GET" else None
    return found[1] if found else None


def asks_source_config(request: Request) -> bool:
    """Whether RudderStack's clients ask for their source."""
    return request.method == "GET" and _path(request) == _SOURCE_CONFIG


def write_key(headers: Mapping[str, str]) -> str | None:
    """The key that the headers hold; None where they hold none, and the body may.

    As the user of Basic, as Bearer, or as `X-Write-Key`: there also with its last `_` written as a colon.
    """
    token = basic_user(headers) or bearer(headers)
    if token:
        return token
    said = headers.get("x-write-key")
    return None if said is None else _TWO_PARTS.sub(r"\1_\2", said)


def api_host(headers: Mapping[str, str]) -> tuple[str, str]:
    """Protocol and host by which the caller reached us, as a client's settings name them; the host may be empty.

    The answer goes to this caller alone, so what a header says harms nobody else.
    """
    host = headers.get("x-forwarded-host") or headers.get("host") or ""
    protocol = "http" if headers.get("x-forwarded-proto") == "http" else "https"
    return protocol, host if _HOST.fullmatch(host) else ""


def api_origin(headers: Mapping[str, str]) -> str:
    """The origin by which the caller reached us."""
    return "://".join(api_host(headers))


def _path(request: Request) -> str:
    """The path by the route, or, where the gateway knew none, the path itself without a slash at its end."""
    if request.route == "$default":
        return request.path.rstrip("/")
    path = request.route.partition(" ")[2]
    for name, value in request.parameters.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _count(said: str) -> int:
    """How often the client says that it sent this before; 0 for what is no count."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _DIGITS else 0
