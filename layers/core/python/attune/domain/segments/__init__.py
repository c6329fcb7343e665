"""Segments: conditions compiled once, kept true on every event and by the clock, exact to the millisecond.

`compilation` turns definitions into closures (`nodes`) over what a profile keeps (`slots`): `occurrences` of events,
`abandonment` of things, `standing` of what is known, of figures (`readings`) and `computed` traits. `live` keeps a
profile's memberships and says what campaigns should hear.
"""

from attune.domain.segments.compilation import Compiled, compile_segments
from attune.domain.segments.keeping import forget, keep
from attune.domain.segments.live import (
    Quiet,
    advance,
    announce,
    computed_values,
    evaluate,
    forget_stays,
    holds,
    members,
    next_due,
    react,
    traits_at,
)

__all__ = [
    "Compiled",
    "Quiet",
    "advance",
    "announce",
    "compile_segments",
    "computed_values",
    "evaluate",
    "forget",
    "forget_stays",
    "holds",
    "keep",
    "members",
    "next_due",
    "react",
    "traits_at",
]
