"""A profile store that remembers what it read and wrote. It may be stale: a commit's condition finds out.

It is bounded in bytes too: 8,000 profiles of 32 KB are 262 MB of the function's 1,024 MB.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from attune.ports import ProfileItem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune.ports import Commit, Identity, ProfileStore

MAX_ENTRIES: Final = 8_000
#: bytes of state: larger profiles are few, and read again each time
MAX_STATE: Final = 32_768
_MAX_CHANGES: Final = 20
#: bytes of a page; most have some 700
MAX_PAGE: Final = 4_096


class CachedProfiles:
    """`consistent=True` goes past the cache and refreshes it; any failed commit forgets what it was based on."""

    def __init__(self, store: ProfileStore, max_entries: int = MAX_ENTRIES) -> None:
        self._store = store
        self._max_entries = max_entries
        self._identities: OrderedDict[str, Identity] = OrderedDict()
        self._items: OrderedDict[str, ProfileItem] = OrderedDict()
        self._pages: OrderedDict[bytes, bytes] = OrderedDict()

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:
        """As the store's; unknown keys are not remembered."""
        return self._through(self._identities, keys, self._store.identities, consistent=consistent)

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
        """As the store's; unknown ids and large states are not remembered."""
        return self._through(self._items, profile_ids, self._store.items, consistent=consistent)

    def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
        """As the store's; a page never changes."""
        return self._through(self._pages, references, lambda missing, **_: self._store.pages(missing), consistent=False)

    def commit(self, commit: Commit) -> None:
        """As the store's; what was written is remembered (large states aside), and forgotten whatever goes wrong."""
        try:
            self._store.commit(commit)
        except BaseException:
            for _, item in commit.items:
                self._items.pop(item.profile_id, None)
            for claim in commit.claims:
                self._identities.pop(claim.identity_key, None)
            raise
        self._remember(self._items, {item.profile_id: item for _, item in commit.items})
        self._remember(self._identities, {claim.identity_key: claim.identity for claim in commit.claims})
        self._remember(self._pages, {page.reference: page.entries for page in commit.pages})

    def _through[K, T](
        self, cache: OrderedDict[K, T], keys: Collection[K], read: Callable[..., dict[K, T]], *, consistent: bool
    ) -> dict[K, T]:
        known = {} if consistent else {key: cache[key] for key in keys if key in cache}
        missing = [key for key in keys if key not in known]
        found = read(missing, consistent=consistent) if missing else {}
        for key in missing:
            if key not in found:
                cache.pop(key, None)
        self._remember(cache, known | found)
        return known | found

    def _remember[K, T](self, cache: OrderedDict[K, T], entries: dict[K, T]) -> None:
        for key, entry in entries.items():
            if not _is_small(entry):
                cache.pop(key, None)
                continue
            cache[key] = entry
            cache.move_to_end(key)
        while len(cache) > self._max_entries:
            cache.popitem(last=False)


def _is_small(entry: object) -> bool:
    """Identities are; a profile by its state, and by the changes of its last commit that it still carries."""
    if isinstance(entry, bytes):
        return len(entry) <= MAX_PAGE
    return not isinstance(entry, ProfileItem) or (len(entry.state) <= MAX_STATE and len(entry.outbox) <= _MAX_CHANGES)
