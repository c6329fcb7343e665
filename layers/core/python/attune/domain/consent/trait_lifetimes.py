"""For how long a trait is kept after it was last said, by the purpose that names it. Pure.

Applied to what was said whenever that is asked, as policies are: so a new or a shorter time counts at once, also in
profiles that nobody writes. What is past its time is taken out of the profile when that is next written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attune.domain.definitions.conditions import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune.domain.definitions.purposes import Purpose
    from attune.domain.profiles.profile import Trait

#: stands for all traits that no purpose names
OTHERS: Final = "*"


@dataclass(frozen=True, slots=True)
class TraitLifetimes:
    """In ms by trait; `others`: of those that are not `named`. None: for good. False where there are none."""

    named: Mapping[str, int]
    others: int | None = None

    def __bool__(self) -> bool:
        return bool(self.named) or self.others is not None

    def of(self, name: str) -> int | None:
        """How long a trait is kept after it was last said."""
        return self.named.get(name, self.others)

    def end(self, name: str, said: Trait) -> int | None:
        """The instant from which on it is gone; None for never."""
        lifetime = self.of(name)
        return None if lifetime is None else said.time + lifetime

    def is_gone(self, name: str, said: Trait, at: int) -> bool:
        """Whether its time is up by then; what was taken back goes like what was said."""
        end = self.end(name, said)
        return end is not None and end <= at

    def held(self, traits: Mapping[str, Trait], at: int) -> Mapping[str, Trait]:
        """Those whose time is not up by then."""
        if not self:
            return traits
        return {name: said for name, said in traits.items() if not self.is_gone(name, said, at)}

    def first_end(self, traits: Mapping[str, Trait]) -> int | None:
        """When the first of these goes."""
        if not self:
            return None
        ends = (self.end(name, said) for name, said in traits.items())
        return min((end for end in ends if end is not None), default=None)


#: where nothing is defined
FOR_GOOD: Final = TraitLifetimes({})


def lifetimes_of(purposes: Iterable[Purpose]) -> TraitLifetimes:
    """Of all together. Two that name one trait are refused; of two that are there all the same the shorter counts."""
    found: dict[str, int] = {}
    for purpose in purposes:
        for name, duration in purpose.retention.traits.items():
            lifetime = milliseconds(duration)
            found[name] = min(lifetime, found.get(name, lifetime))
    return TraitLifetimes({name: one for name, one in found.items() if name != OTHERS}, found.get(OTHERS))
