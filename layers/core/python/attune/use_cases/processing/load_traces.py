"""All that leads to who is about to be forgotten, and who was unlinked from them: their keys open each other's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.profiles.splits import old_sides
from attune.domain.profiles.state import decode_profile
from attune.use_cases.profiles.find_profiles import ends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.identity.resolution import Identity
    from attune.domain.profiles.profile import Profile
    from attune.ports import ProfileItem, ProfileStore


def load_traces(
    profiles: ProfileStore, identities: dict[str, Identity], items: dict[str, ProfileItem], pages: dict[bytes, bytes]
) -> tuple[dict[str, Identity], dict[str, ProfileItem], dict[bytes, bytes]]:
    """What was read, with the identities of all links of these profiles, whoever they lead to, and the pages of all.

    Read consistently.
    """
    items = dict(items)
    known = _decoded(items.values())
    links = {key for profile in known for key in profile.links} - identities.keys()
    identities = identities | profiles.identities(links, consistent=True)
    wanted = {identity.profile_id for identity in identities.values()}.union(*map(_others, known))
    asked = set(items)
    while wanted := wanted - asked:
        asked |= wanted
        found = ends(profiles, wanted, consistent=True)
        items |= found
        wanted = set().union(*map(_others, _decoded(found.values())))
    named = {reference for item in items.values() for reference in item.pages} - pages.keys()
    return identities, items, pages | (profiles.pages(named) if named else {})


def _decoded(items: Iterable[ProfileItem]) -> list[Profile]:
    return [decode_profile(item.state) for item in items if item.state]


def _others(profile: Profile) -> set[str]:
    """Ids that lead to those from whom somebody was unlinked, either way."""
    return old_sides(profile) | {split.other for split in profile.splits.values() if split.is_new}
