"""Make a link under which a person sees and changes what they consent to, for a company's server to send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.consent.preference_links import PreferenceLink, link_token
from attune.domain.definitions.conditions import Duration, milliseconds
from attune.domain.errors import AttuneError
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.find_profiles import find
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.profiles.name_people import NamePeople

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.ports import Clock, DefinitionReader, Identified, Key, ProfileReader

#: a link in a message must work for as long as people keep messages; laws ask for 30 days and more
LASTS: Final = "90d"
#: ms
SHORTEST: Final = 60_000
LONGEST: Final = 400 * 86_400_000

type Json = dict[str, Any]


class LinkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: for how long the link works."""

    expires_in: Duration = LASTS


class LinkPreferences:
    """Callable. `secret` answers the deployment's identity secret, which signs links. Nothing is stored."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        secret: Callable[[], bytes],
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._secret = secret
        self._name = NamePeople(profiles, pseudonyms)
        self._clock = clock

    def __call__(self, address: str, body: bytes, key: Key, origin: str) -> Json:
        """`{url, expires_at}` for the person behind `namespace:value`; `origin`: what the url begins with.

        400 `invalid_identifier`, `invalid_body`; 404 `unknown_profile`.
        """
        asked = read_body(body, LinkRequest) if body else LinkRequest()
        lasts = milliseconds(asked.expires_in)
        if not SHORTEST <= lasts <= LONGEST:
            raise AttuneError("invalid_body", "$.expires_in: a link works for 1 minute to 400 days")
        now = self._clock()  # before they are looked up: who is erased in between is not who the link is for
        [meant, *_] = self._name([read_address(address)], key.source, self._definitions.current())[0]
        identity_key = self._pseudonyms.key(meant)
        item = find(self._profiles, [identity_key], consistent=True).get(identity_key)
        if item is None or not item.state:
            raise AttuneError("unknown_profile", "no profile has this identifier", status=404)
        expires_at = (now + lasts) // 1_000
        link = PreferenceLink(identity_key=identity_key, expires_at=expires_at, made_at=now, source=key.source)
        url = f"{origin}/v1/preferences/{link_token(self._secret(), link)}"
        return {"url": url, "expires_at": iso(expires_at * 1_000)}
