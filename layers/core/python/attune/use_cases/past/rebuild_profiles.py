"""Profiles folded anew from the lake, for a new segment's past, for late withdrawals, after a fault was mended.

A second writer beside `process_events`, under the same condition: what was read must still be there. It takes no event
from the stream and moves no cursor, so either may overtake the other; who comes second reads again. Killed anywhere and
called again it ends the same: what is as it should be is not written. Who was unlinked is folded apart here, both sides
in one commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.past.folding_apart import fold_apart
from attune.domain.profiles.splits import old_sides, unfolded
from attune.ports import ConflictError, UnstorableError
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.past.open_events import PAGE, next_people, open_events, rows_of
from attune.use_cases.processing.build_commits import ProfileTooLargeError, build_commit, join_commits
from attune.use_cases.processing.load_working_sets import working
from attune.use_cases.profiles.find_profiles import find, live

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from attune.domain.past.folding_apart import Events
    from attune.domain.processing.working import Working
    from attune.ports import Clock, Count, DefinitionReader, Identified, ProfileStore, Seal
    from attune.ports.rebuilding import History
    from attune.use_cases.past.open_events import Rows

MAX_ATTEMPTS: Final = 3


class Progress(msgspec.Struct, kw_only=True):
    """How far a run has come, and what became of those it looked at."""

    #: of everybody: where their rows are laid out
    place: str = ""
    #: of named profiles how many are done, of everybody where the next one begins
    after: int = 0
    rebuilt: int = 0
    unchanged: int = 0
    #: the lake does not hold exactly the events that the profile counts: nothing was changed
    incomplete: int = 0
    unknown: int = 0
    #: who was unlinked is folded apart though rows lack
    anyway: bool = False


class RebuildProfiles:
    """Callable; answers `{"done", "position"}` and, by the name of each outcome, counts of the whole run."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        profiles: ProfileStore,
        history: History,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        seal: Seal,
        clock: Clock,
        count: Count,
        pause: Callable[[int], None],
        page: int = PAGE,
    ) -> None:
        """`pause(n)` waits, with jitter, before the n-th retry."""
        self._profiles = profiles
        self._history = history
        self._definitions = CompileDefinitions(definitions)
        self._pseudonyms = pseudonyms
        self._seal = seal
        self._clock = clock
        self._count = count
        self._pause = pause
        self._page = page

    def __call__(
        self, keys: Sequence[str], position: Any, has_time: Callable[[], bool], *, anyway: bool = False
    ) -> dict[str, Any]:
        """Rebuild whom the identity keys name, or everybody where there are none.

        A page at least, and on as long as `has_time`. `position`: from the answer before, None at first. `anyway`: who
        was unlinked is folded apart though rows lack (`fold_apart`).
        """
        progress = msgspec.convert(position or {}, Progress)
        progress.anyway = anyway
        done = False
        while not done:
            before = msgspec.structs.replace(progress)
            done = self._named_page(keys, progress) if keys else self._next_page(progress)
            self._tell(before, progress)
            if not has_time():
                break
        counts = msgspec.to_builtins(progress)
        return {"done": done, "position": counts, **{name: counts[name] for name in _OUTCOMES}}

    def _named_page(self, keys: Sequence[str], progress: Progress) -> bool:
        wanted = keys[progress.after : progress.after + self._page]
        found = find(self._profiles, wanted, consistent=True)
        progress.unknown += sum(key not in found for key in wanted)
        self._rebuild({item.profile_id for item in found.values()}, self._history.rows, progress)
        progress.after += len(wanted)
        return progress.after >= len(keys)

    def _next_page(self, progress: Progress) -> bool:
        """One query at the beginning, for all of them; who was merged since is left to a later run."""
        if not progress.place:
            progress.place = self._history.lay_out()
        people = next_people(self._history, progress.place, progress.after, self._page)
        self._rebuild({person.root for person in people}, rows_of(people), progress)
        progress.after = people[-1].end if people else progress.after
        return not people

    def _rebuild(self, profile_ids: Collection[str], rows: Rows, progress: Progress) -> None:
        """Round after round until everybody is dealt with; who keeps changing is left to a later run."""
        pending = set(profile_ids)
        for attempt in range(MAX_ATTEMPTS):
            if not pending:
                return
            if attempt:
                self._pause(attempt)
            known = self._load(pending)
            events = self._events(known, rows if attempt == 0 else self._history.rows)
            pending = set()
            for group in _groups(known):
                if not self._rebuild_together({root: known[root] for root in group}, events, progress):
                    pending |= group
        progress.incomplete += len(pending)

    def _load(self, profile_ids: Collection[str]) -> dict[str, Working]:
        """Live profiles by id, with their memories, as they are now; who is no more is absent.

        And whoever must be folded apart with them, or was split off from them: the rows of both lie there.
        """
        known: dict[str, Working] = {}
        wanted, asked = set(profile_ids), set[str]()
        while wanted:
            asked |= wanted
            items = {
                one.profile_id: one
                for one in live(self._profiles, wanted, consistent=True).values()
                if one.state and one.profile_id not in known
            }
            named = {reference for item in items.values() for reference in item.pages}
            pages = self._profiles.pages(named) if named else {}
            loaded = {root: working(item, pages) for root, item in items.items()}
            known |= loaded
            wanted = {
                one for each in loaded.values() for one in unfolded(each.profile) | old_sides(each.profile)
            } - asked
        return known

    def _events(self, known: dict[str, Working], rows: Rows) -> dict[str, Events]:
        """Of who was unlinked events lie under others too, who need not be of this page."""
        alone = {root: one for root, one in known.items() if not one.profile.splits}
        parted = {root: one for root, one in known.items() if one.profile.splits}
        events = open_events(self._profiles, self._seal, alone, rows)
        return events | open_events(self._profiles, self._seal, parted, self._history.rows)

    def _rebuild_together(self, loaded: dict[str, Working], events: dict[str, Events], progress: Progress) -> bool:
        """False where somebody else has written one of them meanwhile."""
        _, compiled = self._definitions()
        stored = {root: one.profile for root, one in loaded.items()}
        fresh = fold_apart(stored, events, compiled, self._pseudonyms.key, now=self._clock(), anyway=progress.anyway)
        if fresh is None:
            progress.incomplete += len(loaded)
            return True
        changed = [root for root in loaded if fresh[root] != stored[root]]
        for root in changed:
            loaded[root].profile, loaded[root].dirty = fresh[root], True
        try:
            if changed:
                self._profiles.commit(join_commits([build_commit(loaded[root], compiled) for root in changed]))
        except ConflictError:
            self._count("CommitConflicts", 1, {})
            return False
        except (ProfileTooLargeError, UnstorableError):
            progress.incomplete += len(loaded)
            return True
        progress.rebuilt += len(changed)
        progress.unchanged += len(loaded) - len(changed)
        return True

    def _tell(self, before: Progress, progress: Progress) -> None:
        for name in _OUTCOMES:
            if some := getattr(progress, name) - getattr(before, name):
                self._count("ProfilesRebuilt", some, {"outcome": name})


def _groups(known: dict[str, Working]) -> list[set[str]]:
    """Who is folded together: all who were unlinked from each other and not folded apart since, and everybody else."""
    groups: list[set[str]] = []
    names: list[set[str]] = []
    for root, one in known.items():
        mine, its_names = {root}, unfolded(one.profile)
        for place in [place for place, taken in enumerate(names) if taken & its_names][::-1]:
            mine |= groups.pop(place)
            its_names |= names.pop(place)
        groups.append(mine)
        names.append(its_names)
    return groups


_OUTCOMES: Final = ("rebuilt", "unchanged", "incomplete", "unknown")
