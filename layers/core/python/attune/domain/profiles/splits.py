"""What the two sides of an unlinking keep in mind of each other, for good: they are not the same person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.profiles.profile import Profile


def pair_of(name: str) -> str:
    """The profile id that an unlinking founded, by which both sides know it, from the name of either side's part."""
    return name.rpartition("/")[2]


def are_apart(profiles: Sequence[Profile]) -> bool:
    """Whether any two of them are two sides of one unlinking, whomever each has merged with since.

    The old side may have been read before the unlinking; the new one knows its name.
    """
    sides: dict[str, bool] = {}
    ids = {profile.profile_id for profile in profiles}
    return any(
        sides.setdefault(pair_of(name), split.is_new) != split.is_new or split.other in ids
        for profile in profiles
        for name, split in profile.splits.items()
    )


def unlinked_at(profile: Profile) -> int:
    """When it was last split off, 0 for never: until then it remembers messages of others too."""
    return max((split.at for split in profile.splits.values() if split.is_new), default=0)


def old_sides(profile: Profile) -> set[str]:
    """The unlinkings in which it was the old one."""
    return {pair_of(name) for name, split in profile.splits.items() if not split.is_new}


def is_pending(profile: Profile) -> bool:
    """Whether it was unlinked and still holds what is another's, or lacks what is its own."""
    return any(not split.folded for split in profile.splits.values())


def unfolded(profile: Profile) -> set[str]:
    """Profile ids that lead to those with whom it must be folded apart; what it inherited they have themselves."""
    pending = {name: split for name, split in profile.splits.items() if not split.folded and name == pair_of(name)}
    return pending.keys() | {split.other for split in pending.values() if split.is_new}


def has_moved(profile: Profile, key: str, owner: Profile) -> bool:
    """Whether an identifier has left this profile, and whose it was read as is nobody that it can have gone to.

    Then that was read before the unlinking, and this profile after it.
    """
    left = {pair_of(name) for name, split in profile.splits.items() if not split.is_new and split.took(key)}
    new_sides = {pair_of(name) for name, split in owner.splits.items() if split.is_new}
    return key not in profile.links and not left <= new_sides
