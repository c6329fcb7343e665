"""Segments: conditions compiled once, kept true on every event and by the clock, exact to the millisecond.

`conditions` compiles definitions; `truth` answers whether a condition holds, since when and until when; `live` keeps a
profile's memberships and says what campaigns should hear.
"""

from attune.domain.segments.conditions import Compiled, compile_segments
from attune.domain.segments.live import Quiet, advance, announce, evaluate, holds, members, next_due, react

__all__ = [
    "Compiled",
    "Quiet",
    "advance",
    "announce",
    "compile_segments",
    "evaluate",
    "holds",
    "members",
    "next_due",
    "react",
]
