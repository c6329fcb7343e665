"""What definitions say of consent, looked up: what holds of who said nothing, and how long a grant lasts. Pure.

What a definition says is never written into a profile: it is applied to what was said whenever that is asked, so that
a changed policy, country or notice counts at once, and nothing that it permitted outlives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.conditions import milliseconds
from attune.domain.consent import STORE, Consent
from attune.domain.purposes import DEFAULTS, Purpose, purposes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.definitions import Definitions
    from attune.domain.events import Event
    from attune.domain.profiles import Profile

#: where somebody is, and it cannot be read: every purpose is asked for first
UNREADABLE: Final = "??"
#: traits that tell of it, the first one first
_PLACES: Final[tuple[str, ...]] = ("address", "country")
#: a source of a record that nobody said: `policy:US-CA`
POLICY: Final = "policy:"


@dataclass(frozen=True, slots=True)
class Policies:
    """Of one snapshot of definitions."""

    purposes: dict[str, Purpose]
    #: by purpose: ms that a grant lasts
    lifetimes: dict[str, int]
    #: by purpose: since when (ms) each version of its notice was shown
    notices: dict[str, dict[str, int]]
    #: by purpose: instants at which its notice asks again, ascending
    asks: dict[str, tuple[int, ...]]
    #: the jurisdiction of a source's people
    countries: dict[str, str]
    #: purposes that are permitted somewhere to who said nothing
    permissive: tuple[str, ...]
    #: whether what was said is not all that counts
    decides: bool
    #: whether a grant may end by itself
    expires: bool

    @property
    def keeps_unidentified(self) -> bool:
        """Whether events that may not be stored are counted all the same, as nobody's."""
        return self.purposes[STORE].without == "keep_unidentified"

    def standing(self, profile: Profile) -> Mapping[str, Consent]:
        """The records that count for somebody: theirs, and where they said nothing, the policy's where they live."""
        if not self.decides:
            return profile.consent
        return self.applied(profile.consent, self.places_of(profile) if self.permissive else ())

    def applied(self, consent: Mapping[str, Consent], places: Sequence[str]) -> dict[str, Consent]:
        """`standing`, of records and jurisdictions."""
        stand = {name: self.ends(name, record) for name, record in consent.items()}
        for name in self.permissive:
            if name not in stand and (found := self.basis(name, places)) is not None:
                stand[name] = found
        return stand

    def record(self, profile: Profile, purpose: str) -> Consent | None:
        """The one of `standing`, without the others."""
        known = profile.consent.get(purpose)
        if known is not None:
            return self.ends(purpose, known) if self.asks else known
        return self.basis(purpose, self.places_of(profile)) if purpose in self.permissive else None

    def basis(self, purpose: str, places: Sequence[str]) -> Consent | None:
        """What is permitted in all of these to who said nothing; as old as can be, and any word goes before it."""
        if any(self.policy(purpose, place) == "opt_in" for place in places or ("",)):
            return None
        return Consent(True, 0, f"{POLICY}{places[0] if places else 'default'}", stated=False)

    def policy(self, purpose: str, country: str) -> str:
        """Of a part of a country its own, else the country's, else the purpose's; in doubt `opt_in`."""
        defined = self.purposes.get(purpose)
        if defined is None or country == UNREADABLE:
            return "opt_in"
        for place in (country, country.partition("-")[0]):
            if place in defined.jurisdictions:
                return defined.jurisdictions[place]
        return defined.policy

    def ends(self, purpose: str, record: Consent) -> Consent:
        """With the instant at which a notice that asks again ends it, if that is sooner."""
        asks = self.asks.get(purpose, ())
        end = next((at for at in asks if at > record.at), 0) if record.granted and record.at else 0
        if not end or 0 < record.until <= end:
            return record
        return msgspec.structs.replace(record, until=end)

    def lasts_until(self, purpose: str, event: Event) -> int:
        """The instant at which a grant ends by itself that the event gives; 0 for never.

        One that was given under a notice which another had replaced by then, and which asks again, never counts.
        """
        granted_at = event.time
        shown = self.notices.get(purpose, {}).get(event.evidence.get("notice", ""))
        if shown is not None and any(shown < at <= granted_at for at in self.asks.get(purpose, ())):
            return granted_at
        lifetime = self.lifetimes.get(purpose)
        return granted_at + lifetime if lifetime else 0

    def country_of(self, profile: Profile) -> str:
        """Where somebody is, to be shown: by their address, else their trait `country`, else where events came from."""
        return next(iter(self.places_of(profile)), "")

    def places_of(self, profile: Profile) -> tuple[str, ...]:
        """Everywhere that somebody is said to be: by their address, their trait `country` and where events came from.

        What is permitted is permitted in all of these: whoever may add one can only make it stricter.
        """
        traits = {name: profile.traits[name].value for name in _PLACES if name in profile.traits}
        return _codes(traits, profile.place.value if profile.place else "")

    def places_after(self, profile: Profile | None, event: Event, source: str, *, own: bool) -> tuple[str, ...]:
        """`places_of`, once the event is heard; of nobody yet what the event tells.

        `own`: whoever sends it speaks for the person; else what was known before counts beside it.
        """
        known = profile.traits if profile else {}
        traits = {name: known[name].value for name in _PLACES if name in known}
        for name in _PLACES:
            if name in event.traits and (name not in known or event.time >= known[name].time):
                traits[name] = event.traits[name]
        told, place = self.told_by(event, source), profile.place if profile else None
        if place is not None and (not told or event.time < place.time):
            told = place.value
        after = _codes(traits, told)
        return after if own or profile is None else (*self.places_of(profile), *after)

    def told_by(self, event: Event, source: str) -> str:
        """The jurisdiction that an event came from; "" where neither it nor its source says."""
        return read_place(event.context.get("location")) or self.countries.get(source, "")


def read_place(told: Any) -> str:
    """`DE`, or `US-CA` where a part of the country is told too; "" where nothing is, `UNREADABLE` if no code is.

    `told`: the code of a country (alpha-2 or -3, in any case) or an object with `country` and `region` or `state`.
    """
    part = None
    if isinstance(told, dict):
        part = told.get("region") or told.get("state")
        told = told.get("country")
    if told is None or told == "":
        return ""
    # Loaded where policies differ from place to place.
    from attune.domain.values import country as read_country

    try:
        code = read_country(told)
    except ValueError:
        return UNREADABLE
    text = part.strip().upper().removeprefix(f"{code}-") if isinstance(part, str) else ""
    return f"{code}-{text}" if 0 < len(text) <= 3 and text.isascii() and text.isalnum() else code  # noqa: PLR2004


def policies_of(definitions: Definitions) -> Policies:
    """Call once for a snapshot."""
    purposes = purposes_of(definitions)
    notices = {name: _shown(purpose) for name, purpose in purposes.items() if purpose.notices}
    asks = {
        name: tuple(sorted(notices[name][one.version] for one in purpose.notices if one.asks_again))
        for name, purpose in purposes.items()
        if any(one.asks_again for one in purpose.notices)
    }
    lifetimes = {name: milliseconds(one.expires_after) for name, one in purposes.items() if one.expires_after}
    permissive = tuple(sorted(name for name, one in purposes.items() if _is_permissive(one)))
    return Policies(
        purposes=purposes,
        lifetimes=lifetimes,
        notices=notices,
        asks=asks,
        countries={source.id: source.country for source in definitions.sources.values() if source.country},
        permissive=permissive,
        decides=bool(permissive or asks),
        expires=bool(lifetimes or asks),
    )


def _is_permissive(purpose: Purpose) -> bool:
    return purpose.policy == "opt_out" or "opt_out" in purpose.jurisdictions.values()


def _shown(purpose: Purpose) -> dict[str, int]:
    # Later than this module: segments rest on it.
    from attune.domain.segments.comparisons import instant

    return {one.version: instant(one.since) or 0 for one in purpose.notices}


def _codes(traits: Mapping[str, Any], place: str) -> tuple[str, ...]:
    address = traits.get("address")
    told = (read_place(address) if isinstance(address, dict) else "", read_place(traits.get("country")), place)
    return tuple(code for code in told if code)


#: where nothing is defined
PLAIN: Final = Policies(
    purposes=DEFAULTS, lifetimes={}, notices={}, asks={}, countries={}, permissive=(), decides=False, expires=False
)
