"""CPU that a call takes, for tests that must notice a hang.

How fast something is, is measured by `make bench`, alone on its machine (the 250 ms of bad input: `make bench
TOPIC=bad_input`). A test runs beside thousands of others and the local cloud, so here only this thread is counted,
garbage that others left behind is not collected meanwhile, and the bound is eight times the 250 ms: a slow or busy
machine stays below it, and what grows with the square of its input, or without end, does not.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: CPU seconds: no call that ends takes as long, however slow the machine
HANG: Final = 2.0
_TRIES: Final = 3


def timed[T](call: Callable[[], T]) -> tuple[T, float]:
    """What the call returns, and the CPU seconds of its fastest try; tried again only while it takes too long."""
    answer, spent = _once(call)
    for _ in range(_TRIES - 1):
        if spent < HANG:
            break
        answer, spent = min((answer, spent), _once(call), key=lambda one: one[1])
    return answer, spent


def _once[T](call: Callable[[], T]) -> tuple[T, float]:
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        began = time.thread_time()
        answer = call()
        return answer, time.thread_time() - began
    finally:
        if was_collecting:
            gc.enable()
