"""Where the API is and which keys speak to it: options or the environment, else a running local stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cli.errors import CliError

STACK_FILE: Final = Path(".local/stack.json")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Connection:
    """`api_url` without a slash at its end; keys may be empty where they are not needed."""

    api_url: str
    admin_key: str = ""
    server_key: str = ""
    #: why whoever runs the command asks, for access records
    reason: str = ""


def connect(
    api_url: str, admin_key: str, server_key: str, stack_file: Path = STACK_FILE, reason: str = ""
) -> Connection:
    """The connection that was asked for, or that of the local stack described by `stack_file`.

    The file's keys belong to the file's address: with an address of your own they are never sent anywhere.
    """
    if not api_url:
        known = _read(stack_file)
        api_url = known.get("api_url", "")
        admin_key, server_key = admin_key or known.get("admin_key", ""), server_key or known.get("server_key", "")
    url = urlsplit(api_url)
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in _LOOPBACK):
        raise CliError(f"{api_url}: keys travel over https only (http:// is for loopback)")
    return Connection(api_url.rstrip("/"), admin_key, server_key, reason)


def _read(stack_file: Path) -> dict[str, str]:
    try:
        content = json.loads(stack_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CliError(
            "no API is named: give --api-url or ATTUNE_API_URL, or start a local stack with `make up`"
        ) from None
    except ValueError:
        raise CliError(f"{stack_file}: is not what `make up` writes") from None
    return {name: text for name, text in content.items() if isinstance(text, str)}
