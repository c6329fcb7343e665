"""The traces of erased people out of every store, piece by piece; what is done twice is found done.

In two stages, with a compaction of the lake between them: `stores` removes and rewrites; `versions` removes what
rewriting and compacting have left behind as earlier versions, and says which models have seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from attune.domain.campaigns.deliveries import is_of_both, is_under_way, without_words
from attune.domain.erasure.subjects import decode_subject, subjects_of
from attune.ports import ConflictError
from attune.use_cases.erasure.sweep_inputs import ERRORS, EXPORTS, QUARANTINE, QUERIES, Named, SweepInputs
from attune.use_cases.erasure.sweep_lake import LAKE, RAW
from attune.use_cases.erasure.sweep_tallies import Tallies
from attune.use_cases.profiles.find_profiles import ends

if TYPE_CHECKING:
    from attune.domain.campaigns.deliveries import Delivery
    from attune.domain.erasure.subjects import Subject
    from attune.ports import Clock, Count, ProfileReader
    from attune.ports.deliveries import DeliveryStore
    from attune.ports.documents import Documents
    from attune.ports.erasure import PersonalItems, VersionedBucket
    from attune.use_cases.erasure.sweep_batches import SweepBatches
    from attune.use_cases.erasure.sweep_files import SweepFiles
    from attune.use_cases.erasure.sweep_lake import SweepLake
    from attune.use_cases.erasure.sweep_models import SweepModels

COMPACTED: Final = "compacted/"
#: ms: clocks differ, and what was rewritten must not be younger than the compaction that follows
_MARGIN: Final = 1_000

type Stage = Literal["stores", "versions"]
type HasTime = Callable[[], bool]
type Step = Callable[[Named, str, Tallies, HasTime], str | None]


class Buckets(NamedTuple):
    """Those that are swept."""

    quarantine: VersionedBucket
    lake: VersionedBucket
    audit: VersionedBucket


class SweepStores:
    """Callable with the position of the answer before, until done."""

    def __init__(  # noqa: PLR0913 - one keyword a store
        self,
        *,
        documents: Documents,
        profiles: ProfileReader,
        items: PersonalItems,
        messages: DeliveryStore,
        buckets: Buckets,
        batches: SweepBatches,
        files: SweepFiles,
        lake: SweepLake,
        models: SweepModels,
        clock: Clock,
        count: Count,
    ) -> None:
        self._documents = documents
        self._profiles = profiles
        self._items = items
        self._messages = messages
        self._buckets = buckets
        self._models = models
        self._clock = clock
        self._count = count
        self._stages: Mapping[Stage, Mapping[str, Step]] = {
            "stores": self._stores(batches, files, lake),
            "versions": self._versions(),
        }

    def _stores(self, batches: SweepBatches, files: SweepFiles, lake: SweepLake) -> dict[str, Step]:
        """What removes and rewrites, in this order."""
        return {
            # First, so that no training under way is promoted with what it has read.
            "lineage": self._note_models,
            "profiles": self._see_profiles,
            "deliveries": self._remove_deliveries,
            "pages": self._remove_pages,
            "quarantine": SweepInputs("quarantine", self._buckets.quarantine, QUARANTINE),
            "failures": batches,
            "imports": files,
            LAKE: lambda named, *rest: lake(named.subjects, *rest),
            "lake_errors": SweepInputs("lake_errors", self._buckets.lake, ERRORS),
            "queries": SweepInputs("queries", self._buckets.lake, QUERIES),
            "exports": SweepInputs("exports", self._buckets.audit, EXPORTS),
        }

    def _versions(self) -> dict[str, Step]:
        """What these left behind, and what has come since."""
        return {
            # Of a change that campaigns heard of late it was noted since that nothing is sent.
            "deliveries": self._remove_deliveries,
            "queries": SweepInputs("queries", self._buckets.lake, QUERIES),
            "versions": self._forget_versions,
            "models": self._look_at_models,
        }

    def __call__(self, stage: Stage, requests: Sequence[str], position: str, has_time: HasTime) -> dict[str, Any]:
        """`{done, position, swept_at}`: at least one piece, others as long as `has_time`; `swept_at` in ms."""
        named = Named(self._subjects(requests))
        tallies = Tallies(self._documents, requests)
        steps = self._stages[stage]
        names = list(steps)
        store, _, place = position.partition("|")
        for name in names[names.index(store) if store else 0 :]:
            if not place:
                tallies.begin(name, self._clock())
            reached = steps[name](named, place, tallies, has_time)
            tallies.save()
            if reached is not None:
                return self._answer(f"{name}|{reached}")
            place = ""
            if name != names[-1] and not has_time():
                return self._answer(f"{names[names.index(name) + 1]}|")
        self._count("RequestsSwept", len(requests), {"stage": stage})
        return self._answer("")

    def _answer(self, position: str) -> dict[str, Any]:
        return {"done": not position, "position": position, "swept_at": self._clock() + _MARGIN}

    def _subjects(self, requests: Sequence[str]) -> list[Subject]:
        keys = [key for request in requests for key in self._documents.keys(subjects_of(request))]
        found = (self._documents.get(key) for key in keys)
        return [decode_subject(data) for data in found if data is not None]

    def _see_profiles(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        """The stream has erased them; who is there still is left, and everything of theirs comes again.

        Graves of an erasure before are none of this one's.
        """
        del place, has_time
        tallies.count_anew("profiles")
        for subject in named.subjects:
            reached = ends(self._profiles, subject.profile_ids, consistent=True).values()
            alive = sum(one.erased_at is None for one in reached)
            buried = sum(one.erased_at is not None and one.erased_at >= subject.asked_at for one in reached)
            tallies.add([subject], "profiles", found=buried + alive, rewritten=buried, left=alive)
        return None

    def _remove_deliveries(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        """Subject by subject; `place` is how many were done."""
        for number, subject in enumerate(named.subjects[int(place or 0) :], int(place or 0) + 1):
            removed = self._items.remove_deliveries(subject.profile_ids)
            tallies.add([subject], "deliveries", found=removed, removed=removed)
            self._blank_messages(subject, tallies)
            if not has_time() and number < len(named.subjects):
                return str(number)
        return None

    def _blank_messages(self, subject: Subject, tallies: Tallies) -> None:
        """Of those that others keep who were one with them; one that is leaving is left until it is over."""
        for profile_id, until in sorted(subject.mixed.items()):
            found = [one for one in self._messages.of_profile(profile_id) if is_of_both(one, until)]
            blanked = sum(map(self._blank, found))
            tallies.add([subject], "deliveries", found=blanked, rewritten=blanked, left=len(found) - blanked)

    def _blank(self, message: Delivery) -> bool:
        now = self._clock()
        if is_under_way(message, now):
            return False
        try:
            self._messages.settle(
                without_words(message, now=now), read_state=message.state, read_attempts=message.attempts
            )
        except ConflictError:
            return False
        return True

    def _remove_pages(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        del place, has_time
        for subject in named.subjects:
            removed = self._items.remove_pages(subject.pages)
            tallies.add([subject], "pages", found=removed, removed=removed)
        return None

    def _forget_versions(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        """Any earlier version may hold what is not in the current one any more; whose it was nobody needs to know."""
        del place, has_time
        lake, audit = self._buckets.lake, self._buckets.audit
        forgotten = sum(map(lake.forget, (RAW, COMPACTED, ERRORS, QUERIES))) + audit.forget(EXPORTS)
        tallies.add(named.subjects, "versions", found=forgotten, removed=forgotten)
        return None

    def _note_models(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        del place, tallies, has_time
        self._models(named.subjects)
        return None

    def _look_at_models(self, named: Named, place: str, tallies: Tallies, has_time: HasTime) -> str | None:
        del place, has_time
        for request in tallies.requests:
            mine = [subject for subject in named.subjects if subject.request_id == request]
            tallies.end(request, self._models(mine), self._clock())
        return None
