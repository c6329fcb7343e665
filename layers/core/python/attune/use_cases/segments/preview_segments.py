"""Who would be in a segment that is not there yet: everybody, or a share, folded anew from the lake with it; read only.

Each person's events are read once, with the draft compiled in, and asked at every instant at which it may change: so
its past weeks are what it would have been live. Who is in the segments that there are is read from the profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain.definitions.kinds import Segment
from attune.domain.past.folding_apart import whose
from attune.domain.past.previews import Tally, drafted, findings, interval, jaccard, take_in, week_ends
from attune.domain.past.rebuilding import is_whole
from attune.domain.past.reliving import turns
from attune.domain.processing.working import Working
from attune.domain.profiles.splits import unlinked_at
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import compile_segments, members
from attune.domain.segments.contradictions import certainties
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.management.show_times import iso
from attune.use_cases.past.open_events import PAGE, next_people, open_events, rows_of
from attune.use_cases.profiles.find_profiles import live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.segments.compilation import Compiled
    from attune.ports import DefinitionReader, Identified, ProfileReader, Seal
    from attune.ports.rebuilding import History, Person

type Json = dict[str, Any]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: a segment as it would be, over how many weeks, of one in how many profiles."""

    segment: Segment
    weeks: int
    share: int


class Progress(msgspec.Struct, kw_only=True):
    """How far a run has come. `place`: where people's rows are laid out; `after`: where the next one begins."""

    place: str = ""
    after: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)


class PreviewSegments:
    """Callable until done; answers `{"done", "position"}` and at the end `result`. One query of the lake a run."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        history: History,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        seal: Seal,
        page: int = PAGE,
    ) -> None:
        self._profiles = profiles
        self._history = history
        self._definitions = CompileDefinitions(definitions)
        self._pseudonyms = pseudonyms
        self._seal = seal
        self._page = page

    def __call__(self, draft: Draft, at: int, position: Any, has_time: Callable[[], bool]) -> Json:
        """As of the instant `at` (ms), a page at least. `position`: from the answer before, None at first."""
        progress = msgspec.convert(position or {}, Progress)
        if not progress.place:
            progress.place = self._history.lay_out(share=draft.share)
        definitions, compiled = self._definitions()
        asked = compile_segments(drafted(draft.segment, definitions))
        done = False
        while not done:
            people = next_people(self._history, progress.place, progress.after, self._page)
            self._count(people, draft, at, (asked, compiled), progress.tally)
            progress.after = people[-1].end if people else progress.after
            done = not people
            if not has_time():
                break
        answer: Json = {"done": done, "position": msgspec.to_builtins(progress)}
        if done:
            answer |= {"position": "", "result": report(draft, at, progress.tally)}
        return answer

    def _count(
        self, people: Sequence[Person], draft: Draft, at: int, compiled: tuple[Compiled, Compiled], tally: Tally
    ) -> None:
        """Whoever was merged since is left out: those who absorbed them are looked at."""
        roots = {person.root for person in people}
        items = live(self._profiles, roots, consistent=False) if roots else {}
        known = {
            root: Working(decode_profile(item.state), item.version)
            for root, item in items.items()
            if item.profile_id == root and item.state
        }
        events = open_events(self._profiles, self._seal, known, rows_of(people))
        asked, current = compiled
        ends = week_ends(at, draft.weeks)
        for root, one in sorted(known.items()):
            profile = one.profile
            told = whose(profile.splits, events[root], self._pseudonyms.key)
            tally.incomplete += not is_whole(profile, told, unlinked_at(profile))
            turned = turns(profile, told, asked, draft.segment.id, at)
            take_in(tally, root, turned, members(current, profile, max(at, profile.as_of)), ends)


def report(draft: Draft, at: int, tally: Tally) -> Json:
    """What the API shows. Sizes are of all profiles: of a share they are estimates, each with its interval."""
    share, ends = draft.share, week_ends(at, draft.weeks)
    sizes = tally.sizes or [0] * len(ends)
    entered, left = tally.entered or sizes, tally.left or sizes
    warnings = [{"code": one.code, "message": f"{one.path}: {one.text}"} for one in certainties(draft.segment.when)]
    return {
        "segment": draft.segment.id,
        "at": iso(at),
        "share": share,
        "profiles": {"looked_at": tally.looked_at, "incomplete": tally.incomplete, "all": tally.looked_at * share},
        "size": _size(sizes[-1], share),
        "sample": tally.sample,
        "weeks": [
            {"ends_at": iso(end), **_size(size, share), "entered": came * share, "left": went * share}
            for end, size, came, went in zip(ends, sizes, entered, left, strict=True)
        ],
        "overlap": [
            {
                "segment": name,
                "size": there * share,
                "both": both * share,
                "jaccard": round(jaccard(sizes[-1], there, both), 3),
            }
            for name, (there, both) in sorted(tally.others.items(), key=lambda one: (-one[1][1], one[0]))
        ],
        "warnings": warnings + findings(tally, draft.segment.id, share),
    }


def _size(found: int, share: int) -> Json:
    low, high = interval(found, share)
    return {"size": found * share, "low": low, "high": high}
