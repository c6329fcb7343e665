"""By what everything that is stored of somebody can be known to be theirs, while it can still be known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.erasure.subjects import Subject, shared_rows
from attune.domain.identifiers import UNLINKING
from attune.domain.profiles.consent import PERSONALIZATION
from attune.domain.profiles.state import decode_profile
from attune.use_cases.profiles.find_profiles import ends

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from attune.domain.identifiers import Identifier
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.domain.profiles.profile import Profile
    from attune.ports import Identified, MergeIndex, ProfileItem, ProfileReader

#: generations of one founder that are looked for
_GENERATIONS: Final = 16
#: traits that are addresses too
_ADDRESSES: Final = ("email", "phone")


class GatherSubjects:
    """Reads consistently; writes nothing."""

    def __init__(self, profiles: ProfileReader, pseudonyms: Identified) -> None:
        self._profiles = profiles
        self._pseudonyms = pseudonyms

    def __call__(self, request: PrivacyRequest, named: Iterable[Identifier]) -> Subject:
        """Of whom `named` leads to; of an unknown person no more than their addresses."""
        keys = {self._pseudonyms.key(one): one.value for one in named}
        identities = self._profiles.identities(keys, consistent=True)
        wanted = {one.profile_id for one in identities.values() if one.profile_id}
        items = {item.profile_id: item for item in ends(self._profiles, wanted, consistent=True).values()}
        people = [decode_profile(item.state) for item in items.values() if item.state]
        for profile in people:
            keys |= {key: link.identifier.value for key, link in profile.links.items()}
        return Subject(
            request_id=request.request_id,
            variant=request.variant,
            suppressed=request.suppress,
            profile_ids=_sorted({*wanted, *items, *self._earlier(keys, items)}),
            identity_keys=_sorted(keys),
            values=_sorted({*keys.values(), *_addresses(people), *(one.value for one in request.identifiers)}),
            orders=_sorted(request.orders),
            pages=_sorted(page.hex() for item in items.values() for page in item.pages),
            shared=tuple(one for profile in people for one in shared_rows(profile)),
            first_day=_first_day(people),
            trained=any(_was_trained_on(profile) for profile in people),
            asked_at=request.started_at,
        )

    def _earlier(self, keys: Collection[str], roots: Mapping[str, ProfileItem]) -> list[str]:
        """Profiles that these identifiers founded and that are of the same people by now, or of nobody.

        Ids follow from their founders, so whoever was absorbed is found under the identifiers that came along.
        """
        identities = self._profiles.identities(keys, consistent=True)
        founded = {
            self._pseudonyms.profile_id(key, generation)
            for key in keys
            for generation in generations(identities[key].generation if key in identities else 0)
        }
        became = ends(self._profiles, founded, consistent=True)
        return [one for one, item in became.items() if item.profile_id in roots or item.erased_at is not None]


def unite(known: Subject, newer: Subject) -> Subject:
    """What was gathered twice: nothing that was known once is forgotten."""
    united: dict[str, Any] = {
        field: _sorted({*getattr(known, field), *getattr(newer, field)})
        for field in ("profile_ids", "identity_keys", "values", "orders", "pages")
    }
    shared = {(one.profile_id, one.version, one.keys): one for one in (*known.shared, *newer.shared)}
    return msgspec.structs.replace(
        known,
        **united,
        shared=tuple(shared.values()),
        mixed={one: max(known.mixed.get(one, 0), newer.mixed.get(one, 0)) for one in {**known.mixed, **newer.mixed}},
        first_day=min(filter(None, (known.first_day, newer.first_day)), default=""),
        trained=known.trained or newer.trained,
        erased_at=max(known.erased_at, newer.erased_at),
    )


def absorbed_by(merges: MergeIndex, profile_ids: Collection[str]) -> dict[str, str]:
    """Whoever was merged into one of these, over any merges between, each with the one of these it went into.

    The index tells of them a moment late: of who was merged just now, and whose founding identifier did not come along
    (by that `GatherSubjects` has them). So it is asked once more when all else is done.
    """
    found: dict[str, str] = {}
    for root in profile_ids:
        waiting = [root]
        while waiting:
            before = [one for one in merges.absorbed(waiting.pop()) if one not in found and one not in profile_ids]
            found |= dict.fromkeys(before, root)
            waiting += before
    return found


def generations(newest: int) -> list[int]:
    """Those tried before it: of each unlinking the first few."""
    raised, tried = divmod(newest, UNLINKING)
    few = min(tried + 1, _GENERATIONS)
    return [base * UNLINKING + one for base in range(min(raised + 1, _GENERATIONS)) for one in range(few)]


def _addresses(people: Iterable[Profile]) -> list[str]:
    """Addresses that people have as traits and that identify nobody, such as one too many."""
    said = (profile.trait_values().get(name) for profile in people for name in _ADDRESSES)
    return [value for value in said if isinstance(value, str) and value]


def _first_day(people: Iterable[Profile]) -> str:
    times = [time for one in people for time in (one.first_seen, *(link.at for link in one.links.values())) if time > 0]
    return datetime.fromtimestamp(min(times) / 1_000, UTC).strftime("%Y-%m-%d") if times else ""


def _was_trained_on(profile: Profile) -> bool:
    """In doubt they were: what a policy permitted of who said nothing is written down nowhere."""
    record = profile.consent.get(PERSONALIZATION)
    if record is None:
        return bool(profile.scores or profile.events)
    return bool(profile.scores) or record.granted or bool(record.since)


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
