"""From identifiers to the profiles they belong to today, over any merges in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.identity.markers import UNMARKED, Grave, Marker, marker

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.ports import ProfileItem, ProfileReader


def find(reader: ProfileReader, keys: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
    """The live profile item behind each identity key; unknown keys, and those of who was erased, are absent."""
    identities = reader.identities(keys, consistent=consistent)
    items = live(reader, {identity.profile_id for identity in identities.values()}, consistent=consistent)
    return {key: items[identity.profile_id] for key, identity in identities.items() if identity.profile_id in items}


def live(reader: ProfileReader, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
    """For each profile id the item it has become, after following merges; ids never stored or erased are absent."""
    reached = ends(reader, profile_ids, consistent=consistent)
    return {profile_id: item for profile_id, item in reached.items() if item.erased_at is None}


def markers(reader: ProfileReader, keys: Collection[str], *, consistent: bool) -> dict[str, Marker]:
    """What stands against each identity key, by itself or by the grave it leads to; those without are absent."""
    identities = reader.identities(keys, consistent=consistent)
    reached = ends(reader, {identity.profile_id for identity in identities.values()}, consistent=consistent)
    found = {}
    for key, identity in identities.items():
        end = reached.get(identity.profile_id)
        found[key] = marker(identity, None if end is None else grave(end))
    return {key: known for key, known in found.items() if known != UNMARKED}


def grave(item: ProfileItem) -> Grave | None:
    """What is left of somebody who was erased; None of who is not."""
    if item.erased_at is None:
        return None
    return Grave(
        profile_id=item.profile_id,
        version=item.version,
        erased_at=item.erased_at,
        suppressed_at=item.suppressed_at,
        released_at=item.released_at,
        ledger_length=item.ledger_length,
        ledger_head=item.ledger_head,
        pages=item.pages,
    )


def ends(reader: ProfileReader, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
    """As `live`, with the tombstones of who was erased."""
    known: dict[str, ProfileItem] = {}
    wanted = set(profile_ids) - {""}  # of an identity that leads to nobody
    while wanted:
        found = reader.items(wanted, consistent=consistent)
        if not consistent and (missing := wanted - found.keys()):
            # what something points to exists: a read that does not show it yet is too old to go by
            found |= reader.items(missing, consistent=True)
        known |= found
        wanted = {item.merged_into for item in found.values() if item.merged_into} - known.keys()
    return {profile_id: _end(known, profile_id) for profile_id in profile_ids if profile_id in known}


def current(reader: ProfileReader, profile_id: str, *, consistent: bool) -> ProfileItem | None:
    """The item that `profile_id` has become, or None where it was never stored, or erased."""
    return live(reader, {profile_id}, consistent=consistent).get(profile_id)


def _end(known: dict[str, ProfileItem], profile_id: str) -> ProfileItem:
    item = known[profile_id]
    while item.merged_into:
        item = known[item.merged_into]
    return item
