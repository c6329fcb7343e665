"""Links under which a person sees and changes what they consent to, without a password.

A link's token is the whole proof: who has it may see the person's choices and change them, and nothing else. It holds
no address, only the pseudonym of one, so that it may lie in an access log or a browser's history and tell nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

import msgspec

from attune.domain.errors import AttuneError

#: no namespace of an identifier begins so: what signs links is nobody's identity key
_PURPOSE: Final = b"#preference links\x1f1"
_VERSION: Final = b"\x01"
_KEY: Final = 16
_TIME: Final = 5
_INSTANT: Final = 6
_ENDS: Final = len(_VERSION) + _KEY + _TIME
_HEAD: Final = _ENDS + _INSTANT
_MAC: Final = 32
#: characters; an id of a source has 64
_LONGEST: Final = 200


class PreferenceLink(msgspec.Struct, frozen=True, kw_only=True):
    """Whose link: an identity key (32 hex digits), until when (epoch seconds), by which source's key it was made.

    `made_at` (ms): whoever had the identifier then may use it, and nobody who is known by it after an erasure.
    """

    identity_key: str
    expires_at: int
    made_at: int
    source: str


def link_token(secret: bytes, link: PreferenceLink) -> str:
    """The link signed under the deployment's identity secret: letters, digits, `-` and `_`."""
    times = link.expires_at.to_bytes(_TIME, "big") + link.made_at.to_bytes(_INSTANT, "big")
    said = _VERSION + bytes.fromhex(link.identity_key) + times + link.source.encode()
    return _text(said + _signature(secret, said))


def read_link(secret: bytes, token: str, now: int) -> PreferenceLink:
    """What the token says, once it is proven, at `now` (ms); 403 `invalid_link`, 410 `link_expired`.

    Nothing of it is believed before its signature is compared. Another spelling of the same bytes is refused: no bit
    of a token is idle.
    """
    data = _bytes(token)
    said, signature = data[:-_MAC], data[-_MAC:]
    if not hmac.compare_digest(signature, _signature(secret, said)) or len(said) <= _HEAD or said[:1] != _VERSION:
        raise AttuneError("invalid_link", "this link was altered, cut short, or is none of ours", status=403)
    link = PreferenceLink(
        identity_key=said[1 : 1 + _KEY].hex(),
        expires_at=int.from_bytes(said[1 + _KEY : _ENDS], "big"),
        made_at=int.from_bytes(said[_ENDS:_HEAD], "big"),
        source=said[_HEAD:].decode(),
    )
    if now >= link.expires_at * 1_000:
        raise AttuneError("link_expired", "this link has expired", status=410)
    return link


def _signature(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(hmac.digest(secret, _PURPOSE, "sha256"), said, "sha256")


def _bytes(token: str) -> bytes:
    """Empty for what is not written as `link_token` writes it."""
    if len(token) > _LONGEST or not token.isascii():
        return b""
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return b""
    return data if _text(data) == token else b""


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
