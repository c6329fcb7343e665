"""From pieces to what somebody is handed: one JSON file with everything, and one page to read."""

from __future__ import annotations

import heapq
import tempfile
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Final

import msgspec

from attune.domain.privacy.export_progress import piece_key
from attune.domain.privacy.exports import PAGE_END, PARTS, page_head, page_part
from attune.use_cases.management.show_times import iso
from attune.use_cases.privacy.manage_privacy import export_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.privacy.export_progress import Progress
    from attune.ports.documents import Documents

#: bytes of a part's entries that a page shows: browsers give up on much more
PAGE_SHOWS: Final = 16 * 1024 * 1024
#: bytes of a file that stay in memory
_IN_MEMORY: Final = 16 * 1024 * 1024
_HTML: Final = "text/html; charset=utf-8"
#: how an entry begins that tells an instant
_TIMED: Final = b'{"at":"'


class PieceGoneError(Exception):
    """A piece that was laid down is not there any more."""


class WriteExports:
    """Callable once all parts are gathered. The JSON last: it is what is asked for to know whether both are there."""

    def __init__(self, documents: Documents, page_shows: int = PAGE_SHOWS) -> None:
        self._documents = documents
        self._page_shows = page_shows

    def __call__(self, request_id: str, progress: Progress) -> None:
        """`PieceGoneError`. Part by part and piece by piece: never more than a piece and a page's part in memory."""
        made_at = iso(progress.began_at)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as data, tempfile.SpooledTemporaryFile(_IN_MEMORY) as page:
            data.write(msgspec.json.encode({"request_id": request_id, "made_at": made_at})[:-1])
            page.write(page_head(request_id, made_at).encode())
            for part in PARTS:
                with ExitStack() as pieces:
                    lines = self._lines(request_id, part, progress, pieces)
                    self._write(part, _left_out(progress) if part == "left_out" else lines, data, page)
            data.write(b"}\n")
            page.write(PAGE_END.encode())
            for kind, file, told in (("html", page, _HTML), ("json", data, "application/json")):
                file.seek(0)
                self._documents.put(export_key(request_id, kind), file, told)

    def _write(self, part: str, lines: Iterable[bytes], data: IO[bytes], page: IO[bytes]) -> None:
        shown: list[bytes] = []
        room, more = self._page_shows, 0
        data.write(b',\n"' + part.encode() + b'": [')
        for number, line in enumerate(lines):
            data.write((b",\n" if number else b"\n") + line)
            room -= len(line)
            if room >= 0 or not shown:
                shown.append(line)
            else:
                more += 1
        data.write(b"]")
        page.writelines(text.encode("utf-8", "replace") for text in page_part(part, shown, more))

    def _lines(self, request_id: str, part: str, progress: Progress, pieces: ExitStack) -> Iterator[bytes]:
        """In the order of time, where entries tell one: each piece is in that order by itself."""
        files = [
            pieces.enter_context(self._piece(piece_key(request_id, part, number)))
            for number in range(1, progress.pieces.get(part, 0) + 1)
        ]
        return heapq.merge(*(map(_without_end, file) for file in files), key=by_time)

    def _piece(self, key: str) -> IO[bytes]:
        """On the disk: there may be many of them."""
        found = self._documents.get(key)
        if found is None:
            raise PieceGoneError(key)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(found)
        file.seek(0)
        return file


def by_time(line: bytes) -> bytes:
    """Orders entries by their instants, those of one by what they say; others stay in the order they came in."""
    return line if line.startswith(_TIMED) else b""


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n")


def _left_out(progress: Progress) -> list[bytes]:
    return [
        msgspec.json.encode({"part": part, "code": code, "entries": number})
        for part, codes in progress.left_out.items()
        for code, number in sorted(codes.items())
    ]
