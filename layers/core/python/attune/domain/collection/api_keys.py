"""API keys: `atn_<type>_<key id>_<secret>`. The key id is public and finds the key.

The secret is 256 random bits, which need no slow hash: stored is the SHA-256 of the whole key, and it is
compared in constant time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec

#: `browser` keys are public and may only append events; `server` keys are vouched for
KeyType = Literal["browser", "server"]
BROWSER: Final = "browser"
SERVER: Final = "server"
#: what a server key sees of people: all, or them without their addresses (`domain/privacy/masking.py`)
Role = Literal["full", "masked"]
FULL: Final[Role] = "full"
MASKED: Final[Role] = "masked"

_LETTER: Final[dict[KeyType, str]] = {"browser": "w", "server": "s"}
_TYPE: Final[dict[str, KeyType]] = {letter: kind for kind, letter in _LETTER.items()}
#: base32 holds no `_`, so a key splits one way only
_KEY: Final = re.compile(r"atn_([ws])_([a-z2-7]{12})_([a-z2-7]{32,80})")


class KeyParts(msgspec.Struct, frozen=True):
    """What a key says of itself; nothing of it is true before `matches`."""

    type: KeyType
    key_id: str


def new_key(key_type: KeyType, random_bytes: Callable[[int], bytes]) -> tuple[str, str]:
    """Key id and whole key, from `random_bytes(n)`: a secure source in production."""
    key_id = _base32(random_bytes(8))[:12]
    return key_id, f"atn_{_LETTER[key_type]}_{key_id}_{_base32(random_bytes(32))}"


def read_key(text: str) -> KeyParts | None:
    """The parts of a key, or None for anything that is not of a key's shape."""
    match = _KEY.fullmatch(text)
    return None if match is None else KeyParts(_TYPE[match[1]], match[2])


def digest(text: str) -> str:
    """What is stored of a key: SHA-256, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def matches(stored_digest: str, text: str) -> bool:
    """Whether `text` is the key that was stored, in a time that does not tell how nearly."""
    return hmac.compare_digest(stored_digest, digest(text))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
