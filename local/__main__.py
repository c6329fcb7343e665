"""The local cloud's command line: `python -m local up|down|demo`."""

import argparse
import importlib
import sys
from pathlib import Path

from local import commands
from local.stack import DEFAULT_STATE
from local.state import LocalCloudError, StateDirectory


def main() -> int:
    """Run one command; 1 with the reason when the local cloud did not do what it should."""
    if sys.argv[1:2] == ["demo"]:
        # The demo has options of its own, and needs clients that nothing else here needs.
        return int(importlib.import_module("local.demo").main(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "demo"))
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE.path, help="where the stack keeps its files")
    parser.add_argument("--assembly", type=Path, default=None, help="a synthesized app; without it, the project's")
    chosen = parser.parse_args()
    state = StateDirectory(chosen.state.resolve())
    try:
        if chosen.command == "up":
            return commands.bring_up(state, chosen.assembly)
        return commands.take_down(state)
    except LocalCloudError as error:
        print(f"the local cloud: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
