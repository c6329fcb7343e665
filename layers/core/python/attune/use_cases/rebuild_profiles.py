"""Profiles folded anew from the lake, for a new segment's past, for late withdrawals, after a fault was mended.

A second writer beside `process_events`, under the same condition: what was read must still be there. It takes no event
from the stream and moves no cursor, so either may overtake the other; who comes second reads again. Killed anywhere and
called again it ends the same: what is as it should be is not written.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.rebuilding import Told, is_whole, open_told, rebuild
from attune.domain.verdicts import Verdict
from attune.ports import ConflictError, UnstorableError
from attune.use_cases.build_commits import ProfileTooLargeError, build_commit
from attune.use_cases.compile_definitions import CompileDefinitions
from attune.use_cases.find_profiles import find, live
from attune.use_cases.load_working_sets import working

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from attune.domain.working import Working
    from attune.ports import Count, DefinitionReader, ProfileStore, Seal
    from attune.ports.rebuilding import History, Person, SealedRow

    type Rows = Callable[[Collection[str]], Iterable[SealedRow]]

#: people whose rows are held in memory, and bytes of these that are enough
PAGE: Final = 200
ENOUGH: Final = 32 * 1024 * 1024
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


class RebuildProfiles:
    """Callable; answers `{"done", "position"}` and, by the name of each outcome, counts of the whole run."""

    def __init__(
        self,
        *,
        profiles: ProfileStore,
        history: History,
        definitions: DefinitionReader,
        seal: Seal,
        count: Count,
        pause: Callable[[int], None],
        page: int = PAGE,
    ) -> None:
        """`pause(n)` waits, with jitter, before the n-th retry."""
        self._profiles = profiles
        self._history = history
        self._definitions = CompileDefinitions(definitions)
        self._seal = seal
        self._count = count
        self._pause = pause
        self._page = page

    def __call__(self, keys: Sequence[str], position: Any, has_time: Callable[[], bool]) -> dict[str, Any]:
        """Rebuild whom the identity keys name, or everybody where there are none.

        A page at least, and on as long as `has_time`. `position`: from the answer before, None at first.
        """
        progress = msgspec.convert(position or {}, Progress)
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
        people = self._next_people(progress)
        of: defaultdict[str, list[SealedRow]] = defaultdict(list)
        for row in (row for person in people for row in person.rows):
            of[row.profile_id].append(row)
        self._rebuild({person.root for person in people}, lambda ids: [row for one in ids for row in of[one]], progress)
        progress.after = people[-1].end if people else progress.after
        return not people

    def _next_people(self, progress: Progress) -> list[Person]:
        people: list[Person] = []
        held = 0
        for person in self._history.people(progress.place, progress.after):
            people.append(person)
            held += sum(len(row.sealed) for row in person.rows)
            if len(people) >= self._page or held >= ENOUGH:
                break
        return people

    def _rebuild(self, profile_ids: Collection[str], rows: Rows, progress: Progress) -> None:
        """Round after round until everybody is dealt with; who keeps changing is left to a later run."""
        pending = set(profile_ids)
        for attempt in range(MAX_ATTEMPTS):
            if not pending:
                return
            if attempt:
                self._pause(attempt)
            known = self._load(pending)
            told = self._told(known, rows if attempt == 0 else self._history.rows)
            pending = {root for root, one in known.items() if not self._rebuild_one(one, told[root], progress)}
        progress.incomplete += len(pending)

    def _load(self, profile_ids: Collection[str]) -> dict[str, Working]:
        """Live profiles by id, with their memories, as they are now; who is no more is absent."""
        items = {
            one.profile_id: one for one in live(self._profiles, profile_ids, consistent=True).values() if one.state
        }
        named = {reference for item in items.values() for reference in item.pages}
        pages = self._profiles.pages(named) if named else {}
        return {root: working(item, pages) for root, item in items.items()}

    def _rebuild_one(self, loaded: Working, told: Sequence[Told], progress: Progress) -> bool:
        """False where somebody else has written the profile meanwhile."""
        if not is_whole(loaded.profile, told):
            progress.incomplete += 1
            return True
        _, compiled = self._definitions()
        fresh = rebuild(loaded.profile, told, compiled)
        if fresh == loaded.profile:
            progress.unchanged += 1
            return True
        loaded.profile, loaded.dirty = fresh, True
        try:
            self._profiles.commit(build_commit(loaded, compiled))
        except ConflictError:
            self._count("CommitConflicts", 1, {})
            return False
        except (ProfileTooLargeError, UnstorableError):
            progress.incomplete += 1
            return True
        progress.rebuilt += 1
        return True

    def _told(self, loaded: dict[str, Working], rows: Rows) -> dict[str, list[Told]]:
        """By live profile the events that were applied to it or to whom it absorbed, over any merges in between.

        Rows of a version that is not stored are of a commit that has not come to be, and may never.
        """
        told: dict[str, list[Told]] = {root: [] for root in loaded}
        roots = {root: root for root in loaded}
        data_keys = {root: {one.profile.data_key} for root, one in loaded.items()}
        asked: set[str] = set()
        while wanted := data_keys.keys() - asked:
            absorbed: defaultdict[str, set[bytes]] = defaultdict(set)
            for row in rows(wanted):
                root = roots[row.profile_id]
                plain = self._open(data_keys[row.profile_id], row)
                if plain is None or row.version > (loaded[root].version or 0):
                    continue
                if row.verdict is Verdict.MERGED:
                    absorbed[row.absorbed].add(plain)
                elif (event := _read(row, plain)) is not None:
                    told[root].append(event)
            asked |= wanted
            became = live(self._profiles, absorbed.keys() - asked, consistent=True)
            for profile_id, item in became.items():
                if item.profile_id in loaded:
                    roots[profile_id], data_keys[profile_id] = item.profile_id, absorbed[profile_id]
        return told

    def _open(self, data_keys: Collection[bytes], row: SealedRow) -> bytes | None:
        """None where it is sealed for a profile that never came to be."""
        for data_key in data_keys:
            try:
                return self._seal.open(data_key, row.sealed)
            except ValueError:
                continue
        return None

    def _tell(self, before: Progress, progress: Progress) -> None:
        for name in _OUTCOMES:
            if some := getattr(progress, name) - getattr(before, name):
                self._count("ProfilesRebuilt", some, {"outcome": name})


def _read(row: SealedRow, plain: bytes) -> Told | None:
    """None for what is no event (any more): then the events do not add up, and the profile is left as it is."""
    try:
        return open_told(row.source, plain, repeated=row.repeated)
    except msgspec.MsgspecError:
        return None


_OUTCOMES: Final = ("rebuilt", "unchanged", "incomplete", "unknown")
