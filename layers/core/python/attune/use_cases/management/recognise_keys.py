"""Which API key a caller holds, if it is one of ours; and whether it is the deployment's admin key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from attune.domain.collection import api_keys
from attune.domain.errors import AttuneError

if TYPE_CHECKING:
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
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


def require_write_key(token: object, origin: str | None, keys: Keys, definitions: Definitions) -> tuple[Key, Source]:
    """The caller's key, of either type, and its source; 401 `unknown_write_key`, 403 `origin_not_allowed`.

    A source that lists origins answers no browser from elsewhere; servers send no `Origin`.
    """
    key = recognise(token if isinstance(token, str) else None, keys, definitions)
    if key is None:
        raise AttuneError("unknown_write_key", "the write key is missing or not known", status=401)
    source = definitions.sources[key.source]
    if source.origins and origin is not None and origin.lower() not in source.origins:
        raise AttuneError("origin_not_allowed", "this source does not accept calls from this origin", status=403)
    return key, source


def require_server_key(token: str | None, keys: Keys, definitions: Definitions) -> Key:
    """The caller's server key; 401 `unknown_server_key`, or 403 `server_key_required` for a browser's."""
    key = recognise(token, keys, definitions)
    if key is None:
        raise AttuneError("unknown_server_key", "send a server key as Authorization: Bearer", status=401)
    if key.type != "server":
        raise AttuneError("server_key_required", "a browser key reads and changes no profile", status=403)
    return key


def sees_all(key: Key | None) -> bool:
    """Whether a caller is shown people's addresses. In doubt not: only a key that says so; None is no caller but us."""
    return key is None or key.role == api_keys.FULL


def require_admin(token: str | None, known: str) -> None:
    """401 `unknown_admin_key` unless `token` is the admin key, `known`."""
    # hashes, because compare_digest tells apart lengths and refuses what is not ASCII
    if not (token and known and hmac.compare_digest(api_keys.digest(token), api_keys.digest(known))):
        raise AttuneError("unknown_admin_key", "send the admin key as Authorization: Bearer", status=401)
