"""Segments: conditions compiled once, kept true on every event and by the clock, exact to the millisecond.

`conditions` compiles definitions; `truth` answers whether a condition holds, since when and until when; `live` keeps a
profile's memberships and says what campaigns should hear.
"""

from attune.domain.segments.conditions import Compiled, compile_segments
from attune.domain.segments.live import advance, announce, evaluate, holds, members, next_due

__all__ = ["Compiled", "advance", "announce", "compile_segments", "evaluate", "holds", "members", "next_due"]
