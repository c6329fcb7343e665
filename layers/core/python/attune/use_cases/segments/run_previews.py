"""The steps of a preview's run: what is asked is read from a document of the run, which goes when it is over.

A machine's history keeps what it is handed for 90 days, and a draft may ask for one person by their address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain.definitions.kinds import Segment
from attune.domain.past.previews import asked_key
from attune.use_cases.segments.preview_segments import Draft

if TYPE_CHECKING:
    from attune.ports.documents import Documents
    from attune.ports.erasure import VersionedBucket
    from attune.use_cases.segments.overlap_segments import OverlapSegments
    from attune.use_cases.segments.preview_segments import PreviewSegments

type Json = dict[str, Any]


class NothingAskedError(Exception):
    """The run has no document of what it is asked: it is over, or a day old."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is given: a draft, or segments that there are."""

    segment: Segment | None = None
    weeks: int = 1
    share: int = 1
    segments: tuple[str, ...] = ()

    @property
    def draft(self) -> Draft | None:
        """None where it is about segments that there are."""
        if self.segment is None:
            return None
        return Draft(segment=self.segment, weeks=self.weeks, share=self.share)


class RunPreviews:
    """Callable with a run until it is done."""

    def __init__(
        self, *, documents: Documents, audit: VersionedBucket, preview: PreviewSegments, overlap: OverlapSegments
    ) -> None:
        """`audit`: the bucket of the documents."""
        self._documents = documents
        self._audit = audit
        self._preview = preview
        self._overlap = overlap

    def __call__(self, run: str, at: int, position: Any, has_time: Callable[[], bool]) -> Json:
        """`{"done", "position"}`, and `result` at the end; as of the instant `at` (ms). Raises `NothingAskedError`."""
        data = self._documents.get(asked_key(run))
        if data is None:
            raise NothingAskedError
        asked = msgspec.json.decode(data, type=Asked)
        if (draft := asked.draft) is None:
            return self._overlap(asked.segments, at, position, has_time)
        return self._preview(draft, at, position, has_time)

    def forget(self, run: str) -> Json:
        """`{forgotten}`: how many documents of the run there were; there is none any more, in no version."""
        return {"forgotten": self._audit.remove(asked_key(run))}
