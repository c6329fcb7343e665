"""A new or changed segment gets its past and takes over, for everybody, while events go on arriving.

Three steps, each of which may be repeated. **Read**: who did anything that the segments ask about is folded anew from
the lake, with the state of those that serve and of those that wait to. **Take over**: those that wait serve from an
instant on that lies a little ahead. **Settle**: everybody is brought in line then, what was deleted leaves nothing
behind, and traits go that a purpose keeps for a shorter time now.

Killed anywhere and called again it ends the same. A version that was replaced meanwhile takes nothing over: the newer
one has a run of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from attune.domain.definitions.kinds import ComputedTrait, Segment
from attune.domain.definitions.references import events_of
from attune.domain.past.takeovers import NOTICE
from attune.ports import ConflictError
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.past.settle_profiles import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from attune.ports import Clock, Standing
    from attune.ports.rebuilding import History, TakeoverStore
    from attune.use_cases.past.rebuild_profiles import RebuildProfiles
    from attune.use_cases.past.settle_profiles import SettleProfiles

#: times that the lake is read while it lacks rows of somebody: Firehose holds them for minutes
MAX_PASSES: Final = 3
#: ms behind the takeover, for clocks that differ
MARGIN: Final = 1_000


class Target(msgspec.Struct, frozen=True):
    """A version that a run is for. `is_new`: no run was there for it before."""

    kind: str
    id: str
    version: int
    is_new: bool = True


class Progress(msgspec.Struct, kw_only=True):
    """How far a run has come, and what became of those it looked at."""

    step: Literal["begin", "read", "take_over", "settle", "done"] = "begin"
    targets: list[Target] = []
    #: ids that are no segment's
    unknown: list[str] = []
    passes: int = 0
    #: of the lake's pass: where RebuildProfiles goes on
    reading: dict[str, Any] = {}
    #: when the segments took over, ms
    at: int = 0
    #: where the scan of everybody goes on
    place: str = ""
    rebuilt: int = 0
    unchanged: int = 0
    incomplete: int = 0
    settled: int = 0
    #: versions that were replaced while the run was under way
    replaced: list[str] = []


class BackfillSegments:
    """Callable until done; answers `{"done", "wait", "position"}` and what `Progress` counts.

    `wait`: rows are on their way into the lake; compact it again in a few minutes, then go on.
    """

    def __init__(
        self,
        *,
        definitions: TakeoverStore,
        history: History,
        rebuild: RebuildProfiles,
        settle: SettleProfiles,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        """`sleep` takes seconds."""
        self._definitions = definitions
        self._compiled = CompileDefinitions(definitions)
        self._history = history
        self._rebuild = rebuild
        self._settle = settle
        self._clock = clock
        self._sleep = sleep
        self._gone: frozenset[str] = frozenset()

    def __call__(self, ids: Sequence[str], position: Any, has_time: Callable[[], bool]) -> dict[str, Any]:
        """For the segments named, or for all that await a run where there are none. `position`: of the answer before.

        The lake must hold what was applied before the definitions were. One step or page at least.
        """
        progress = msgspec.convert(position or {}, Progress)
        self._gone = frozenset(self._definitions.deleted("segment"))
        wait = False
        while progress.step != "done" and not wait:
            wait = self._go_on(ids, progress, has_time)
            if not has_time():
                break
        said: dict[str, Any] = msgspec.to_builtins(progress)
        named = [one.id for one in progress.targets if one.kind != "purpose"]
        counts = {name: said[name] for name in ("rebuilt", "unchanged", "incomplete", "settled", "unknown", "replaced")}
        return {"done": progress.step == "done", "wait": wait, "position": said, "segments": named, **counts}

    def _go_on(self, ids: Sequence[str], progress: Progress, has_time: Callable[[], bool]) -> bool:
        """One step of many; True where it is of use to wait."""
        match progress.step:
            case "begin":
                self._begin(ids, progress)
            case "read":
                return self._read(progress, has_time)
            case "take_over":
                self._take_over(progress)
            case _:
                self._settle_page(progress)
        return False

    def _begin(self, ids: Sequence[str], progress: Progress) -> None:
        segments, computed = self._standings()
        purposes = self._definitions.standings("purpose")
        chosen = [one for one in segments.values() if (one.definition.id in ids if ids else one.awaits_run)]
        progress.unknown = sorted(set(ids) - segments.keys())
        progress.targets = [_target("segment", one) for one in chosen]
        progress.targets += [_target("computed_trait", one) for one in computed.values() if one.awaits_run]
        progress.targets += [_target("purpose", one) for one in purposes if one.awaits_run]
        progress.step = "read" if progress.targets else "take_over"

    def _read(self, progress: Progress, has_time: Callable[[], bool]) -> bool:
        if not progress.reading:
            events = self._events(progress.targets)
            if events is not None and not events:  # about traits, scores, consent: profiles hold it all
                progress.step = "take_over"
                return False
            progress.reading = {"place": self._history.lay_out(events)}
        answer = self._rebuild((), progress.reading, has_time)
        progress.reading = answer["position"]
        progress.incomplete = answer["incomplete"]
        if not answer["done"]:
            return False
        progress.rebuilt += answer["rebuilt"]
        progress.unchanged = answer["unchanged"]
        progress.passes += 1
        progress.reading = {}
        if progress.incomplete and progress.passes < MAX_PASSES:
            return True
        progress.step = "take_over"
        return False

    def _take_over(self, progress: Progress) -> None:
        """One conditional write each, all for one instant; what was laid down by a run that died stands."""
        laid: list[int] = []
        waiting: list[Target] = []
        for target in progress.targets:
            standing = self._standing(target)
            if standing is None or standing.version != target.version:
                progress.replaced.append(target.id)
            elif standing.takes_over_at is not None:
                laid.append(standing.takes_over_at)
            elif standing.serving is not None:
                waiting.append(target)
            elif target.kind == "purpose":  # no container may go on without it
                laid.append(max(standing.applied_at + NOTICE, self._clock()))
        at = self._clock() + NOTICE  # last of all: every container must hear of it before it comes
        for target in waiting:
            try:
                self._definitions.take_over(target.id, target.version, at)
            except ConflictError:
                progress.replaced.append(target.id)
            else:
                laid.append(at)
        progress.at = max(laid, default=self._clock())
        progress.step = "settle"

    def _settle_page(self, progress: Progress) -> None:
        left = progress.at + MARGIN - self._clock()
        if left > 0:
            self._sleep(left / 1_000)
        _, compiled = self._compiled()
        settlement = Settlement(
            compiled,
            progress.at,
            gone=self._gone,
            new=frozenset(one.id for one in progress.targets if one.kind == "segment" and one.is_new),
        )
        progress.place, written = self._settle(progress.place, settlement)
        progress.settled += written
        if not progress.place:
            for target in progress.targets:
                self._note(target)
            progress.step = "done"

    def _note(self, target: Target) -> None:
        """That everybody is in line with it; of a version that was replaced nothing is to be noted."""
        try:
            self._definitions.settle(target.kind, target.id, target.version)
        except ConflictError:
            return

    def _events(self, targets: Collection[Target]) -> frozenset[str] | None:
        segments, computed = self._standings()
        of = {"segment": segments, "computed_trait": computed}
        stand = [of[one.kind][one.id] for one in targets if one.id in of.get(one.kind, {})]
        chosen = [one.definition for one in stand if isinstance(one.definition, Segment | ComputedTrait)]
        versions = {
            name: tuple(each for each in (one.definition, one.serving) if isinstance(each, Segment))
            for name, one in segments.items()
        }
        traits = {name: one.definition for name, one in computed.items() if isinstance(one.definition, ComputedTrait)}
        return events_of(chosen, versions, traits)

    def _standings(self) -> tuple[dict[str, Standing], dict[str, Standing]]:
        """Of segments and of computed traits, by id."""
        found = [self._definitions.standings(kind) for kind in ("segment", "computed_trait")]
        segments, computed = ({one.definition.id: one for one in stand} for stand in found)
        return segments, computed

    def _standing(self, target: Target) -> Standing | None:
        return next((one for one in self._definitions.standings(target.kind) if one.definition.id == target.id), None)


def _target(kind: str, standing: Standing) -> Target:
    return Target(kind, standing.definition.id, standing.version, not standing.settled)
