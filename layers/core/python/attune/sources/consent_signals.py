"""What a browser and the consent tools on its page say of consent, by the names that they have for it.

| where | what is said | of |
|---|---|---|
| `context.consent.categoryPreferences` | category → true or false | the source's `consent_categories`; a purpose of that name; purposes whose `signals` name it |
| `context.consent.oneTrustGroups` | `C0002:1,C0004:0`, also URL-encoded; or `,C0002,`, which refuses the groups that it leaves out | the same |
| `context.consent.googleConsentMode` | signal → `granted` or `denied`; one that is null or not there says nothing | purposes whose `signals` name it |
| the header `Sec-GPC: 1` | no selling and no sharing | purposes whose `signals` name `gpc`; it only ever withdraws |

Whatever is said of a purpose must agree: one refusal refuses. A category that the source maps and that
`categoryPreferences` leave out has not been chosen: what it stands for is not granted by the others, nor does the source
vouch for it beside them. Where they are empty, nothing has been chosen, and all that the source maps is refused.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import msgspec

from attune.domain.definitions.kinds import purposes_of
from attune.domain.definitions.purposes import DEFAULTS
from attune.sources.payloads import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.purposes import Purpose
    from attune.domain.definitions.sources import Source

GPC: Final = "gpc"
_PREFERENCES: Final = "categoryPreferences"
#: what is said is of no purpose that anybody asks for: necessary cookies, and Google's word for the like
_OF_NO_PURPOSE: Final = frozenset({"C0001", "functionality_storage", "security_storage"})
_GROUP: Final = re.compile(r"\s*([A-Za-z0-9_-]{1,64})\s*:\s*([01])\s*")
#: OneTrust's `OnetrustActiveGroups`: the groups that are on
_ACTIVE: Final = re.compile(r",(?:[A-Za-z0-9_-]{1,64},)+")
#: signals that cannot be groups of OneTrust's
_NO_GROUP: Final = re.compile(r"gpc|ad_user_data|ad_personalization|[a-z]+_storage")
#: where Google's default counts; and how long it is waited for another word
_REGION: Final = "region"
_SETTINGS: Final = frozenset({_REGION, "wait_for_update"})
#: characters; as definitions have it
_LONGEST_VERSION: Final = 32

CONTRADICTION: Final = "consent_contradiction"
UNKNOWN: Final = "unknown_purpose"
#: notes that an operator should hear of
DOUBTS: Final = frozenset({CONTRADICTION, UNKNOWN, "unknown_status"})


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says of consent, by purpose; how it was said (`Event.evidence`); and what was odd about it."""

    consent: dict[str, bool] = {}
    evidence: dict[str, str] = {}
    notes: tuple[str, ...] = ()


SILENCE: Final = Said()


def _signals_of(purpose: Purpose) -> tuple[str, ...]:
    """Who describes a purpose anew, and says nothing of signals, does not mean that they are to be ignored."""
    usual = DEFAULTS.get(purpose.id)
    return purpose.signals or (usual.signals if usual else ())


class ConsentSignals:
    """What names mean, by the purposes that are defined; made once for each change of them."""

    def __init__(self, purposes: Mapping[str, Purpose]) -> None:
        self.purposes: Final = frozenset(purposes)
        self._named: Final[dict[str, tuple[str, ...]]] = {}
        for purpose in purposes.values():
            for signal in _signals_of(purpose):
                self._named[signal] = (*self._named.get(signal, ()), purpose.id)

    def of_category(self, category: str, source: Source) -> tuple[str, ...] | None:
        """The purposes that a banner's category stands for; None where nobody knows."""
        mapped = source.consent_categories.get(category)
        if mapped is None and category in self.purposes:
            return (category,)
        return self.of_signal(category) if mapped is None else mapped

    def told_to(self, source: Source) -> Source:
        """The source as if it said itself what `of_category` answers, for formats that ask nobody else."""
        mapped = {**self._named, **{one: (one,) for one in self.purposes}, **source.consent_categories}
        return msgspec.structs.replace(source, consent_categories=mapped)

    def groups(self, source: Source) -> list[str]:
        """What OneTrust may have asked under: the source's categories, and signals that are of no other tool."""
        return [*source.consent_categories, *(name for name in self._named if not _NO_GROUP.fullmatch(name))]

    def of_signal(self, signal: str) -> tuple[str, ...] | None:
        """The purposes that a signal speaks of; None where nobody knows."""
        return self._named.get(signal, () if signal in _OF_NO_PURPOSE else None)


class KnownSignals:
    """Callable with a snapshot of the definitions; made anew only when another one comes."""

    def __init__(self) -> None:
        self._known: tuple[Definitions, ConsentSignals] | None = None

    def __call__(self, definitions: Definitions) -> ConsentSignals:
        """By all purposes that are known."""
        if self._known is None or self._known[0] is not definitions:
            self._known = definitions, ConsentSignals(purposes_of(definitions))
        return self._known[1]


#: of the purposes that are there where nobody defines any
USUAL: Final = ConsentSignals(DEFAULTS)


def hear(consent: Mapping[str, Any], source: Source, signals: ConsentSignals, *, gpc: bool, method: str) -> Said:
    """What `context.consent` and the browser itself say; `method`: what a banner's word is, in this event.

    Raises `UnreadableError` `invalid_consent`: what cannot be read must not be taken for silence, for which the source
    may vouch.
    """
    if not consent and not gpc:
        return SILENCE
    unknown: set[str] = set()
    banner = _preferences(consent, source, signals, unknown)
    if banner and len(consent) == 1 and not gpc:
        # what nearly every event says, and nothing beside it
        return Said(consent=banner, evidence={"method": method}, notes=(UNKNOWN,) if unknown else ())
    heard = [
        (method, banner),
        (method, _groups(consent, source, signals, unknown)),
        ("consent_mode", _modes(consent, signals, unknown)),
        ("gpc", dict.fromkeys(signals.of_signal(GPC) or (), False) if gpc else {}),
    ]
    said, by, contradicts = _together(heard)
    notes = ((UNKNOWN,) if unknown else ()) + ((CONTRADICTION,) if contradicts else ())
    return Said(consent=said, evidence=_evidence(by, consent, method), notes=notes)


def _preferences(
    consent: Mapping[str, Any], source: Source, signals: ConsentSignals, unknown: set[str]
) -> dict[str, bool]:
    """By purpose, in one pass: nearly every event has them."""
    preferences = _object(consent, _PREFERENCES)
    mapped, known = source.consent_categories, signals.purposes
    said: dict[str, bool] = {}
    if not preferences:
        return dict.fromkeys(_mapped(source), False) if consent.get(_PREFERENCES) is not None else said
    for category, granted in preferences.items():
        if granted is not True and granted is not False:
            raise UnreadableError("invalid_consent")
        if category in known and category not in mapped:
            said[category] = granted and said.get(category, True)
        else:
            _add(said, signals.of_category(category, source), category, unknown, granted=granted)
    for category in mapped.keys() - preferences.keys():
        for purpose in mapped[category]:
            if said.get(purpose) and preferences.get(purpose) is not True:
                del said[purpose]
    return said


def _mapped(source: Source) -> Iterable[str]:
    """The purposes that the categories of its banner stand for."""
    return chain.from_iterable(source.consent_categories.values())


def vouched(consent: Mapping[str, Any], source: Source) -> dict[str, bool]:
    """The source's basis for an event: of what a banner asks, the banner speaks and not the source."""
    preferences = consent.get(_PREFERENCES)
    if preferences is None or not source.consent:
        return source.consent
    asked = frozenset(_mapped(source)) if preferences else source.consent.keys()
    return {purpose: granted for purpose, granted in source.consent.items() if purpose not in asked}


def _groups(consent: Mapping[str, Any], source: Source, signals: ConsentSignals, unknown: set[str]) -> dict[str, bool]:
    text = consent.get("oneTrustGroups")
    if text is None or text == "":
        return {}
    if not isinstance(text, str):
        raise UnreadableError("invalid_consent")
    said: dict[str, bool] = {}
    for group, granted in _chosen(unquote(text), source, signals):
        _add(said, signals.of_category(group, source), group, unknown, granted=granted)
    return said


def _chosen(text: str, source: Source, signals: ConsentSignals) -> list[tuple[str, bool]]:
    """Group by group, as the cookie has them; of a list of those that are on, all others are off."""
    if _ACTIVE.fullmatch(text):
        active = dict.fromkeys(text.strip(",").split(","), True)
        return list((dict.fromkeys(signals.groups(source), False) | active).items())
    parts = [part for part in text.split(",") if part.strip()]
    chosen = [(match[1], match[2] == "1") for part in parts if (match := _GROUP.fullmatch(part))]
    if not chosen or len(chosen) < len(parts):
        raise UnreadableError("invalid_consent")
    return chosen


def _modes(consent: Mapping[str, Any], signals: ConsentSignals, unknown: set[str]) -> dict[str, bool]:
    modes = _object(consent, "googleConsentMode")
    said: dict[str, bool] = {}
    for signal, word in modes.items():
        if word is None or signal in _SETTINGS:
            continue
        if word not in ("granted", "denied"):
            raise UnreadableError("invalid_consent")
        _add(said, signals.of_signal(signal), signal, unknown, granted=word == "granted")
    if modes.get(_REGION) is None:
        return said
    # whether the person is there is not said: what is granted for a region may be of others
    return {purpose: granted for purpose, granted in said.items() if not granted}


def _object(consent: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = consent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError("invalid_consent")
    return value


def _add(
    said: dict[str, bool], purposes: tuple[str, ...] | None, name: str, unknown: set[str], *, granted: bool
) -> None:
    """Where two names of one tool speak of one purpose, both must grant it."""
    if purposes is None:
        unknown.add(name)
    else:
        for purpose in purposes:
            said[purpose] = granted and said.get(purpose, True)


def _together(heard: Iterable[tuple[str, dict[str, bool]]]) -> tuple[dict[str, bool], dict[str, str], bool]:
    """What all say together, whose word decided, by purpose, and whether one granted what another refused."""
    said: dict[str, bool] = {}
    by: dict[str, str] = {}
    contradicts = False
    for method, words in heard:
        for purpose, granted in words.items():
            contradicts = contradicts or said.get(purpose, granted) != granted
            if purpose not in said or (said[purpose] and not granted):
                said[purpose], by[purpose] = granted, method
    return said, by, contradicts


def _evidence(by: Mapping[str, str], consent: Mapping[str, Any], method: str) -> dict[str, str]:
    """`method` of the event, `<purpose>` where it was another, `notice` the version that was shown, if it says so."""
    if not by:
        return {}
    methods = set(by.values())
    usual = methods.pop() if len(methods) == 1 else method
    others = {purpose: one for purpose, one in by.items() if one != usual}
    notice = consent.get("notice")
    shown = {"notice": notice} if isinstance(notice, str) and 0 < len(notice) <= _LONGEST_VERSION else {}
    return {"method": usual} | shown | others
