"""Which API key a caller holds, if it is one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain import api_keys

if TYPE_CHECKING:
    from attune.domain.definitions import Definitions
    from attune.ports import Key, Keys


def recognise(token: str | None, keys: Keys, definitions: Definitions) -> Key | None:
    """The stored key that `token` is, or None: unknown, altered, of another type, or of a source that is gone.

    Nothing of the token is believed before its digest is compared, in constant time.
    """
    parts = api_keys.read_key(token or "")
    key = keys.key(parts.key_id) if parts else None
    if token is None or parts is None or key is None or not api_keys.matches(key.digest, token):
        return None
    return key if key.type == parts.type and key.source in definitions.sources else None
