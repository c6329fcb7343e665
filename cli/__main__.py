"""`python -m cli`: the `attune` command from a checkout, wherever it is called from."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT / "layers/core/python"), str(_ROOT)]

from cli.commands import main  # noqa: E402 (the path comes first)

if __name__ == "__main__":
    main()
