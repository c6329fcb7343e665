"""Every store looked through for some texts, piece by piece: whether an erasure has left anything.

What is looked for lies in a document of the run, and so does how far it has come: a machine's history keeps what it is
handed for 90 days. Both go at the end, with all versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.erasure.residue import Residue
from attune.domain.erasure.verifications import (
    NAMED,
    Looked,
    Progress,
    Wanted,
    folder,
    progress_key,
    unsaid,
    wanted_key,
)
from attune.domain.profiles.state import decode_profile
from attune.ports.stored import UnreadableError
from attune.use_cases.erasure.open_seals import OpenSeals, merges_in

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.ports.documents import Documents
    from attune.ports.erasure import VersionedBucket
    from attune.ports.learning import ProfileScan
    from attune.ports.stored import Piece, Stored

#: the store whose rows are sealed
LAKE: Final = "lake"
#: before it is looked through: who holds keys of others, and rows of merges
_KEYS, _MERGES = "#keys", "#merges"
#: profiles of one request
_PAGE: Final = 500

type HasTime = Callable[[], bool]


class NothingWantedError(Exception):
    """The run has no document of what it looks for: it is over, or a day old."""


class VerifyErasure:
    """Callable with a run until it is done. Reads only, but for its own documents."""

    def __init__(
        self,
        *,
        stores: Mapping[str, Stored],
        profiles: ProfileScan,
        seals: OpenSeals,
        documents: Documents,
        audit: VersionedBucket,
        count: Count,
    ) -> None:
        """`audit`: the bucket of the documents. `stores`: in the order in which they are looked through."""
        self._stores = stores
        self._profiles = profiles
        self._seals = seals
        self._documents = documents
        self._audit = audit
        self._count = count
        self._steps = [_KEYS, _MERGES, *stores]

    def __call__(self, run: str, has_time: HasTime) -> dict[str, Any]:
        """`{done, position, stores, texts}`: at least one page, others as long as `has_time`; `position`: the store.

        `texts`: `{wanted, found}`, how many there are and how many of them were found anywhere.

        Raises `NothingWantedError`.
        """
        texts = self._wanted(run).texts
        residue = Residue(texts)
        progress = self._progress(run)
        self._seals.know(progress.splits, progress.merges)
        try:
            while not progress.done:
                self._go_on(progress, residue, texts)
                if not has_time():
                    break
        finally:  # also where a store has failed: the machine calls again
            self._documents.put(progress_key(run), msgspec.json.encode(progress))
        if progress.done:
            self._count("Residue", sum(one.found for one in progress.stores.values()), {})
        return {
            "done": progress.done,
            "position": progress.store,
            "stores": msgspec.to_builtins(progress.stores),
            "texts": {"wanted": len(texts), "found": len(progress.texts)},
        }

    def forget(self, run: str) -> dict[str, Any]:
        """`{forgotten}`: how many documents of the run there were; there is none any more."""
        return {"forgotten": self._audit.remove(folder(run))}

    def _wanted(self, run: str) -> Wanted:
        data = self._documents.get(wanted_key(run))
        if data is None:
            raise NothingWantedError
        return msgspec.json.decode(data, type=Wanted)

    def _progress(self, run: str) -> Progress:
        data = self._documents.get(progress_key(run))
        return msgspec.json.decode(data, type=Progress) if data else Progress(store=self._steps[0])

    def _go_on(self, progress: Progress, residue: Residue, texts: Sequence[str]) -> None:
        """One page."""
        if progress.store == _KEYS:
            behind = self._gather_splits(progress)
        elif progress.store == _MERGES:
            behind = self._gather_merges(progress)
        else:
            behind = self._look_through(progress, residue, texts)
        progress.position = behind
        if not behind:
            following = self._steps[self._steps.index(progress.store) + 1 :]
            progress.store, progress.done = following[0] if following else "", not following

    def _gather_splits(self, progress: Progress) -> str:
        items, behind = self._profiles.some_items(progress.position, _PAGE)
        for item in items:
            if item.state and any(split.is_new for split in decode_profile(item.state).splits.values()):
                progress.splits.append(item.profile_id)
        return behind

    def _gather_merges(self, progress: Progress) -> str:
        found, behind = merges_in(self._stores[LAKE], progress.position)
        for absorbed, merge in found:
            known = progress.merges.setdefault(absorbed, [])
            if merge not in known:
                known.append(merge)
        if not behind:
            self._seals.know(progress.splits, progress.merges)
        return behind

    def _look_through(self, progress: Progress, residue: Residue, texts: Sequence[str]) -> str:
        """Notes what a page came to when it was looked through to its end."""
        before = progress.stores.get(progress.store, Looked())
        looked = msgspec.structs.replace(before, where=list(before.where))
        seen: set[str] = set()
        page = self._stores[progress.store].page(progress.position)
        for piece in page.pieces:
            seen |= self._look_at(piece, looked, residue, is_sealed=progress.store == LAKE)
        looked.unread += page.missed
        progress.stores[progress.store] = looked
        progress.texts |= {texts.index(text) for text in seen}
        return page.next

    def _look_at(self, piece: Piece, looked: Looked, residue: Residue, *, is_sealed: bool) -> set[str]:
        named = residue(piece.where.encode("utf-8", "surrogatepass"))
        found = set(named)
        try:
            for data in self._layers(piece, is_sealed=is_sealed):
                found |= residue(data)
        except UnreadableError:
            looked.unread += 1
        looked.scanned += 1
        if found:
            looked.found += 1
            if len(looked.where) < NAMED:
                looked.where.append(unsaid(piece.where) if named else piece.where)
        return found

    def _layers(self, piece: Piece, *, is_sealed: bool) -> Iterator[bytes]:
        for block in piece.blocks:
            yield block
            if is_sealed:
                yield b"\n".join(self._seals(block))
