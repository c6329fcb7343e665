"""Effects that were lost between a profile's commit and its campaigns, made up for from the profiles themselves.

Where an outbox was never heard (its batch was given up, or grew too old for the table's stream), the profile still
says what it told: which stays, since when. For those that last and began in the given time, this does what
`run_campaigns` would have done, by the same code. A delivery's id follows from profile, campaign, segment, key and
instant, so what was not lost is found claimed already, and stays as it is; one in state `claimed` is put on the queue
again, as for any redelivery.

Entries that were never told are not told here: they wait for their wake-up. Nor is a stay that has ended: nothing would
be sent for it. Nor does a campaign start that was not there yet, or watched another segment, when somebody entered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.campaigns.deliveries import State
from attune.domain.campaigns.told import told_entries
from attune.domain.profiles.changes import encode_outbox
from attune.domain.profiles.state import decode_profile
from attune.use_cases.campaigns.run_campaigns import OutboxRecord, RunCampaigns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.campaigns.deliveries import Delivery
    from attune.domain.definitions.kinds import Campaign
    from attune.domain.profiles.changes import SegmentEntered
    from attune.ports import Count, ProfileItem
    from attune.ports.deliveries import DeliveryQueue, DeliveryStore
    from attune.ports.editing import DefinitionHistory
    from attune.ports.learning import ProfileScan
    from attune.use_cases.campaigns.read_circumstances import ReadCircumstances

#: profiles that are read at once, and seconds until the next ones: about 2 MB a second, 250 of DynamoDB's read units
PAGE: Final = 500
PAUSE: Final = 0.5


class EffectsFailedError(Exception):
    """Some entries could not be decided, because something was out of reach: call again from the same place."""


class Effects(msgspec.Struct):
    """How far a run has come; handed on to the next invocation as it is.

    `profiles` were looked at, and `entries` of theirs. Of these `claimed` deliveries were made and enqueued, `not_sent`
    decided against, and `enqueued` found claimed and put on the queue again. Whoever else was found has had theirs.
    """

    done: bool = False
    position: str = ""
    profiles: int = 0
    entries: int = 0
    claimed: int = 0
    not_sent: int = 0
    enqueued: int = 0


class RepairEffects:
    """Callable until done. `sleep` takes seconds."""

    def __init__(
        self,
        *,
        everybody: ProfileScan,
        circumstances: ReadCircumstances,
        definitions: DefinitionHistory,
        store: DeliveryStore,
        queue: DeliveryQueue,
        sleep: Callable[[float], None],
        count: Count,
        report: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._everybody = everybody
        self._circumstances = circumstances
        self._definitions = definitions
        self._store = store
        self._queue = queue
        self._sleep = sleep
        self._count = count
        self._report = report

    def __call__(self, since: int, so_far: Effects, *, dry_run: bool, has_time: Callable[[], bool]) -> Effects:
        """Page by page, at least one, others as long as `has_time`. `since`: the first instant that counts (ms).

        `EffectsFailedError` where already the first page cannot be done; after others the invocation just ends there.
        """
        effects = msgspec.structs.replace(so_far)
        ages = _Ages(self._definitions)
        watched = _Watched(self._store, self._queue, effects, dry_run=dry_run)
        campaigns = RunCampaigns(
            circumstances=self._circumstances,
            definitions=self._definitions,
            store=watched,
            queue=watched,
            count=self._uncounted if dry_run else self._count,
            report=self._report,
            starts=ages.knew,
        )
        first = True
        while not effects.done and (first or has_time()):
            if not first:
                self._sleep(PAUSE)
            items, place = self._everybody.some_items(effects.position, PAGE)
            records = list(_records(items, since))
            if campaigns(records):
                if first:
                    raise EffectsFailedError
                break
            effects.profiles += len(items)
            effects.entries += len(records)
            effects.position, effects.done, first = place, place == "", False
        return effects

    def _uncounted(self, *_: object) -> None:
        """Nothing happened that a metric should tell."""


class _Ages:
    """Since when each campaign has been started by its segment, asked once."""

    def __init__(self, definitions: DefinitionHistory) -> None:
        self._definitions = definitions
        self._since: dict[tuple[str, str], int] = {}

    def knew(self, campaign: Campaign, entry: SegmentEntered) -> bool:
        """Whether it was there for this entry: a campaign that came later must not start for those before it."""
        which = (campaign.id, entry.segment)
        if which not in self._since:
            self._since[which] = self._definitions.watched_since(*which)
        return entry.at >= self._since[which]


class _Watched:
    """`Claims` and `DeliveryQueue` that keep count of what is new; in a dry run they only look."""

    def __init__(self, store: DeliveryStore, queue: DeliveryQueue, effects: Effects, *, dry_run: bool) -> None:
        self._store = store
        self._queue = queue
        self._effects = effects
        self._dry_run = dry_run

    def claim(self, delivery: Delivery) -> Delivery:
        """Answers what is stored, or would be."""
        if self._dry_run:
            stored = self._store.get(delivery.profile_id, delivery.delivery_id) or delivery
        else:
            stored = self._store.claim(delivery)
        if stored == delivery:
            self._effects.claimed += stored.state is State.CLAIMED
            self._effects.not_sent += stored.state is State.NOT_SENT
        else:
            self._effects.enqueued += stored.state is State.CLAIMED
        return stored

    def enqueue(self, profile_id: str, delivery_id: str) -> None:
        """At least once."""
        if not self._dry_run:
            self._queue.enqueue(profile_id, delivery_id)


def _records(items: Iterable[ProfileItem], since: int) -> Iterator[OutboxRecord]:
    """What the table's stream would have carried; tombstones hold nothing."""
    for item in items:
        if not item.state:
            continue
        for number, (owner, entry) in enumerate(told_entries(decode_profile(item.state), since)):
            yield OutboxRecord(owner, f"{item.profile_id} {number}", encode_outbox((entry,)))
