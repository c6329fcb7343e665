"""What lies in Secrets Manager: maps of secrets by source or channel, single secrets, the identity secret."""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.identifiers import Identifier, identity_key, profile_id_for
from attune.ports import Clock, ConflictError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

#: ms; how long a replaced secret may still be used by a running function
LIFETIME: Final = 60_000
#: ms; how soon a name that had no secret is looked for again
MISSING_LIFETIME: Final = 2_000
#: identifiers whose keys are remembered: a few MB
_REMEMBERED: Final = 20_000
#: seconds between attempts to replace a map that others change at the same time
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4)


class SecretText:
    """One secret's text, cached."""

    def __init__(self, client: SecretsManagerClient, secret_id: str, *, clock: Clock, lifetime: int = LIFETIME) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._lifetime = lifetime
        self._read_at: int | None = None
        self._text = ""

    def value(self, *, lifetime: int | None = None) -> str:
        """At most `lifetime` ms old, or this secret's usual one."""
        now = self._clock()
        age = now - self._read_at if self._read_at is not None else -1
        if not 0 <= age < (self._lifetime if lifetime is None else lifetime):
            self._text = self._client.get_secret_value(SecretId=self._secret_id)["SecretString"]
            self._read_at = now
        return self._text


class SecretMap:
    """`Secrets`: a JSON object, name → live values, newest first, in one secret."""

    def __init__(self, client: SecretsManagerClient, secret_id: str, *, clock: Clock, lifetime: int = LIFETIME) -> None:
        self._client = client
        self._secret_id = secret_id
        self._cached = SecretText(client, secret_id, clock=clock, lifetime=lifetime)

    def live(self, name: str) -> tuple[str, ...]:
        """At most 60 s old; a name that is absent is looked for again after 2 s."""
        known = _decode(self._cached.value())
        if not known.get(name):
            known = _decode(self._cached.value(lifetime=MISSING_LIFETIME))
        return known.get(name, ())

    def replace(self, name: str, values: tuple[str, ...]) -> None:
        """Sets one name's values; `ConflictError` when others keep changing the map.

        Secrets Manager has no conditional write. But a version's id is the writer's to choose and is taken
        only once, so the id of the next version is derived from the version that was read: of two writers
        who read the same one, one fails.
        """
        for pause in (*_PAUSES, None):
            read = self._client.get_secret_value(SecretId=self._secret_id)
            changed = _decode(read["SecretString"]) | {name: values}
            try:
                self._client.put_secret_value(
                    SecretId=self._secret_id,
                    ClientRequestToken=hashlib.sha256(read["VersionId"].encode()).hexdigest(),
                    SecretString=msgspec.json.encode(changed, order="sorted").decode(),
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceExistsException":
                    raise
            else:
                self._cached.value(lifetime=0)
                return
            if pause is not None:
                time.sleep(pause)
        raise ConflictError("the secret map keeps changing")


class SecretPseudonyms:
    """`Identified` under the identity secret, which is read once: it is never rotated."""

    def __init__(self, client: SecretsManagerClient, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id
        self._secret: bytes | None = None
        # a visitor's every event names the same identifiers, and each is asked for several times on its way
        self._key = lru_cache(_REMEMBERED)(lambda identifier: identity_key(self.secret(), identifier))

    def key(self, identifier: Identifier) -> str:
        """The identity key, 32 hex digits."""
        return self._key(identifier)

    def profile_id(self, first: str, generation: int) -> str:
        """The profile id that an identity key founds."""
        return profile_id_for(self.secret(), first, generation)

    def secret(self) -> bytes:
        """The UTF-8 bytes of the secret's text."""
        if self._secret is None:
            self._secret = self._client.get_secret_value(SecretId=self._secret_id)["SecretString"].encode()
        return self._secret


_maps: Final = msgspec.json.Decoder(dict[str, tuple[str, ...]])


def _decode(text: str) -> dict[str, tuple[str, ...]]:
    return _maps.decode(text)
