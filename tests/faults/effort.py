"""How much a run tries: a fixed-seed share in every test run, many times that with ATTUNE_FAULTS=long (`make
faults`).
"""

from __future__ import annotations

import os

LONG = os.environ.get("ATTUNE_FAULTS") == "long"
FACTOR = 20 if LONG else 1


def seeds(count: int, *, long: int | None = None) -> range:
    """As many seeds, from 0 on; `long`: how many in a long run, where a bar names the number."""
    return range(examples(count, long=long))


def examples(count: int, *, long: int | None = None) -> int:
    """As many examples of a property; `long` as for seeds."""
    return long if LONG and long is not None else count * FACTOR
