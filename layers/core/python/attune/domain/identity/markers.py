"""What an erasure and a suppression leave behind, and what is refused because of it. Pure.

A **marker** stands against an identity key: everything that names the key and was received or happened by `erased_at`
is refused, and everything while `suppressed_at` is set. It lies with the identity, and outlives whoever holds it; or
with the **grave** that the identity leads to, which is a profile's tombstone: so nothing has to be found anew to free
all identifiers of somebody who was erased and comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.events import Origin

if TYPE_CHECKING:
    from attune.domain.events import Event, Record
    from attune.domain.identity.resolution import Identity

#: whose word events are that no source has sent: of wake-ups, scores, and requests of people about their data
OURS: Final = "attune"
#: why an event is refused
ERASED: Final = "erased"
SUPPRESSED: Final = "suppressed"


class Marker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`erased_at`: when whoever the key led to was erased last; `suppressed_at`: since when nothing of theirs is taken.

    Both in ms, 0 for never.
    """

    erased_at: int = 0
    suppressed_at: int = 0

    def refuses(self, event: Event, record: Record, *, lives: bool) -> str:
        """The reason for which an event that names the key is refused, or nothing.

        `lives`: whether the key leads to a profile. Of that what somebody asked for themselves is still done.
        """
        if self.suppressed_at and not (lives and record.origin is Origin.INTERNAL and record.source == OURS):
            return SUPPRESSED
        return ERASED if min(event.time, record.received_at) <= self.erased_at else ""


UNMARKED: Final = Marker()


class Grave(msgspec.Struct, frozen=True, kw_only=True):
    """The tombstone of a profile that was erased. `version`: as it is stored, or as it will be.

    `ledger_length`, `ledger_head`: where its part of the ledger ends. `pages`: references of its memory's pages, which
    nobody else's memory has.
    """

    profile_id: str
    version: int
    erased_at: int
    suppressed_at: int = 0
    released_at: int = 0
    ledger_length: int = 0
    ledger_head: bytes = b""
    pages: tuple[bytes, ...] = ()


def marker(identity: Identity, grave: Grave | None) -> Marker:
    """What stands against a key, by its identity and by the grave that this leads to, if any."""
    if grave is None:
        return Marker(erased_at=identity.erased_at, suppressed_at=identity.suppressed_at)
    return Marker(
        erased_at=max(identity.erased_at, grave.erased_at), suppressed_at=identity.suppressed_at or grave.suppressed_at
    )
