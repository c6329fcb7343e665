"""Models hold nothing of anybody; which of them were trained while somebody's rows were there is kept in mind.

So the next training replaces a champion that has seen the erased by any sound one (`train_models`). One
that nothing replaces serves for a stated time more (`lineages.LIFETIME`), which its pointer says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attune.domain.erasure.receipts import SeenBy
from attune.domain.learning.lineages import ERASURES, PEOPLE, Seen, decode_people, encode_people, may_have_seen
from attune.domain.learning.models import MODELS
from attune.use_cases.erasure.limit_champions import cutoff_of, limit_champion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.domain.erasure.subjects import Subject
    from attune.ports.erasure import VersionedBucket
    from attune.ports.learning import Registry

_LINEAGE: Final = re.compile(r"models/[^/]+/([^/]+)/lineage\.json")


class SweepModels:
    """Callable with a request's subjects."""

    def __init__(self, *, registry: Registry, bucket: VersionedBucket) -> None:
        self._registry = registry
        self._bucket = bucket

    def __call__(self, subjects: Sequence[Subject]) -> tuple[SeenBy, ...]:
        """The versions that may have seen them; none where personalization never was allowed."""
        people = {Seen(_since(one), one.erased_at) for one in subjects if one.trained}
        if not people:
            return ()
        found: list[SeenBy] = []
        for name in MODELS:
            before = decode_people(self._registry.document(name, ERASURES, PEOPLE))
            if not people <= set(before):
                self._registry.keep(name, ERASURES, {PEOPLE: encode_people({*before, *people})})
            serving = limit_champion(self._registry, name, {*before, *people})
            found += [
                SeenBy(model=name, version=version, serves=version == serving)
                for version in self._versions(name)
                if may_have_seen(cutoff_of(self._registry, name, version), people)
            ]
        return tuple(found)

    def _versions(self, name: str) -> Iterator[str]:
        for found in self._bucket.listed(f"models/{name}/"):
            if named := _LINEAGE.fullmatch(found.key):
                yield named[1]


def _since(subject: Subject) -> int:
    if not subject.first_day:
        return 0
    return round(datetime.fromisoformat(subject.first_day).replace(tzinfo=UTC).timestamp() * 1_000)
