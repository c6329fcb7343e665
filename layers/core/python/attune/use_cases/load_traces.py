"""All that leads to who is about to be forgotten, and who was unlinked from them: their keys open each other's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.profile_state import decode_profile
from attune.domain.splits import old_sides
from attune.use_cases.find_profiles import ends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.profiles import Profile
    from attune.ports import ProfileItem, ProfileStore
    from attune.use_cases.load_working_sets import Component


def with_traces(profiles: ProfileStore, component: Component) -> Component:
    """The component with the identities of all links of its profiles, and whoever these lead to; read consistently."""
    items = dict(component.items)
    known = _decoded(items.values())
    links = {key for profile in known for key in profile.links} - component.identities.keys()
    identities = component.identities | profiles.identities(links, consistent=True)
    wanted = {identity.profile_id for identity in identities.values()}.union(*map(_others, known))
    asked = set(items)
    while wanted := wanted - asked:
        asked |= wanted
        found = ends(profiles, wanted, consistent=True)
        items |= found
        wanted = set().union(*map(_others, _decoded(found.values())))
    named = {reference for item in items.values() for reference in item.pages} - component.pages.keys()
    pages = component.pages | (profiles.pages(named) if named else {})
    return msgspec.structs.replace(component, items=items, identities=identities, pages=pages)


def _decoded(items: Iterable[ProfileItem]) -> list[Profile]:
    return [decode_profile(item.state) for item in items if item.state]


def _others(profile: Profile) -> set[str]:
    """Ids that lead to those from whom somebody was unlinked, either way."""
    return old_sides(profile) | {split.other for split in profile.splits.values() if split.is_new}
