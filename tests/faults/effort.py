"""How much a run tries: a fixed-seed share in every test run, many times that with ATTUNE_FAULTS=long (`make
faults`).
"""

from __future__ import annotations

import os

LONG = os.environ.get("ATTUNE_FAULTS") == "long"
FACTOR = 20 if LONG else 1


def seeds(count: int) -> range:
    """As many seeds, from 0 on."""
    return range(count * FACTOR)


def examples(count: int) -> int:
    """As many examples of a property."""
    return count * FACTOR
