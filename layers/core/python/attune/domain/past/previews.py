"""Whom a segment would hold: its size now and in past weeks, whom it shares with others, and what to make of it. Pure.

Of a share of all profiles (one in `share`, drawn by their ids) sizes are estimates. A profile is drawn or not whatever
segments it is in, so of `found` members drawn there are about `found * share`; the interval that holds the true number
in 95 of 100 drawings is that of a binomial count whose chance is known and whose number of trials is not.
"""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.definitions.kinds import Definitions
from attune.domain.definitions.references import reached, traits_named

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from attune.domain.definitions.kinds import Segment
    from attune.domain.past.reliving import Turn

WEEK: Final = 7 * 86_400_000
#: where what is asked lies until a preview is over: a draft may ask for somebody by their address
FOLDER: Final = "previews/"
#: profile ids that are shown
MAX_SAMPLE: Final = 20
#: below either of these a segment is hardly worth its campaign
FEW, SCARCE = 30, 0.001
#: above this share a segment tells nobody apart
NEARLY_ALL: Final = 0.9
#: above this Jaccard index two segments are one
ALIKE: Final = 0.9
_Z: Final = 1.96


class Tally(msgspec.Struct, kw_only=True):
    """What was counted of the profiles looked at so far. Lists are by week, the oldest first; the last one ends now.

    `entered` and `left` count memberships: of a segment with keys (carts) there is one for each thing. `others`: by
    segment how many are in it, and how many of these in both.
    """

    looked_at: int = 0
    #: the lake does not hold all of their events
    incomplete: int = 0
    sizes: list[int] = []
    entered: list[int] = []
    left: list[int] = []
    sample: list[str] = []
    others: dict[str, tuple[int, int]] = {}


def asked_key(run: str) -> str:
    """Of what a run is asked."""
    return f"{FOLDER}{run}.json"


def drafted(segment: Segment, current: Definitions) -> Definitions:
    """The segment among those that it asks for, under the purposes that there are, and nothing else."""
    segments = current.segments | {segment.id: segment}
    asked = reached((segment.id,), {name: (one,) for name, one in segments.items()})
    chosen = {name: segments[name] for name in sorted(asked) if name in segments}
    named = {trait for one in chosen.values() for trait in traits_named(one)}
    computed = {name: one for name, one in current.computed_traits.items() if name in named}
    return Definitions(purposes=current.purposes, segments=chosen, computed_traits=computed)


def week_ends(at: int, weeks: int) -> list[int]:
    """The end of each of the last weeks, the last one being `at`."""
    return [at - WEEK * ago for ago in reversed(range(weeks))]


def take_in(tally: Tally, profile_id: str, turns: Sequence[Turn], others: Collection[str], ends: Sequence[int]) -> None:
    """Count one profile: its memberships in the draft, in order, and the segments that it is in now."""
    if not tally.sizes:
        tally.sizes, tally.entered, tally.left = ([0] * len(ends) for _ in range(3))
    tally.looked_at += 1
    inside: set[str] = set()
    waiting = list(turns)
    for week, end in enumerate(ends):
        while waiting and waiting[0].at <= end:
            turn = waiting.pop(0)
            inside = inside | {turn.key} if turn.inside else inside - {turn.key}
            if turn.at > end - WEEK:
                counted = tally.entered if turn.inside else tally.left
                counted[week] += 1
        tally.sizes[week] += bool(inside)
    if inside and len(tally.sample) < MAX_SAMPLE:
        tally.sample.append(profile_id)
    for name in others:
        there, both = tally.others.get(name, (0, 0))
        tally.others[name] = there + 1, both + bool(inside)


def interval(found: int, share: int) -> tuple[int, int]:
    """Between which numbers the true one lies in 95 of 100 drawings; exactly `found` where everybody was looked at."""
    if share == 1:
        return found, found
    chance = 1 / share
    spread = _Z * sqrt(chance * (1 - chance))
    root = sqrt(spread * spread + 4 * chance * found)
    low, high = ((root - spread) / (2 * chance)) ** 2, ((root + spread) / (2 * chance)) ** 2
    return max(found, floor(low)), ceil(high)


def jaccard(one: int, other: int, both: int) -> float:
    """Of all who are in either the share of those in both; 0 where nobody is in any."""
    together = one + other - both
    return both / together if together else 0.0


def findings(tally: Tally, segment: str, share: int) -> list[dict[str, Any]]:
    """What a marketer should know before this is a segment, as `{code, message}`."""
    size, everybody = (tally.sizes[-1] if tally.sizes else 0) * share, tally.looked_at * share
    found = []
    if size < FEW or size < SCARCE * everybody:
        few = f"about {size:,} of {everybody:,} profiles are in it: too few to learn from or to write to"
        found.append({"code": "too_small", "message": few if size else "nobody is in it"})
    elif size > NEARLY_ALL * everybody:
        many = f"about {size:,} of {everybody:,} profiles are in it: it tells hardly anybody apart"
        found.append({"code": "too_large", "message": many})
    for name, (there, both) in sorted(tally.others.items()):
        alike = jaccard(tally.sizes[-1], there, both)
        if name != segment and alike > ALIKE:
            same = f"it holds nearly the same people as `{name}`: {alike:.0%} of those in either are in both"
            found.append({"code": "near_duplicate", "message": same})
    return found
