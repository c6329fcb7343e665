"""How many profiles are in each segment, and in each two of them, now: by what every profile keeps; read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain.past.previews import ALIKE, jaccard
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import members
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.ports import DefinitionReader
    from attune.ports.learning import ProfileScan

#: profiles of one reading
PAGE = 500

type Json = dict[str, Any]


class Progress(msgspec.Struct, kw_only=True):
    """How far a run has come. `both`: by the places of two segments in the list, how many are in both."""

    place: str = ""
    profiles: int = 0
    sizes: list[int] = []
    both: list[list[int]] = []


class OverlapSegments:
    """Callable until done; answers `{"done", "position"}` and at the end `result`. Reads all profiles once."""

    def __init__(self, *, everybody: ProfileScan, definitions: DefinitionReader, page: int = PAGE) -> None:
        self._everybody = everybody
        self._definitions = CompileDefinitions(definitions)
        self._page = page

    def __call__(self, segments: Sequence[str], at: int, position: Any, has_time: Callable[[], bool]) -> Json:
        """Of these segments, as of the instant `at` (ms), a page at least. One that is gone has nobody."""
        progress = msgspec.convert(position or {}, Progress)
        if not progress.sizes:
            progress.sizes = [0] * len(segments)
            progress.both = [[0] * len(segments) for _ in segments]
        done = False
        while not done:
            done = self._next_page(segments, at, progress)
            if not has_time():
                break
        if done:
            return {"done": True, "position": "", "result": report(segments, at, progress)}
        return {"done": False, "position": msgspec.to_builtins(progress)}

    def _next_page(self, segments: Sequence[str], at: int, progress: Progress) -> bool:
        _, compiled = self._definitions()
        items, progress.place = self._everybody.some_items(progress.place, self._page)
        for item in items:
            if not item.state or item.merged_into:
                continue
            profile = decode_profile(item.state)
            progress.profiles += 1
            inside = set(members(compiled, profile, max(at, profile.as_of)))
            places = [place for place, name in enumerate(segments) if name in inside]
            for place in places:
                progress.sizes[place] += 1
                for other in places:
                    progress.both[place][other] += 1
        return not progress.place


def report(segments: Sequence[str], at: int, progress: Progress) -> Json:
    """What the API shows: every segment, and every two that have anybody in common, those most alike first."""
    pairs = [
        (jaccard(progress.sizes[one], progress.sizes[other], both), one, other, both)
        for one, row in enumerate(progress.both)
        for other, both in enumerate(row)
        if one < other and both
    ]
    return {
        "at": iso(at),
        "profiles": progress.profiles,
        "segments": [{"segment": name, "size": progress.sizes[place]} for place, name in enumerate(segments)],
        "overlap": [
            {"segments": [segments[one], segments[other]], "both": both, "jaccard": round(alike, 3)}
            for alike, one, other, both in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))
        ],
        "warnings": [
            {
                "code": "near_duplicate",
                "message": f"`{segments[one]}` and `{segments[other]}` hold nearly the same people",
            }
            for alike, one, other, _ in pairs
            if alike > ALIKE
        ],
    }
