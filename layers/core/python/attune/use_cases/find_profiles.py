"""From identifiers to the profiles they belong to today, over any merges in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.ports import ProfileItem, ProfileReader


def find(reader: ProfileReader, keys: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
    """The live profile item behind each identity key; unknown keys are absent."""
    identities = reader.identities(keys, consistent=consistent)
    items = live(reader, {identity.profile_id for identity in identities.values()}, consistent=consistent)
    return {key: items[identity.profile_id] for key, identity in identities.items() if identity.profile_id in items}


def live(reader: ProfileReader, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
    """For each profile id the item it has become, after following merges; ids never stored are absent."""
    known: dict[str, ProfileItem] = {}
    wanted = set(profile_ids)
    while wanted:
        found = reader.items(wanted, consistent=consistent)
        if not consistent and (missing := wanted - found.keys()):
            # what something points to exists: a read that does not show it yet is too old to go by
            found |= reader.items(missing, consistent=True)
        known |= found
        wanted = {item.merged_into for item in found.values() if item.merged_into} - known.keys()
    return {profile_id: _end(known, profile_id) for profile_id in profile_ids if profile_id in known}


def current(reader: ProfileReader, profile_id: str, *, consistent: bool) -> ProfileItem | None:
    """The item that `profile_id` has become, or None where it was never stored."""
    return live(reader, {profile_id}, consistent=consistent).get(profile_id)


def _end(known: dict[str, ProfileItem], profile_id: str) -> ProfileItem:
    item = known[profile_id]
    while item.merged_into:
        item = known[item.merged_into]
    return item
