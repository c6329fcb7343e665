"""What types cannot say of a signature: that its content holds the body once, and a time where one is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.signatures import BasicSignature, HmacSignature, Signature, TokenSignature

#: ms within which what somebody recorded could be sent again
MAX_TOLERANCE: Final = 3_600_000


def signature_problems(path: str, signature: Signature) -> Iterator[str]:
    """Every problem at once, each with its path below `path`."""
    if isinstance(signature, HmacSignature):
        yield from _hmac(path, signature)
    if isinstance(signature, TokenSignature | BasicSignature):
        return
    if not 0 < milliseconds(signature.tolerance) <= MAX_TOLERANCE:
        yield f"{path}.tolerance: must be more than nothing and at most an hour"


def _hmac(path: str, signature: HmacSignature) -> Iterator[str]:
    if signature.content.count("{body}") != 1:
        yield f"{path}.content: must hold {{body}} once"
    said = signature.content.count("{timestamp}")
    if signature.timestamp_header and said != 1:
        yield f"{path}.content: must hold {{timestamp}} once, or anybody could change the time"
    if said and not signature.timestamp_header:
        yield f"{path}.timestamp_header: needed, because the content holds {{timestamp}}"
