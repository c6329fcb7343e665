"""What definitions say of consent, looked up: what holds of who said nothing, and how long a grant lasts. Pure.

What a definition says is never written into a profile: it is applied to what was said whenever that is asked, so that
a changed policy, country or notice counts at once, and nothing that it permitted outlives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.consent.trait_lifetimes import FOR_GOOD, TraitLifetimes, lifetimes_of
from attune.domain.definitions.conditions import instant, milliseconds
from attune.domain.definitions.kinds import purposes_of
from attune.domain.definitions.purposes import DEFAULTS, Purpose
from attune.domain.profiles.consent import RESTRICTION, STORE, Consent
from attune.domain.profiles.profile import Trait, newer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.events import Event
    from attune.domain.profiles.profile import Profile

#: where somebody is, and it cannot be read: every purpose is asked for first
UNREADABLE: Final = "??"
#: traits that tell of it, the first one first
PLACES: Final[tuple[str, ...]] = ("address", "country")
#: a source of a record that nobody said: `policy:US-CA`
POLICY: Final = "policy:"
#: by how much (ms) the times of what a browser sends in several requests may be out of order
SKEW: Final = 60_000


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
    #: how long traits are kept
    traits: TraitLifetimes = FOR_GOOD

    @property
    def keeps_unidentified(self) -> bool:
        """Whether events that may not be stored are counted all the same, as nobody's."""
        return self.purposes[STORE].without == "keep_unidentified"

    def standing(self, profile: Profile) -> Mapping[str, Consent]:
        """The records that count for somebody: theirs, and where they said nothing, the policy's where they live."""
        if not self.decides:
            return profile.consent
        if not self.permissive:
            return self.applied(profile.consent, ())
        return self.applied(profile.consent, self.places_of(profile), self.placed_until(profile))

    def in_use(self, profile: Profile) -> Mapping[str, Consent]:
        """`standing`, restricted for as long as the profile holds what was done after storing had been withdrawn.

        A withdrawal that reaches us late leaves behind what was stored meanwhile. Nothing is done with any of it until
        a rebuild has taken that out: by then the last thing that is known was done before. Less than `SKEW` after it is
        no later: an event's time tells no better what was done first.
        """
        consent, stored = self.standing(profile), profile.consent.get(STORE)
        if stored is None or stored.granted or not profile.events:
            return consent
        if profile.last_seen - SKEW < (stored.since or stored.at):
            return consent
        return {**consent, RESTRICTION: Consent(False, stored.at, stored.source)}

    def applied(self, consent: Mapping[str, Consent], places: Sequence[str], until: int = 0) -> dict[str, Consent]:
        """`standing`, of records and jurisdictions, which are known until an instant (0: for good)."""
        stand = {name: self.ends(name, record) for name, record in consent.items()}
        for name in self.permissive:
            if name not in stand and (found := self.basis(name, places, until)) is not None:
                stand[name] = found
        return stand

    def record(self, profile: Profile, purpose: str) -> Consent | None:
        """The one of `standing`, without the others."""
        known = profile.consent.get(purpose)
        if known is not None:
            return self.ends(purpose, known) if self.asks else known
        if purpose not in self.permissive:
            return None
        return self.basis(purpose, self.places_of(profile), self.placed_until(profile))

    def basis(self, purpose: str, places: Sequence[str], until: int = 0) -> Consent | None:
        """What is permitted in all of these to who said nothing; as old as can be, and any word goes before it."""
        if any(self.policy(purpose, place) == "opt_in" for place in places or ("",)):
            return None
        return Consent(True, 0, f"{POLICY}{places[0] if places else 'default'}", stated=False, until=until)

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

    def country_of(self, profile: Profile, at: int) -> str:
        """Where somebody is, to be shown: by their address, else their trait `country`, else where events came from."""
        words = self.traits.held(_words(profile), at)
        return next(iter(_codes(words, profile.place.value if profile.place else "")), "")

    def places_of(self, profile: Profile) -> tuple[str, ...]:
        """Everywhere that somebody is said to be: by their address, their trait `country` and where events came from.

        What is permitted is permitted in all of these: whoever may add one can only make it stricter. A word whose
        time was up leaves a doubt, until that trait is said again: else its end would permit what it forbade.
        """
        words = _words(profile)
        return _codes(words, profile.place.value if profile.place else "") + _doubt(profile, words)

    def placed_until(self, profile: Profile | None, event: Event | None = None) -> int:
        """When a word of where somebody is goes, once an event is heard, and a doubt comes (ms); 0 for never."""
        if not self.traits:
            return 0
        told = {name: word for name, word in _words(profile, event).items() if tells_place(name, word.value)}
        return self.traits.first_end(told) or 0

    def places_after(self, profile: Profile | None, event: Event, source: str, *, own: bool) -> tuple[str, ...]:
        """`places_of`, once the event is heard; of nobody yet what the event tells.

        `own`: whoever sends it speaks for the person; else what was known before counts beside it.
        """
        words = _words(profile, event)
        told, place = self.told_by(event, source), profile.place if profile else None
        if place is not None and (not told or event.time < place.time):
            told = place.value
        after = _codes(words, told) + (_doubt(profile, words) if profile else ())
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
    from attune.domain.collection.values import country as read_country

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
        traits=lifetimes_of(purposes.values()),
    )


def _is_permissive(purpose: Purpose) -> bool:
    return purpose.policy == "opt_out" or "opt_out" in purpose.jurisdictions.values()


def _shown(purpose: Purpose) -> dict[str, int]:
    return {one.version: instant(one.since) or 0 for one in purpose.notices}


def tells_place(name: str, value: Any) -> bool:
    """Whether the trait tells where somebody is, readable or not."""
    return bool(_code(name, value))


def _words(profile: Profile | None, event: Event | None = None) -> dict[str, Trait]:
    """What traits tell of where somebody is, once an event is heard."""
    known = profile.traits if profile else {}
    words = {name: known[name] for name in PLACES if name in known}
    for name in PLACES:
        if event and name in event.traits and (name not in known or event.time >= known[name].time):
            words[name] = Trait(event.traits[name], event.time, b"")
    return words


def _codes(words: Mapping[str, Trait], place: str) -> tuple[str, ...]:
    told = (*(_code(name, words[name].value) for name in PLACES if name in words), place)
    return tuple(code for code in told if code)


def _code(name: str, value: Any) -> str:
    return read_place(value) if name == "country" or isinstance(value, dict) else ""


def _doubt(profile: Profile, words: Mapping[str, Trait]) -> tuple[str, ...]:
    """Whether something told it that is gone, and nothing was said in its place."""
    gone = (one for name, one in profile.gone.items() if name not in words or newer(words[name], one) is one)
    return (UNREADABLE,) if any(one.value for one in gone) else ()


#: where nothing is defined
PLAIN: Final = Policies(
    purposes=DEFAULTS, lifetimes={}, notices={}, asks={}, countries={}, permissive=(), decides=False, expires=False
)
