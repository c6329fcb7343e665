"""What the two sides of an unlinking keep in mind of each other, for good: they are not the same person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.profiles import Profile

#: hex digits of an identity key
_KEY: Final = 32


class Split(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One side of an unlinking.

    `keys`: of the identifiers that went to the new profile, joined. `version`: of the old profile, when they went: its
    rows up to there are of both. `at`: the instant, ms. `folded`: each side was folded anew from its own events since.
    """

    version: int
    keys: bytes
    at: int
    folded: bool = False
    #: of the new side: the old profile, and what opens its rows; of the old side empty
    other: str = ""
    data_key: bytes = b""

    @property
    def is_new(self) -> bool:
        """Whether this is the side of the profile that was founded."""
        return bool(self.other)

    def took(self, key: str) -> bool:
        """Whether the identifier went to the new profile."""
        packed, size = bytes.fromhex(key), _KEY // 2
        return any(self.keys[start : start + size] == packed for start in range(0, len(self.keys), size))


def pack(keys: Sequence[str]) -> bytes:
    """Identity keys as `Split.keys`."""
    return bytes.fromhex("".join(keys))


def pair_of(name: str) -> str:
    """The profile id that an unlinking founded, by which both sides know it, from the name of either side's part."""
    return name.rpartition("/")[2]


def inherited(splits: Mapping[str, Split], keys: Sequence[str], profile_id: str) -> dict[str, Split]:
    """What a profile that is split off takes along, under names of its own: whom its identifiers were unlinked from."""
    parts = {}
    for name, split in splits.items():
        mine = [key for key in keys if split.is_new and split.took(key)]
        if mine:
            parts[f"{profile_id}/{pair_of(name)}"] = msgspec.structs.replace(split, keys=pack(mine), folded=False)
    return parts


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
