"""For how long each field of the catalog is kept and where, as purposes say it; in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.campaigns.deliveries import KEPT, kept_for
from attune.domain.consent.trait_lifetimes import OTHERS, lifetimes_of
from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.kinds import purposes_of
from attune.domain.identifiers import DAY, WEAK
from attune.domain.privacy.lake_retention import days_said
from attune.domain.profiles.consent import STORE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.purposes import Purpose

#: `{lake}`: for how long what was said lies in the lake
_KEPT: Final = {
    "identifier": "until the person is erased: it is how they are found; in the lake {lake}",
    "trait": "until it is replaced or the person is erased; in the lake {lake}",
    "property": "in the lake {lake}; of it in the profile what segments and carts need",
    "context": "in the lake {lake}",
    "call": "in the lake {lake}",
    "computed_trait": "as long as the profile keeps what it is worked out from",
    "segment": "the last stay, until the person is erased or the segment deleted",
    "score": "until the next training, or until personalization is refused",
    "list": "until they are taken off it or erased",
    "consent": "for good, as proof (Art. 7(1)); after an erasure it leads to nobody",
}
_KEPT_OF_THINGS: Final = (
    "30 days after its last use, the newest 50: it names a thing; in a profile until that is next written; in the lake"
    " {lake}"
)
_FOR_GOOD: Final = "until the person is erased"


class Keeping:
    """Made once of a snapshot of definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._purposes = purposes_of(definitions)
        self._traits = lifetimes_of(self._purposes.values())
        self._days = days_said(self._purposes[STORE])
        self._lake = _FOR_GOOD if self._days is None else _days(self._days * DAY)

    @property
    def traits(self) -> frozenset[str]:
        """Those of which purposes say by name how long they are kept."""
        return frozenset(self._traits.named)

    def of(self, part: str, name: str, channels: Iterable[str]) -> str:
        """`channels`: whose messages may say it."""
        said = self._of_a_trait(name) if part == "trait" else None
        of_a_thing = part == "identifier" and name in WEAK
        rest = (_KEPT_OF_THINGS if of_a_thing else _KEPT[part]).format(lake=self._lake)
        return "; ".join((said or rest, *self._in_messages(channels)))

    def purposes(self, part: str, name: str) -> tuple[str, ...]:
        """Those that name it among the traits which are kept for them."""
        if part != "trait" or name == OTHERS:
            return ()
        return tuple(purpose for purpose, one in self._purposes.items() if name in one.retention.traits)

    def _of_a_trait(self, name: str) -> str | None:
        kept = self._traits.of(name)
        if kept is None:
            return None
        longer = "longer, " if self._days is None or self._days * DAY > kept else ""
        return f"{_days(kept)} after it was last said; its copies in the lake {longer}{self._lake}"

    def _in_messages(self, channels: Iterable[str]) -> list[str]:
        return [f"in messages of {one} {_days(kept_for(self._definitions, one))}" for one in channels]


def kept_in_words(purpose: Purpose) -> str:
    """How long what is held for it is kept, for the person whom it is about (Art. 15(1)d)."""
    said = purpose.retention
    words = [f"messages {_days(milliseconds(said.messages) if said.messages else KEPT)}"]
    if purpose.id == STORE:
        days = days_said(purpose)
        words.append(f"what you did {'until you are erased' if days is None else _days(days * DAY)}")
    for name, lifetime in sorted(said.traits.items(), key=lambda one: (one[0] == OTHERS, one[0])):
        what = "what else is said of you" if name == OTHERS else name
        words.append(f"{what} {_days(milliseconds(lifetime))} after it was last said")
    return "; ".join(words)


def _days(length: int) -> str:
    """`1 day`, `400 days`; less than whole days as hours, minutes, seconds."""
    for unit, size in (("day", DAY), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)):
        if length % size == 0:
            number = length // size
            return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
    return f"{length:,} ms"
