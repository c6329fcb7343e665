"""The definitions' editor: reads, checks, changes; issues API keys and signing secrets. Admin key only."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

import msgspec

from attune.domain.checks.definitions import check, users
from attune.domain.collection import api_keys
from attune.domain.definitions.kinds import KINDS, Definition, Definitions, decode_definition
from attune.domain.definitions.sources import WEBHOOK_TYPES, Source
from attune.domain.errors import AttuneError
from attune.domain.past.readiness import serves_at_once
from attune.domain.past.takeovers import KEPT_KINDS, Standing, assemble
from attune.ports import Clock, ConflictError, Key, Keys, Secrets
from attune.ports.editing import DefinitionStore
from attune.use_cases.definitions.show_definitions import show_standing, show_versions
from attune.use_cases.management.read_bodies import problem_line, read_body, read_value
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.show_times import iso

MIN_SECRET: Final = 8
MAX_LIVE_SECRETS: Final = 2
_ATTEMPTS: Final = 5

type Json = dict[str, Any]


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a request for an API key."""

    type: api_keys.KeyType
    role: api_keys.Role = api_keys.FULL


class SourceSecrets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body that sets what a source's webhooks are signed with, the newest first."""

    secrets: tuple[str, ...]


class ManageDefinitions:
    """`admin_key` answers the deployment's admin key; `random_bytes(n)` is a secure source of randomness."""

    def __init__(
        self,
        *,
        store: DefinitionStore,
        keys: Keys,
        webhook_secrets: Secrets,
        channel_secrets: Secrets,
        admin_key: Callable[[], str],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._keys = keys
        self._webhook_secrets = webhook_secrets
        self._channel_secrets = channel_secrets
        self._admin_key = admin_key
        self._clock = clock
        self._random_bytes = random_bytes

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def all_of(self, kind: str) -> Json:
        """`{"definitions": [{kind, id, version, definition}]}`, in order of id; of segments more, as `one` says."""
        _known_kind(kind)
        return {"definitions": [show_standing(kind, one) for one in self._store.standings(kind)]}

    def one(self, kind: str, definition_id: str) -> Json:
        """`{kind, id, version, definition}`, or 404 `unknown_definition`.

        Of segments and computed traits also `since`, `settled`, `pending_version`, `pending` and `takes_over_at`:
        `version` is the one that serves.
        """
        return show_standing(kind, self._standing(kind, definition_id))

    def past(self, kind: str, definition_id: str) -> Json:
        """`{"versions": [{version, applied_at, since, definition}]}`, newest first; `definition` is null of a deletion.

        `since`: when it began to serve, null if it never did.
        """
        _known_kind(kind)
        versions = self._store.history(kind, definition_id)
        if not versions:
            raise _unknown(kind, definition_id)
        return {"versions": show_versions(versions, self._clock())}

    def put(self, kind: str, definition_id: str, body: bytes) -> Json:
        """`{kind, id, version, changed}`; a document equal to the stored one changes nothing.

        Of segments, computed traits and purposes also `awaits_backfill`: a run has yet to bring all profiles in line,
        and `pending`: until it has, the version before goes on serving.
        """
        _known_kind(kind)
        definition = read_definition(kind, definition_id, body)
        for _ in range(_ATTEMPTS):
            stored = self._store.get(kind, definition_id)
            version, is_changed = stored[0] if stored else None, stored is None or stored[1] != definition
            if is_changed:
                stand = [one for each in KINDS for one in self._store.standings(each)]
                _refuse(check(definition, assemble(stand, self._clock())[0]))
                at_once = serves_at_once(definition, stand)
                try:
                    version = self._store.put(definition, read_version=version, at_once=at_once)
                except ConflictError:
                    continue
            return {"kind": kind, "id": definition_id, "version": version, "changed": is_changed} | self._awaits(
                kind, definition_id
            )
        raise _keeps_changing(kind, definition_id)

    def delete(self, kind: str, definition_id: str) -> Json:
        """`{kind, id, deleted}`; 409 `definition_in_use` while others refer to it."""
        for _ in range(_ATTEMPTS):
            version, _definition = self._stored(kind, definition_id)
            if using := users(kind, definition_id, self._everything()):
                raise AttuneError("definition_in_use", f"still referred to by {', '.join(using)}", status=409)
            try:
                self._store.delete(kind, definition_id, read_version=version)
            except ConflictError:
                continue
            return {"kind": kind, "id": definition_id, "deleted": True}
        raise _keeps_changing(kind, definition_id)

    def create_key(self, source: str, body: bytes) -> Json:
        """`{key_id, key, type, role}`: shown this once; 400 `invalid_body` for a browser's masked one."""
        self._stored("source", source)
        wanted = read_body(body, NewKey)
        if wanted.type == api_keys.BROWSER and wanted.role != api_keys.FULL:
            raise AttuneError("invalid_body", "$.role: a browser key sees nobody")
        key_id, key = api_keys.new_key(wanted.type, self._random_bytes)
        self._keys.add(
            Key(
                key_id=key_id,
                source=source,
                type=wanted.type,
                digest=api_keys.digest(key),
                created_at=self._clock(),
                role=wanted.role,
            )
        )
        return {"key_id": key_id, "key": key, "type": wanted.type, "role": wanted.role}

    def keys_of(self, source: str) -> Json:
        """`{keys: [{key_id, type, role, created_at}]}`, the oldest first; also of a source that was deleted."""
        shown = [
            {"key_id": key.key_id, "type": key.type, "role": key.role, "created_at": iso(key.created_at)}
            for key in self._keys.of(source)
        ]
        return {"keys": shown}

    def revoke_key(self, source: str, key_id: str) -> Json:
        """`{key_id, revoked}`: it fails within a minute, wherever it is used; 404 `unknown_key`."""
        if key_id not in {key.key_id for key in self._keys.of(source)}:
            raise AttuneError("unknown_key", f"source `{source}` has no key `{key_id}`", status=404)
        self._keys.remove(key_id)
        return {"key_id": key_id, "revoked": True}

    def put_source_secrets(self, source: str, body: bytes) -> Json:
        """`{source, live}`: how many secrets the source's webhooks may be signed with from now on."""
        _, definition = self._stored("source", source)
        if isinstance(definition, Source) and definition.type not in WEBHOOK_TYPES:
            raise AttuneError("source_without_webhooks", f"source `{source}` is of type {definition.type}: no webhooks")
        secrets = read_body(body, SourceSecrets).secrets
        if not 1 <= len(secrets) <= MAX_LIVE_SECRETS or any(len(secret) < MIN_SECRET for secret in secrets):
            raise AttuneError("invalid_secret", f"send one or two, each of {MIN_SECRET} characters or more")
        self._webhook_secrets.replace(source, secrets)
        return {"source": source, "live": len(secrets)}

    def create_channel_secret(self, channel: str) -> Json:
        """`{channel, secret}`; the previous one stays live, and messages are signed with both."""
        self._stored("channel", channel)
        secret = "whsec_" + base64.b64encode(self._random_bytes(32)).decode()
        live = (secret, *self._channel_secrets.live(channel))
        self._channel_secrets.replace(channel, live[:MAX_LIVE_SECRETS])
        return {"channel": channel, "secret": secret}

    def _awaits(self, kind: str, definition_id: str) -> Json:
        if kind not in (*KEPT_KINDS, "purpose"):
            return {}
        standing = self._standing(kind, definition_id)
        waits = standing.serving is not None and standing.takes_over_at is None
        return {"awaits_backfill": standing.awaits_run, "pending": waits}

    def _stored(self, kind: str, definition_id: str) -> tuple[int, Definition]:
        _known_kind(kind)
        stored = self._store.get(kind, definition_id)
        if stored is None:
            raise _unknown(kind, definition_id)
        return stored

    def _standing(self, kind: str, definition_id: str) -> Standing:
        _known_kind(kind)
        found = [one for one in self._store.standings(kind) if one.definition.id == definition_id]
        if not found:
            raise _unknown(kind, definition_id)
        return found[0]

    def _everything(self) -> Definitions:
        """Read consistently: the reader's snapshot may miss what was applied a second ago."""
        return assemble([one for kind in KINDS for one in self._store.standings(kind)], self._clock())[0]


def read_definition(kind: str, definition_id: str, body: bytes) -> Definition:
    """A definition from a request's body; 400 `invalid_definition` where types, kind or id do not fit."""
    try:
        definition = decode_definition(read_value(body))
    except msgspec.ValidationError as error:
        raise AttuneError("invalid_definition", problem_line(error)) from None
    stated = (
        ("kind", str(type(definition).__struct_config__.tag), kind),
        ("id", definition.id, definition_id),
    )
    _refuse([f"$.{field}: is `{own}`, the path says `{path}`" for field, own, path in stated if own != path])
    return definition


def _refuse(problems: list[str]) -> None:
    if problems:
        raise AttuneError("invalid_definition", "\n".join(problems))


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise AttuneError("unknown_kind", f"kinds are {', '.join(KINDS)}", status=404)


def _keeps_changing(kind: str, definition_id: str) -> AttuneError:
    return AttuneError("conflict", f"{kind} `{definition_id}` keeps changing; send it again", status=409)


def _unknown(kind: str, definition_id: str) -> AttuneError:
    return AttuneError("unknown_definition", f"there is no {kind} `{definition_id}`", status=404)
