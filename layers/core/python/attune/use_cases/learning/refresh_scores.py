"""After a training: everybody whose score is another now gets it from the champion, as `$score` events, in waves.

Who may not be told of any more, by what they said or are held from since the features were selected, gets none.

A score costs a write of the profile, and most are the same from day to day: what the profile held when the features
were selected is a column of theirs, and who would get the same again is left alone.

One wave an invocation, because the stream is shared with the shops' customers. A wave that fails is repeated from its
own position, and then sends the same scores again: of two scores the later one counts, so a repeat changes nothing.
The champion is read once a wave; if it was moved meanwhile, the next wave goes on with the newer one, and who was
scored by the one before keeps that until the newer one's own run. Where runs overlap, or the stream is behind, a
profile may be left with the score before; the next run finds and mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.consent.gate import Edge
from attune.domain.events import SCORE, Event, Origin, Record, encode_record
from attune.domain.learning.models import MODELS, Said, say
from attune.domain.profiles.profile import spell_score
from attune.domain.profiles.state import decode_profile
from attune.use_cases.consent.judge_people import JudgePeople
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.learning.find_champions import MISSING_POINTER, find_champion
from attune.use_cases.learning.read_features import read_columns, read_lines
from attune.use_cases.processing.count_changes import count_refusals

if TYPE_CHECKING:
    from attune.domain.learning.models import Model
    from attune.ports import Clock, Count, DefinitionReader, EventStream, ProfileReader
    from attune.ports.learning import FeatureRows, HoldScan, Registry
    from attune.use_cases.learning.read_features import Columns, Features, Line

#: scores of a wave for each shard: a tenth of what a shard takes in the minute between two waves
WAVE: Final = 6_000
#: scores that go out at once for each shard, one second after those before: half of what it takes
BURST: Final = 500
#: rows that are looked at for a burst at the most: where nothing is news a wave must end as well, within seconds
LOOK: Final = 20_000
_PAUSE: Final = 1.0

type Json = dict[str, Any]


class Pace(msgspec.Struct, frozen=True):
    """How often a wave sends, how many scores at once, and how many rows it looks at for them."""

    bursts: int
    burst: int
    look: int = LOOK


class Burst(msgspec.Struct):
    """Lines that were looked at: scores that are news, how many are not, how many lines are no rows."""

    #: (profile id, model, what it says)
    scores: list[tuple[str, Model, Said]] = []
    unchanged: int = 0
    skipped: int = 0
    #: all that were looked at
    rows: int = 0
    #: the position behind them
    end: int = 0


def pace_of(stream_shards: int) -> Pace:
    """What leaves the stream to those it is for."""
    return Pace(WAVE // BURST, BURST * stream_shards)


class RefreshScores:
    """Callable for one wave. `sleep` takes seconds."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        features: FeatureRows,
        profiles: ProfileReader,
        holds: HoldScan,
        definitions: DefinitionReader,
        registry: Registry,
        stream: EventStream,
        clock: Clock,
        sleep: Callable[[float], None],
        pace: Pace,
        count: Count,
    ) -> None:
        self._features = features
        self._profiles = profiles
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._registry = registry
        self._stream = stream
        self._clock = clock
        self._sleep = sleep
        self._pace = pace
        self._count = count

    def __call__(self, location: str, cutoff: int, *, position: int, sent: int) -> Json:
        """`{done, position, sent, codes}`: go on there, with that many sent so far, unless done.

        `codes` says of a model why it does not score as it should: `no_champion`, or what is wrong with it. Raises
        `FeatureColumnsError`, and `StreamUnavailableError` where a part of the wave could not be stored.
        """
        models, codes = self._champions()
        if not models:
            return {"done": True, "position": position, "sent": sent, "codes": codes}
        columns = read_columns(self._features, location)
        lines = read_lines(self._features, location, max(position, columns.end))
        bursts = _bursts(lines, columns, models, self._pace)
        before = False
        for burst in islice(bursts, self._pace.bursts):
            if before and burst.scores:
                self._sleep(_PAUSE)
            before = bool(burst.scores)
            sent, position = sent + self._send(burst, cutoff), burst.end
        return {"done": next(lines, None) is None, "position": position, "sent": sent, "codes": codes}

    def _champions(self) -> tuple[list[Model], dict[str, str]]:
        models: list[Model] = []
        codes: dict[str, str] = {}
        for name in MODELS:
            standing = find_champion(self._registry, name, self._clock())
            if standing.model is not None:
                models.append(standing.model)
            if standing.fault == MISSING_POINTER:
                codes[name] = "no_champion"
            elif standing.fault is not None:
                codes[name] = standing.fault
                self._count("ChampionsUnusable", 1, {"reason": standing.fault})
        return models, codes

    def _send(self, burst: Burst, cutoff: int) -> int:
        """How many scores went out."""
        now = self._clock()
        open_to = self._open_to({profile_id for profile_id, _, _ in burst.scores}, now)
        records = [
            _scored(profile_id, model, said, cutoff, now)
            for profile_id, model, said in burst.scores
            if profile_id in open_to
        ]
        if records:
            self._stream.put([(record.key, encode_record(record)) for record in records])
        for name, number in (
            ("ScoresSent", len(records)),
            ("ScoresUnchanged", burst.unchanged),
            ("FeatureRowsSkipped", burst.skipped),
        ):
            if number:
                self._count(name, number, {})
        return len(records)

    def _open_to(self, profile_ids: Collection[str], now: int) -> set[str]:
        """Whom a model may tell of, on a consistent read of what they said and of what they are held from."""
        if not profile_ids:
            return set()
        items = self._profiles.items(profile_ids, consistent=True).values()
        people = [decode_profile(item.state) for item in items if item.state]
        holds = self._holds.each_hold({key for profile in people for key in profile.links})
        judge = JudgePeople(Edge.RECOMMEND, self._definitions()[1].policies, holds, now)
        found = {profile.profile_id for profile in people if judge(profile)}
        count_refusals(judge.refused, self._count)
        return found


def _bursts(lines: Iterable[Line], columns: Columns, models: Sequence[Model], pace: Pace) -> Iterator[Burst]:
    """Every line once: a burst ends with the last row whose scores fit into it, or that is looked at for it."""
    burst = Burst()
    for line in lines:
        burst.end = line.end
        burst.rows += 1
        _look(columns.read(line), models, burst)
        if len(burst.scores) + len(models) > pace.burst or burst.rows == pace.look:
            yield burst
            burst = Burst()
    if burst.end:
        yield burst


def _look(row: Features | None, models: Sequence[Model], burst: Burst) -> None:
    if row is None:
        burst.skipped += 1
        return
    for model in models:
        said = say(model, row.values)
        if row.known[model.name] == spell_score(model.version, said.value):
            burst.unchanged += 1
        else:
            burst.scores.append((row.profile_id, model, said))


def _scored(profile_id: str, model: Model, said: Said, at: int, now: int) -> Record:
    """One record a profile, partitioned by its id; it has no position to remember, because the later score counts."""
    event = Event(
        type=SCORE,
        name=model.name,
        message_id=f"score-{model.name}-{model.version}-{profile_id}-{at}",
        time=at,
        properties={
            "profile_id": profile_id,
            "model": model.name,
            "value": said.value,
            "version": model.version,
            "at": at,
            **({} if said.percentile is None else {"percentile": said.percentile}),
        },
    )
    return Record(
        source="attune", origin=Origin.INTERNAL, received_at=now, key=profile_id, trusted=True, events=(event,)
    )
