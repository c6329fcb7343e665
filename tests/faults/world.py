"""The functions on stores in memory, fed by the simulator: everything of one deployment but AWS.

Each function runs as Lambda runs it: an instance is built for the first invocation, kept warm for later ones with
whatever it remembers, and gone after a crash. All its ports are wired, so that a test can break any call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from attune.adapters.cached_profiles import CachedProfiles
from attune.adapters.memory import (
    MemoryChampions,
    MemoryDeliveries,
    MemoryHolds,
    MemoryLake,
    MemoryProfiles,
    MemoryQuarantine,
    MemoryQueue,
    MemorySecrets,
    MemorySender,
    MemoryStream,
    PlainSeal,
    StreamRecord,
)
from attune.adapters.standard_webhooks import sign
from attune.domain.definitions.kinds import Definition, Definitions
from attune.domain.events import Event, Rejected, encode_record
from attune.domain.identity.resolution import Identity
from attune.domain.learning.models import Model
from attune.domain.profiles.changes import encode_outbox
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile
from attune.ports import Commit, ProfileItem
from attune.use_cases.campaigns import deliver_messages, run_campaigns
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances
from attune.use_cases.processing import process_events
from attune.use_cases.processing.wake_profiles import WakeProfiles
from tests.builders import HOUR, MINUTE, NOW, Pseudonyms, definitions, record
from tests.faults.simulator import Message, QueueMapping, Schedule, Simulator
from tests.faults.stream_mapping import StreamMapping
from tests.faults.wires import Steady, Turns, TurnTaking, Wire, wired

#: time is let pass to full 10 s; instants that lie 5 s off are then never within what the clock runs on by itself
ROUND = 10_000
#: bytes of what is remembered of a message; a page of webhooks' has one byte in front
ENTRY = 20
WEBHOOK_SECRET = "whsec_YSBzaWduaW5nIHNlY3JldCBvZiAzMiBieXRlcywgeWVz"


class Time:
    """The one clock of a world, in ms. Looking at it takes a `tick`, so that later looks see later times."""

    def __init__(self, now: int = NOW, tick: int = 1) -> None:
        self.now = now
        self._tick = tick

    def __call__(self) -> int:
        self.now += self._tick
        return self.now


class LaggingProfiles(MemoryProfiles):
    """An eventually consistent table: unless asked for consistency, some answers are one write old."""

    def __init__(self, rng: Random, lag: float) -> None:
        super().__init__()
        self._rng, self._lag = rng, lag
        self._old_items: dict[str, ProfileItem] = {}
        self._old_identities: dict[str, Identity] = {}

    def identities(self, keys: Any, *, consistent: bool) -> dict[str, Identity]:
        found = super().identities(keys, consistent=consistent)
        return found if consistent else self._blur(found, self._old_identities)

    def items(self, profile_ids: Any, *, consistent: bool) -> dict[str, ProfileItem]:
        found = super().items(profile_ids, consistent=consistent)
        return found if consistent else self._blur(found, self._old_items)

    def commit(self, commit: Commit) -> None:
        items = super().items([item.profile_id for _, item in commit.items], consistent=True)
        keys = super().identities([claim.identity_key for claim in commit.claims], consistent=True)
        super().commit(commit)
        self._old_items |= items
        self._old_identities |= keys

    def _blur[T](self, found: dict[str, T], old: dict[str, T]) -> dict[str, T]:
        late = {key for key in sorted(found) if self._rng.random() < self._lag}
        return {
            key: old[key] if key in late else value for key, value in found.items() if key not in late or key in old
        }


class Fixed:
    """`DefinitionReader` of one snapshot."""

    def __init__(self, snapshot: Definitions) -> None:
        self._snapshot = snapshot

    def current(self) -> Definitions:
        return self._snapshot


@dataclass
class Warm:
    """A function's environments: reused in turn, built when all are busy, gone when they crash."""

    build: Callable[[], Callable[[Any], Any]]
    answer: Callable[[Any], Any] = lambda failed: {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
    idle: list[Callable[[Any], Any]] = field(default_factory=list)

    def __call__(self, records: list[Any]) -> Any:
        function = self.idle.pop(0) if self.idle else self.build()
        answer = self.answer(function(records))
        self.idle.append(function)
        return answer


class World:
    """`send` puts events on the stream as accepted requests; `settle` runs everything until nothing is left to do."""

    def __init__(
        self,
        *more: Definition,
        seed: int = 1,
        wire: Wire | None = None,
        shards: int = 1,
        lag: float = 0.0,
        schedule: Schedule | None = None,
        tick: int = 1,
        models: Iterable[Model] = (),
        mapping: Mapping[str, Any] | None = None,
    ) -> None:
        """`mapping`: options of both stream mappings beside the calm ones."""
        self.rng, self.time, self.turns = Random(seed), Time(tick=tick), Turns()
        self.wire: Wire = wire or Steady()
        self._schedule = schedule or Schedule(again=0.0, parallel=1)
        self._definitions = Fixed(definitions(*more))
        self.champions = MemoryChampions(models)
        self.profiles = LaggingProfiles(self.rng, lag) if lag else MemoryProfiles()
        self.stream, self.lake, self.quarantine = MemoryStream(), MemoryLake(), MemoryQuarantine(Pseudonyms().key)
        self.holds, self.deliveries, self.queue = MemoryHolds(), MemoryDeliveries(), MemoryQueue()
        self.sender, self.secrets = MemorySender(), MemorySecrets({"shop_webhook": (WEBHOOK_SECRET,)})
        self.seal, self.pseudonyms = PlainSeal(), Pseudonyms()
        self._holders = itertools.count(1)
        self.epoch = 1
        options: dict[str, Any] = {"shards": shards, "clock": lambda: self.time.now, **(mapping or {})}
        self.process = StreamMapping(
            Warm(self._process_events), self._records, lambda r: r.key, lambda r: r.sequence, **options
        )
        self.campaigns = StreamMapping(
            Warm(self._run_campaigns), self._outboxes, lambda r: r.profile_id, lambda r: r.sequence, **options
        )
        self.delivery = QueueMapping(
            Warm(self._deliver_messages), self._messages, self.time, visibility=5 * MINUTE, max_receives=100
        )

    # ------------------------------------------------------------------------------------------------- what happens

    def send(self, *events: Event, rejected: Iterable[Rejected] = (), **overrides: Any) -> None:
        """One request's events of one partition key."""
        fields = {"received_at": self.time.now, "rejected": tuple(rejected)} | overrides
        sent = record(*events, **fields)
        self.stream.put([(sent.key, encode_record(sent))])

    def settle(self, *, until: int | None = None, sending: bool = True) -> Simulator:
        """Let the functions work, and time pass where they wait for it, but not beyond `until`.

        Without `sending` the queue stays as it is.
        """
        simulator = Simulator(
            self.rng,
            [self.process, self.campaigns, *([self.delivery] if sending else [])],
            self.turns,
            self._schedule,
            idle=lambda: self._wait(self.time.now if until is None else until),
        )
        simulator.run()
        return simulator

    def pass_time(self, milliseconds: int, *, sending: bool = True) -> Simulator:
        """Everything that comes due on the way happens, each at its time or a little later."""
        end = -(-(self.time.now + milliseconds) // ROUND) * ROUND
        simulator = self.settle(until=end, sending=sending)
        self.time.now = max(end, self.time.now)
        return simulator

    def wake(self) -> int:
        """One run of wake_profiles."""
        return self._wake_profiles()()

    def _wait(self, until: int) -> bool:
        """On to the next instant at which there is something to do; answers whether there is one."""
        dues = [item.due_at for item in self.profiles.all_items() if item.due_at is not None]
        tries = [self.process.next_try(), self.campaigns.next_try(), self.delivery.next_visible()]
        instants = [*dues, *(at for at in tries if at is not None)]
        upcoming = [max(instant, self.time.now) for instant in instants if instant <= until]
        if not upcoming:
            return False
        # Workers answer late: what the clock says has always passed the instant by a little.
        self.time.now = min(upcoming) + self.rng.randint(0, 2_000)
        if any(due <= self.time.now for due in dues):
            self.wake()
        return True

    def read_again(self, batch: int) -> None:
        """Everything on the stream from its oldest record on, by a worker that remembers nothing."""
        process, records = self._process_events(), [_delivered(one) for one in self.stream.records]
        for start in range(0, len(records), batch):
            assert process(records[start : start + batch]) == []

    # ------------------------------------------------------------------------------------------------ what is read

    def live_items(self) -> list[ProfileItem]:
        """Items that are no tombstones."""
        return [item for item in self.profiles.all_items() if item.merged_into is None and item.erased_at is None]

    def states(self) -> list[dict[str, Any]]:
        """The live profiles as plain data."""
        return [plain(item, self.profiles) for item in self.live_items()]

    # -------------------------------------------------------------------------------------------------- the wiring

    def _wired[T](self, name: str, port: T) -> T:
        return wired(TurnTaking(self.turns, self.wire), name, port)

    def _process_events(self) -> Callable[[Any], Any]:
        return process_events.ProcessEvents(
            profiles=CachedProfiles(self._wired("process_events.profiles", self.profiles)),
            lake=self._wired("process_events.lake", self.lake),
            quarantine=self._wired("process_events.quarantine", self.quarantine),
            definitions=self._wired("process_events.definitions", self._definitions),
            champions=self._wired("process_events.champions", self.champions),
            pseudonyms=self.pseudonyms,
            seal=self.seal,
            clock=self.time,
            epoch=self.epoch,
            count=lambda *_: None,
            pause=lambda _: self.turns.give_away(),
        )

    def _run_campaigns(self) -> Callable[[Any], Any]:
        return run_campaigns.RunCampaigns(
            circumstances=self._circumstances("run_campaigns"),
            definitions=self._wired("run_campaigns.definitions", self._definitions),
            store=self._wired("run_campaigns.deliveries", self.deliveries),
            queue=self._wired("run_campaigns.queue", self.queue),
            count=lambda *_: None,
        )

    def _deliver_messages(self) -> Callable[[Any], Any]:
        function = deliver_messages.DeliverMessages(
            circumstances=self._circumstances("deliver_messages"),
            store=self._wired("deliver_messages.deliveries", self.deliveries),
            secrets=self._wired("deliver_messages.secrets", self.secrets),
            sign=sign,
            sender=self._wired("deliver_messages.sender", self.sender),
            put_back=self._wired("deliver_messages.queue", self.delivery).hide,
            clock=self.time,
            jitter=lambda: 0.5,
            holder=lambda: f"worker-{next(self._holders)}",
            count=lambda *_: None,
        )

        def received(messages: list[Message]) -> list[str]:
            return function([deliver_messages.Message(one.identifier, one.identifier, one.body) for one in messages])

        return received

    def _circumstances(self, function: str) -> ReadCircumstances:
        return ReadCircumstances(
            profiles=self._wired(f"{function}.profiles", self.profiles),
            holds=self._wired(f"{function}.holds", self.holds),
            definitions=self._wired(f"{function}.definitions", self._definitions),
            clock=self.time,
        )

    def _wake_profiles(self) -> WakeProfiles:
        return WakeProfiles(
            due=self.profiles,
            stream=self.stream,
            clock=self.time,
            sleep=lambda _: None,
            stream_shards=1,
            count=lambda *_: None,
        )

    def _records(self, start: int) -> list[process_events.StreamRecord]:
        return [_delivered(one) for one in self.stream.records[start:]]

    def _outboxes(self, start: int) -> list[run_campaigns.OutboxRecord]:
        """As the mapping's filter lets them through: images with an outbox."""
        images = [item for item in self.profiles.images() if item.outbox][start:]
        return [
            run_campaigns.OutboxRecord(item.profile_id, str(number), encode_outbox(item.outbox))
            for number, item in enumerate(images, start + 1)
        ]

    def _messages(self, start: int) -> list[str]:
        return [
            msgspec.json.encode({"profile_id": profile_id, "delivery_id": delivery_id}).decode()
            for profile_id, delivery_id in self.queue.messages[start:]
        ]


def plain(item: ProfileItem, profiles: MemoryProfiles) -> dict[str, Any]:
    """A stored profile as plain data: what is as in a new profile is left out, its memory is whole."""
    profile = decode_profile(item.state)
    pages = profiles.pages(item.pages)
    whole = [pages[reference] for reference in item.pages]
    profile.seen = b"".join([*(page for page in whole if len(page) % ENTRY == 0), profile.seen])
    profile.webhooks = b"".join([*(page[1:] for page in whole if len(page) % ENTRY), profile.webhooks])
    blank = Profile(profile_id="")
    return {
        name: msgspec.to_builtins(value, builtin_types=(bytes,))
        for name, value in msgspec.structs.asdict(profile).items()
        if value != getattr(blank, name)
    }


def _delivered(one: StreamRecord) -> process_events.StreamRecord:
    return process_events.StreamRecord(one.partition_key, str(one.sequence), one.data, arrived_at=NOW + one.sequence)


#: how long until every timer of the example definitions has run out and every retry is over
LONG_ENOUGH = 30 * HOUR
