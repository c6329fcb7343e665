"""Why somebody is in a segment, or is not: now, by what the profile keeps, or at a past time, by the lake.

Whoever may not be segmented now is in none, and nothing is told of them but that, also of the past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.domain import segments
from attune.domain.consent.gate import Edge, Refused, allowed
from attune.domain.consent.holds import heard_with
from attune.domain.errors import AttuneError
from attune.domain.past.folding_apart import whose
from attune.domain.past.previews import drafted
from attune.domain.past.rebuilding import is_whole
from attune.domain.past.reliving import has_done, relive
from attune.domain.privacy.masking import MASKED, NO_MASK, Mask
from attune.domain.processing.working import Working
from attune.domain.profiles.consent import SEGMENT
from attune.domain.profiles.splits import unlinked_at
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import compile_segments
from attune.domain.segments.evidence import Seen
from attune.domain.segments.why import standings
from attune.ports.rebuilding import LakeSlowError
from attune.sources.payloads import parse_time
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.management.recognise_keys import require_server_key, sees_all
from attune.use_cases.management.show_times import iso
from attune.use_cases.past.open_events import open_events
from attune.use_cases.profiles.find_profiles import find
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.profiles.name_people import NamePeople

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.consent.gate import Allowed
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.past.rebuilding import Told
    from attune.domain.profiles.consent import Consent
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.compilation import Compiled
    from attune.domain.segments.why import Part, Standing
    from attune.ports import Clock, DefinitionReader, Holds, Identified, Key, Keys, ProfileItem, ProfileReader, Seal
    from attune.ports.rebuilding import History

#: things (carts) of one answer
MAX_THINGS: Final = 50
#: seconds until the same question may be answered from what the lake has been asked already
RETRY_AFTER: Final = 10

type Json = dict[str, Any]


class ExplainSegments:
    """Reads consistently and changes nothing. The lake is asked only about the past. A hold is heard like a record."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        holds: Holds,
        definitions: DefinitionReader,
        keys: Keys,
        pseudonyms: Identified,
        history: History,
        seal: Seal,
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._keys = keys
        self._pseudonyms = pseudonyms
        self._name = NamePeople(profiles, pseudonyms)
        self._history = history
        self._seal = seal
        self._clock = clock

    def authorise(self, token: str | None) -> Key:
        """The caller's server key; 401 `unknown_server_key`, or 403 `server_key_required` for a browser's."""
        return require_server_key(token, self._keys, self._definitions()[0])

    def __call__(self, address: str, segment: str, query: Mapping[str, str], caller: Key | None = None) -> Json:
        """Of the profile behind `namespace:value`; `query`: `at` (ISO 8601) and `key`, both optional.

        The address is read as the source of the caller's key names people.

        404 `unknown_profile`, `unknown_segment`; 400 `invalid_time`, `invalid_identifier`; 503 `lake_slow`.
        """
        definitions, compiled = self._definitions()
        if segment not in compiled.segments:
            waits = ": it waits until profiles hold what it asks about" if segment in definitions.pending else ""
            raise AttuneError("unknown_segment", f"there is no segment `{segment}`{waits}", status=404)
        item = self._find(address, caller)
        profile = decode_profile(item.state)
        now, held = max(self._clock(), profile.as_of), self._holds.held(profile.links)
        may_be_asked = allowed(Edge.SEGMENT, compiled.policies.in_use(profile), at=now, held=held)
        profile.consent = heard_with(profile.consent, held)
        at = _instant(query.get("at"), now)
        if not may_be_asked:
            consent = _consent(compiled.policies.record(profile, SEGMENT), may_be_asked)
            return _answer(profile, segment, now if at is None else at, consent) | {"lake": None}
        mask = NO_MASK if sees_all(caller) else Mask(definitions, (link.identifier for link in profile.links.values()))
        told: Sequence[Told] = ()
        lake = None
        if at is None:
            at = now
            segments.advance(compiled, profile, at)
            segments.evaluate(compiled, profile)
        else:
            told = self._told(profile, item.version)
            lake = {"events": len(told), "whole": is_whole(profile, told, unlinked_at(profile))}
            # alone, and as if it had always been as it is today
            definitions = drafted(definitions.segments[segment], definitions)
            compiled = compile_segments(definitions)
            profile = relive(profile, told, compiled, at)
        if not has_done(profile):
            raise AttuneError("unknown_profile", "nothing was known of this profile then", status=404)
        return self._shown((definitions, compiled), segment, profile, query.get("key"), told, mask) | {"lake": lake}

    def _find(self, address: str, caller: Key | None) -> ProfileItem:
        meant = read_address(address)
        if caller is not None:
            [[meant, *_]] = self._name([meant], caller.source, self._definitions()[0])
        key = self._pseudonyms.key(meant)
        item = find(self._profiles, [key], consistent=True).get(key)
        if item is None or not item.state:
            raise AttuneError("unknown_profile", "no profile has this identifier", status=404)
        return item

    def _told(self, profile: Profile, version: int) -> list[Told]:
        loaded = {profile.profile_id: Working(profile, version)}
        try:
            events = open_events(self._profiles, self._seal, loaded, self._history.rows)
        except LakeSlowError:
            raise AttuneError(
                "lake_slow",
                "the lake is still being read; send the same request again",
                status=503,
                retry_after=RETRY_AFTER,
            ) from None
        return whose(profile.splits, events[profile.profile_id], self._pseudonyms.key)

    def _shown(
        self,
        current: tuple[Definitions, Compiled],
        segment: str,
        profile: Profile,
        key: str | None,
        told: Sequence[Told],
        mask: Mask,
    ) -> Json:
        definitions, compiled = current
        may_be_asked = allowed(Edge.SEGMENT, compiled.policies.in_use(profile), at=profile.as_of)
        found = standings(compiled, definitions, segment, profile, key) if may_be_asked else []
        messages = {one.order: one.event.message_id for one in told}
        consent = _consent(compiled.policies.record(profile, SEGMENT), may_be_asked)
        return _answer(profile, segment, profile.as_of, consent) | {
            "in": any(one.inside for one in found),
            "things": len(found),
            "standings": [
                _standing(one, messages, mask, of_now=not told)
                for one in sorted(found, key=lambda one: (not one.inside, one.key))[:MAX_THINGS]
            ],
        }


def _instant(text: str | None, now: int) -> int | None:
    if text is None:
        return None
    at = parse_time(text)
    if at is None or at > now:
        raise AttuneError("invalid_time", "at must be a time in ISO 8601, and not in the future")
    return at


def _answer(profile: Profile, segment: str, at: int, consent: Json) -> Json:
    """What is told of anybody, and all that is of whom segments must not be asked."""
    known: Json = {"profile_id": profile.profile_id, "segment": segment, "at": iso(at), "consent": consent}
    return known | {"in": False, "things": 0, "standings": []}


def _consent(record: Consent | None, verdict: Allowed | Refused) -> Json:
    """Whether the purpose lets segments be asked at all, and if not why; the record that counts, and who said so."""
    return {
        "purpose": SEGMENT,
        "granted": bool(verdict),
        "reason": str(verdict.reason) if isinstance(verdict, Refused) else None,
        "at": iso(record.at) or None if record else None,
        "source": record.source if record else None,
    }


def _standing(standing: Standing, messages: Mapping[bytes, str], mask: Mask, *, of_now: bool) -> Json:
    """What campaigns were told is known of now only."""
    told = {"told_at": _iso(standing.told_at), "tells_at": _iso(standing.tells_at)} if of_now else {}
    return {
        "key": mask.value("", standing.key) or None,
        "in": standing.inside,
        "since": _iso(standing.since),
        "changes_at": _iso(standing.changes_at),
        **told,
        "condition": _part(standing.condition, messages, mask),
    }


def _part(part: Part, messages: Mapping[bytes, str], mask: Mask) -> Json:
    #: what a condition compares; a trait's name, or a property's path
    said = ".".join(str(part.says[field]) for field in ("trait", "property", "key") if part.says.get(field))
    value = part.rests_on.get("value")
    shown: Json = {
        "condition": _words(part.says, mask, hides=mask.value(said, value) != value),
        "holds": part.holds,
        "since": _iso(part.since),
        "changes_at": _iso(part.changes_at),
        "rests_on": {name: _evidence(name, value, messages, mask, said) for name, value in part.rests_on.items()},
    }
    return shown | ({"parts": [_part(one, messages, mask) for one in part.parts]} if part.parts else {})


def _words(says: Any, mask: Mask, *, hides: bool = False) -> Any:
    """As it is defined, without what is compared with something hidden: that it holds would tell the one by the other.

    `hides`: what the profile has is hidden, whatever it is called.
    """
    if isinstance(says, list | tuple):
        return [_words(one, mask) for one in says]
    if not isinstance(says, dict):
        return mask.value("", says)
    name = str(says.get("trait") or says.get("property") or "")
    return {
        field: (MASKED if hides else mask.value(name, one)) if field == "value" else _words(one, mask)
        for field, one in says.items()
    }


def _evidence(name: str, value: Any, messages: Mapping[bytes, str], mask: Mask, said: str) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], Seen):
        return [_seen(one, messages, mask, said) for one in value]
    return _iso(value) if name.endswith("_at") else mask.value(said, value)


def _seen(one: Seen, messages: Mapping[bytes, str], mask: Mask, said: str) -> Json:
    shown: Json = {"at": iso(one.time)}
    if one.value is not None:
        shown["value"] = mask.value(said, one.value)
    if one.order in messages:
        shown["message_id"] = mask.value("", messages[one.order])
    return shown


def _iso(instant: int | None) -> str | None:
    return None if instant is None else iso(instant) or None
