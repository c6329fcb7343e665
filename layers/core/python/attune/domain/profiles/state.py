"""A profile as bytes, for its item's `state` attribute: small, because a write is paid for by the KB.

msgpack with short names for its fields; what would not fit into the item's first KB is deflated (RFC 1951), which
halves what repeats itself: carts, timers, instants. Nothing in it would DynamoDB's number type refuse.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from attune.domain.profiles.profile import Profile

#: bytes of a state that are written as they are: with the item's other attributes about a KB
PLAIN: Final = 896
#: what a deflated state begins with: a byte that msgpack never uses, then its length before (4 bytes, big-endian)
_DEFLATED: Final = b"\xc1"
_HEAD: Final = 5
#: a window of 4 KB and little to set up: as small as with the usual, at a sixth of its time
_RAW: Final = -12
_MEMORY: Final = 5
_FASTEST: Final = 1


def encode_profile(profile: Profile) -> bytes:
    """The profile without its pages, which are stored apart."""
    pages, profile.pages = profile.pages, {}
    try:
        state = _encoder.encode(profile)
    finally:
        profile.pages = pages
    if len(state) <= PLAIN:
        return state
    deflate = zlib.compressobj(_FASTEST, zlib.DEFLATED, _RAW, _MEMORY)
    return b"".join((_DEFLATED, len(state).to_bytes(4, "big"), deflate.compress(state), deflate.flush()))


def decode_profile(state: bytes) -> Profile:
    """The inverse of `encode_profile`, without pages; a fresh value on every call."""
    return _decoder.decode(plain_state(state))


def plain_state(state: bytes) -> bytes:
    """The state as msgpack. Raises `zlib.error` for what is not ours."""
    return zlib.decompress(state[_HEAD:], _RAW, plain_size(state)) if state[:1] == _DEFLATED else state


def plain_size(state: bytes) -> int:
    """Bytes of the state as it is held in memory."""
    return int.from_bytes(state[1:_HEAD], "big") if state[:1] == _DEFLATED else len(state)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Profile)
