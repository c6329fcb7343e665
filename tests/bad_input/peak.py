"""Runs the corpus through the handler and prints how many bytes of memory the process had at most."""

import io
import resource
import sys
from contextlib import redirect_stdout

from tests.bad_input.corpus import CASES
from tests.bad_input.running import Request
from tests.functions.door import collect_module

_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """What the function itself prints, metrics and logs, is of no interest."""
    with redirect_stdout(io.StringIO()), collect_module() as module:
        for case in CASES:
            Request(module, case)
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT}\n")


if __name__ == "__main__":
    main()
