"""What was kept as it came, without the erased: quarantine, answers of queries, rows that missed the lake, exports.

Nothing there says whose it is, so it is searched for everything that names them. What is found in quarantine or among
exports goes as a whole; of files of lines the lines go. In place of what was in quarantine empty objects stay.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final

from attune.domain.collection.quarantine import CAME
from attune.domain.erasure.mentions import Mentions
from attune.sources.file_pieces import MAX_ROW
from attune.use_cases.erasure.rewrite_objects import UNREADABLE, ChangedError, rewrite, rows_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from attune.domain.erasure.subjects import Subject
    from attune.ports.erasure import Stored, VersionedBucket
    from attune.use_cases.erasure.rewrite_objects import LongLine
    from attune.use_cases.erasure.sweep_tallies import Tallies

QUARANTINE: Final = "quarantine/"
QUERIES: Final = "queries/"
ERRORS: Final = "errors/"
EXPORTS: Final = "exports/"
#: `quarantine/<reason>/dt=2025-06-15/<source>/<received_at>-<digest>`, and what lies beside it
_INPUT: Final = re.compile(r"(quarantine/(?:[^/]+/){3}([0-9]{1,15})-[0-9a-f]{32})(?:\..*)?")


class Named:
    """Callable with bytes: which subjects they name."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = subjects
        self._any = Mentions(
            (value for subject in subjects for value in _told_by(subject)),
            (order for subject in subjects for order in subject.orders),
        )
        self._each: dict[int, Mentions] = {}

    def __call__(self, data: bytes, received_at: int = 0) -> list[Subject]:
        """`received_at`: ms, if it is known; what came after their erasure is of a new life."""
        if not self._any(data):
            return []
        return [
            subject
            for number, subject in enumerate(self.subjects)
            if not subject.ended_before(received_at) and self._mentions(number)(data)
        ]

    def in_row(self, row: bytes | LongLine) -> list[Subject]:
        """Of a long line all who may be named in a piece of it."""
        if isinstance(row, bytes):
            return self(row)
        return [one for piece in row for one in (self.subjects if piece.is_dark else self(piece.searched))]

    def _mentions(self, number: int) -> Mentions:
        if number not in self._each:
            self._each[number] = Mentions(_told_by(self.subjects[number]), self.subjects[number].orders)
        return self._each[number]


def _told_by(subject: Subject) -> Iterator[str]:
    yield from subject.values
    yield from subject.identity_keys
    yield from subject.profile_ids


class SweepInputs:
    """One prefix of a bucket. Callable with how far it has come, until it answers None."""

    def __init__(self, store: str, bucket: VersionedBucket, prefix: str) -> None:
        self._store = store
        self._bucket = bucket
        self._prefix = prefix

    def __call__(self, named: Named, position: str, tallies: Tallies, has_time: Callable[[], bool]) -> str | None:
        """At least one object, others as long as `has_time`; answers the key of the last one."""
        for found in self._bucket.listed(self._prefix, position):
            if self._prefix in (QUARANTINE, EXPORTS):
                self._remove(found, named, tallies)
            else:
                self._cut(found, named, tallies)
            if not has_time():
                return found.key
        return None

    def _remove(self, found: Stored, named: Named, tallies: Tallies) -> None:
        """With all that belongs to it."""
        file = self._bucket.open(found.key) if found.size else None
        if file is None:
            return
        whole, received_at = _of(found.key)
        with file:
            if self._prefix == EXPORTS:  # what was laid out to be shown is long
                owners = next(filter(None, map(named.in_row, rows_in(file))), [])
            else:
                owners = named(file.read(), received_at)
        if owners:
            if self._prefix == QUARANTINE:
                self._blank(whole, found.key)
            else:
                self._bucket.remove(whole)
            tallies.add(owners, self._store, found=1, removed=1)
            tallies.save()

    def _blank(self, whole: str, where: str) -> None:
        """Its place stays taken: the stream may carry it once more. Where they are named goes last: it leads here."""
        kept = (whole, whole + CAME)
        beside = [one.key for one in self._bucket.listed(f"{whole}.")]
        for key in sorted({*kept, *beside}, key=lambda key: key == where):
            if key in kept:
                self._bucket.blank(key)
            else:
                self._bucket.remove(key)

    def _cut(self, found: Stored, named: Named, tallies: Tallies) -> None:
        owners: list[Subject] = []

        def judge(row: bytes) -> bytes | None:
            owners.extend(whose := named(row))
            return b"" if whose else None

        try:
            changed = rewrite(self._bucket, found, judge, split=rows_of if self._prefix == QUERIES else iter)
        except UNREADABLE:
            tallies.add(named.subjects, self._store, unreadable=1)
        except ChangedError:
            tallies.add(named.subjects, self._store, left=1)
        else:
            if changed:
                tallies.add(owners, self._store, found=1, rewritten=1)
                tallies.save()


def _of(key: str) -> tuple[str, int]:
    """What an object belongs to: the prefix of all of it, and when it was received (ms; 0: unknown)."""
    if named := _INPUT.fullmatch(key):
        return named[1], int(named[2])
    folder, slash, _ = key.removeprefix(EXPORTS).partition("/")
    return (f"{EXPORTS}{folder}/", 0) if key.startswith(EXPORTS) and slash else (key, 0)


def rows_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, those put together over which a quoted cell goes; of a quote that nobody closes the line stands alone."""
    source = iter(lines)
    again: deque[bytes] = deque()
    while (first := again.popleft() if again else next(source, b"")) != b"":
        held, size = [first], len(first)
        quotes = first.count(b'"')
        while quotes % 2:
            more = again.popleft() if again else next(source, b"")
            held.append(more)
            quotes, size = quotes + more.count(b'"'), size + len(more)
            if not more or size > MAX_ROW:
                again.extendleft(reversed([one for one in held[1:] if one]))
                held = [first]
                break
        yield b"".join(held)
