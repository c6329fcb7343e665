"""Whether a call is signed by one who knows a secret of the source: every scheme a generic source may choose.

Nothing here raises, whatever comes. What is compared is the text as it came with the text as it must be: another
spelling of the same bytes (upper case, spaces, unused bits of base64) is refused, so no bit of a signature is idle.
Headers that came twice arrive joined by commas, and fit nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.signatures import (
    BasicSignature,
    HmacSignature,
    Signature,
    StandardSignature,
    StripeSignature,
    TokenSignature,
)
from attune.domain.definitions.sources import Source
from attune.sources.webhooks import Call

_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_STANDARD_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_STANDARD_SIGNATURES: Final = re.compile(r"[a-z0-9]+,[A-Za-z0-9+/=]+( [a-z0-9]+,[A-Za-z0-9+/=]+)*")
_STRIPE_PARTS: Final = re.compile(r"[a-z0-9]+=[^,= ]+(,[a-z0-9]+=[^,= ]+)*")
#: signatures of one header that are looked at: senders add one for each secret they rotate
MAX_SIGNATURES: Final = 10
_SECONDS: Final = 1_000


def proves(call: Call, source: Source, secrets: Sequence[str], now: int) -> bool:
    """By the scheme in the source's definition; a source without one takes nothing."""
    return source.signature is not None and is_signed(call, source.signature, secrets, now)


def is_signed(call: Call, signature: Signature, secrets: Sequence[str], now: int) -> bool:
    """With any of the live secrets, at a time that is not further from `now` (ms) than the scheme tolerates."""
    live = [secret.encode("utf-8", "surrogatepass") for secret in secrets if secret]
    match signature:
        case HmacSignature():
            return _by_hmac(call, signature, live, now)
        case StandardSignature():
            return _by_standard(call, signature, secrets, now)
        case StripeSignature():
            return _by_stripe(call, signature, live, now)
        case TokenSignature(header=header, prefix=prefix):
            return _any_same(_given(call, header), (prefix.encode() + secret for secret in live))
        case BasicSignature():
            return _any_same(_given(call, "authorization"), (b"Basic " + base64.b64encode(secret) for secret in live))
        case _:
            assert_never(signature)


def _by_hmac(call: Call, signature: HmacSignature, live: Sequence[bytes], now: int) -> bool:
    """The content is made as it is written, without reading what the placeholders stand for a second time."""
    stamp = call.headers.get(signature.timestamp_header.lower(), "") if signature.timestamp_header else ""
    unit = _SECONDS if signature.timestamp_unit == "s" else 1
    if signature.timestamp_header and not is_recent(stamp, unit, milliseconds(signature.tolerance), now):
        return False
    before, _, after = signature.content.partition("{body}")
    start, end = (part.replace("{timestamp}", stamp).encode() for part in (before, after))
    signed = start + call.body + end
    digests = (hmac.digest(secret, signed, signature.hash) for secret in live)
    written = (digest.hex().encode() if signature.encoding == "hex" else base64.b64encode(digest) for digest in digests)
    return _any_same(_given(call, signature.header), (signature.prefix.encode() + text for text in written))


def _by_standard(call: Call, signature: StandardSignature, secrets: Sequence[str], now: int) -> bool:
    """An id holds no dot: it could take a part of the content for itself."""
    names = (f"{signature.headers}-{part}" for part in ("id", "timestamp", "signature"))
    message_id, stamp, given = (call.headers.get(name, "") for name in names)
    if not _STANDARD_ID.fullmatch(message_id) or not _STANDARD_SIGNATURES.fullmatch(given):
        return False
    if not is_recent(stamp, _SECONDS, milliseconds(signature.tolerance), now):
        return False
    signed = f"{message_id}.{stamp}.".encode() + call.body
    keys = [key for secret in secrets if (key := _standard_key(secret))]
    right = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    return any(_any_same(_bytes(one), right) for one in given.split(" ")[:MAX_SIGNATURES])


def _standard_key(secret: str) -> bytes:
    """Empty for a secret that is none of this scheme's."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _by_stripe(call: Call, signature: StripeSignature, live: Sequence[bytes], now: int) -> bool:
    """Signatures of other versions than `v1` prove nothing; a second `t` makes the first one doubtful."""
    given = call.headers.get(signature.header.lower(), "")
    if not _STRIPE_PARTS.fullmatch(given):
        return False
    parts = [part.partition("=") for part in given.split(",")]
    stamps = [text for name, _, text in parts if name == "t"]
    if len(stamps) != 1 or not is_recent(stamps[0], _SECONDS, milliseconds(signature.tolerance), now):
        return False
    signed = f"{stamps[0]}.".encode() + call.body
    right = [hmac.digest(secret, signed, "sha256").hex().encode() for secret in live]
    signatures = [_bytes(text) for name, _, text in parts if name == "v1"][:MAX_SIGNATURES]
    return any(_any_same(one, right) for one in signatures)


def is_recent(stamp: str, unit: int, tolerance: int, now: int) -> bool:
    """Whether a timestamp in `unit` ms is a number and at most `tolerance` ms from `now`, before or after."""
    return _DIGITS.fullmatch(stamp) is not None and abs(now - int(stamp) * unit) <= tolerance


def _given(call: Call, header: str) -> bytes:
    return _bytes(call.headers.get(header.lower(), ""))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _any_same(given: bytes, right: Iterable[bytes]) -> bool:
    """Each is compared in a time that says nothing of where the two differ."""
    return any(hmac.compare_digest(given, one) for one in right)
