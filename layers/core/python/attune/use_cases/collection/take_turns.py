"""One file at a time: whoever puts its rows onto the stream holds a lease, so that two do not take twice the share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.ports import ConflictError

if TYPE_CHECKING:
    from attune.ports import Clock
    from attune.ports.imports import ImportBucket

#: its name ends like a report's, so that nobody takes it for a file
TURN: Final = "turn.report.json"
#: ms; a run that is killed keeps others waiting for as long
LEASE: Final = 120_000


class Turn(msgspec.Struct, frozen=True):
    """Whose turn it is, and until when (ms)."""

    run: str = ""
    until: int = 0


class TakeTurns:
    """The lease of one run at a time. It only bounds the rate: that nothing is doubled rests on the reports."""

    def __init__(self, bucket: ImportBucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock
        self._tag: str | None = None
        self._until = 0

    def take(self, run: str) -> bool:
        """Whether it is this run's turn, from now on."""
        found = self._bucket.note(TURN)
        self._tag = found.tag if found else None
        turn = _decoded(found.content) if found else Turn()
        if turn.run != run and turn.until > self._clock():
            return False
        return self._write(run, self._clock() + LEASE)

    def keep(self, run: str) -> None:
        """Some time longer, if half of the lease is over; whoever lost it goes on beside the other."""
        if self._until - self._clock() < LEASE // 2:
            self._write(run, self._clock() + LEASE)

    def leave(self) -> None:
        """It is the next one's turn."""
        self._write("", 0)

    def _write(self, run: str, until: int) -> bool:
        try:
            self._tag = self._bucket.keep_note(TURN, msgspec.json.encode(Turn(run, until)), self._tag)
        except ConflictError:
            return False
        self._until = until
        return True


def _decoded(content: bytes) -> Turn:
    try:
        return msgspec.json.decode(content, type=Turn)
    except msgspec.MsgspecError:
        return Turn()
