"""A folder on the function's own disk, which Lambda keeps as it is when it starts a killed function anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def own_folder(name: str) -> Path:
    """Of this process; those of the same name whose processes are gone are removed first.

    After a timeout or for want of memory Lambda begins again in the same environment: what was left there would take
    the room of the next try. On the local cloud many environments share one disk, and leave each other's alone.
    """
    scratch = Path(tempfile.gettempdir())
    for left in scratch.glob(f"{name}-*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    return scratch / f"{name}-{os.getpid()}"
