"""Runs the corpus through the handler and prints how many bytes of memory the process had at most."""

import io
import resource
import sys
from contextlib import redirect_stdout
from pathlib import Path

from tests.bad_input.corpus import CASES
from tests.bad_input.running import Request
from tests.functions.door import collect_module


def peak() -> int:
    """Of this program alone: on Linux `ru_maxrss` also counts what its parent held when it began."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """What the function itself prints, metrics and logs, is of no interest."""
    with redirect_stdout(io.StringIO()), collect_module() as module:
        for case in CASES:
            Request(module, case)
    sys.stdout.write(f"{peak()}\n")


if __name__ == "__main__":
    main()
