"""Signs a message as the Standard Webhooks specification says: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

_PREFIX: Final = "whsec_"
#: bytes of a secret, by the specification
_SHORTEST, _LONGEST = 24, 64


def sign(secrets: Sequence[str], webhook_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The three headers of one attempt at `timestamp` (epoch seconds).

    One signature for each live secret (`whsec_` and base64), so that a receiver can change over at any
    time. Raises ValueError where there is no secret or one is unusable: nothing leaves unsigned.
    """
    if not secrets:
        raise ValueError("no secret to sign with")
    moment = datetime.fromtimestamp(timestamp, tz=UTC)
    signatures = [Webhook(_key(secret)).sign(webhook_id, moment, body) for secret in secrets]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _key(secret: str) -> bytes:
    """Strictly: the library takes what is left of any text, and would sign with an empty or a short key."""
    text = secret.removeprefix(_PREFIX)
    key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"a secret has {_SHORTEST} to {_LONGEST} bytes")
    return key
