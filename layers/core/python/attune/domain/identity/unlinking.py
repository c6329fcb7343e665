"""A profile in two, by an operator's word: some of its identifiers are somebody else's. Pure.

The new profile begins with what must hold for it from this instant on: its identifiers, whatever was known of consent
(a merge keeps the stricter word, and nobody can tell whose it was), and all that tells a repetition: positions on the
stream and both memories of ids. What the person did follows when both are folded apart from the lake
(`domain/past/folding_apart.py`); until then the old profile keeps all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.profiles.profile import Profile, Split
from attune.domain.profiles.splits import pair_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def split_off(
    old: Profile, keys: Sequence[str], *, profile_id: str, generation: int, version: int, at: int, data_key: bytes
) -> Profile:
    """The profile of these identifiers, strongest first, which are no longer `old`'s; `version`: the one `old` gets.

    Both remember that they are apart. The new one stays apart from whom these identifiers were unlinked from before;
    of others that left the old profile it knows nothing: they may be one person, of whom something was forgotten.
    """
    new = Profile(
        profile_id=profile_id,
        generation=generation,
        first=keys[0],
        first_seen=at,
        as_of=old.as_of,
        links={key: old.links.pop(key) for key in keys},
        consent=dict(old.consent),
        place=old.place,
        gone=dict(old.gone),
        cursors=dict(old.cursors),
        seen=old.seen,
        webhooks=old.webhooks,
        pages=dict(old.pages),
        seen_records=old.seen_records,
        data_key=data_key,
    )
    packed = _pack(keys)
    new.splits = _inherited(old.splits, keys, profile_id)
    new.splits[profile_id] = Split(version, packed, at, other=old.profile_id, data_key=old.data_key)
    old.splits = {**old.splits, profile_id: Split(version, packed, at)}
    return new


def _inherited(splits: Mapping[str, Split], keys: Sequence[str], profile_id: str) -> dict[str, Split]:
    """What a profile that is split off takes along, under names of its own: whom its identifiers were unlinked from."""
    parts = {}
    for name, split in splits.items():
        mine = [key for key in keys if split.is_new and split.took(key)]
        if mine:
            parts[f"{profile_id}/{pair_of(name)}"] = msgspec.structs.replace(split, keys=_pack(mine), folded=False)
    return parts


def _pack(keys: Sequence[str]) -> bytes:
    """Identity keys as `Split.keys`."""
    return bytes.fromhex("".join(keys))
