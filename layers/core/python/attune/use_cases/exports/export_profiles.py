"""Everything that is held of one person, gathered from every store piece by piece: for them to read, and for a machine.

Pieces and how far it has come lie beside what is written of them in the end, so that no amount of data is too much for
one call, or for its memory. Nothing is left out in silence: what does not fit is counted, and the count is shown.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.identifiers import DAY
from attune.domain.privacy.export_progress import (
    Progress,
    decode_progress,
    encode_progress,
    piece_key,
    pieces_of,
    progress_key,
)
from attune.use_cases.exports.write_exports import PieceGoneError, by_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Clock
    from attune.ports.documents import Documents
    from attune.use_cases.exports.open_cases import Case, OpenCases, Part, Step
    from attune.use_cases.exports.write_exports import WriteExports

#: bytes after which a piece is laid down
PIECE: Final = 16 * 1024 * 1024
#: bytes of all pieces: what an erasure can look through, and a verification reads. Some 700,000 events
MOST: Final = 512 * 1024 * 1024
#: ms after which pieces may begin to go, as exports do: then it is begun anew
_FRESH: Final = 6 * DAY
#: whose places are good for one run
_OF_A_RUN: Final = "events"
#: why entries are left out
TOO_MUCH: Final = "too_much"


class ExportProfiles:
    """Callable with a request until it is whole. Killed anywhere it goes on, or begins anew, and comes to the same."""

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        open_case: OpenCases,
        write: WriteExports,
        documents: Documents,
        remove: Callable[[str], int],
        clock: Clock,
        piece: int = PIECE,
        most: int = MOST,
    ) -> None:
        """`parts` in the order in which they are gathered: what anybody can fill is last, so that all else fits.

        `remove` takes all versions of the `documents` whose keys begin so. `piece`, `most`: bytes.
        """
        self._parts = parts
        self._open_case = open_case
        self._write = write
        self._documents = documents
        self._remove = remove
        self._clock = clock
        self._piece = piece
        self._most = most

    def __call__(self, request: PrivacyRequest, run: str, has_time: Callable[[], bool]) -> Progress | None:
        """How it ended, once both documents are there, else None: one piece further at least. `LakeSlowError`."""
        progress, case = self._begun(request, run)
        while progress.part:
            if not self._gather(case, progress, has_time):
                return None
        try:
            self._write(request.request_id, progress)
        except PieceGoneError:
            self.forget(request)
            return None
        return progress

    def forget(self, request: PrivacyRequest) -> None:
        """What lies there only while it is gathered."""
        self._remove(pieces_of(request.request_id))

    def _begun(self, request: PrivacyRequest, run: str) -> tuple[Progress, Case]:
        """Where it stands; at the begin where whom it is about is not who they were, or pieces may be gone."""
        now = self._clock()
        known = self._known(request, now)
        case = self._open_case(request, known.began_at if known else now)
        roots = tuple(sorted(f"{root} {len(one.profile.splits)}" for root, one in case.people.items()))
        if known and (known.roots, known.born) == (roots, case.born):
            if known.run != run and known.part == _OF_A_RUN:
                known.place = ""
                for told in (known.pieces, known.sizes, known.left_out):
                    told.pop(known.part, None)
            known.run = run
            return known, case
        self.forget(request)
        if known:
            case = self._open_case(request, now)
        first = next(iter(self._parts))
        return Progress(run=run, began_at=now, roots=roots, born=case.born, part=first), case

    def _known(self, request: PrivacyRequest, now: int) -> Progress | None:
        """None also for what is too old, and for what was noted before parts were other ones."""
        data = self._documents.get(progress_key(request.request_id))
        try:
            known = decode_progress(data) if data else None
        except msgspec.MsgspecError:
            return None
        is_good = known and now - known.began_at < _FRESH and known.part in {*self._parts, ""}
        return known if is_good else None

    def _gather(self, case: Case, progress: Progress, has_time: Callable[[], bool]) -> bool:
        """The part under way, from where it stands; whether there is time for more."""
        request_id = case.request.request_id
        lines: list[bytes] = []
        held = 0
        with closing(step for step in self._parts[progress.part](case, progress.place)) as steps:
            for step in steps:
                held += self._take(step, progress, lines)
                if is_full := held >= self._piece:
                    held = self._lay(request_id, progress, lines)
                if step.place and (is_full or not has_time()):
                    held = self._lay(request_id, progress, lines)
                    progress.place = step.place
                    self._note(request_id, progress)
                    if not has_time():
                        return False
        self._lay(request_id, progress, lines)
        names = list(self._parts)
        following = names[names.index(progress.part) + 1 :]
        progress.part, progress.place = following[0] if following else "", ""
        self._note(request_id, progress)
        return has_time()

    def _take(self, step: Step, progress: Progress, lines: list[bytes]) -> int:
        """What is found is one line more, or counted; answers how many bytes more there are."""
        code, part = step.left_out, progress.part
        if step.entry is not None:
            line = msgspec.json.encode(step.entry)
            if sum(progress.sizes.values()) + len(line) <= self._most:
                progress.sizes[part] = progress.sizes.get(part, 0) + len(line)
                lines.append(line)
                return len(line)
            code = TOO_MUCH
        if code:
            codes = progress.left_out.setdefault(part, {})
            codes[code] = codes.get(code, 0) + 1
        return 0

    def _lay(self, request_id: str, progress: Progress, lines: list[bytes]) -> int:
        """As one more piece, in the order of time by itself; answers how many bytes are left: none."""
        if not lines:
            return 0
        number = progress.pieces.get(progress.part, 0) + 1
        content = b"".join(line + b"\n" for line in sorted(lines, key=by_time))
        self._documents.put(piece_key(request_id, progress.part, number), content, "application/x-ndjson")
        progress.pieces[progress.part] = number
        lines.clear()
        return 0

    def _note(self, request_id: str, progress: Progress) -> None:
        self._documents.put(progress_key(request_id), encode_progress(progress))
