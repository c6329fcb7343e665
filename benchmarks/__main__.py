"""The benchmarks: `python -m benchmarks [topic]` prints figures and keeps them under benchmarks/results."""

import json
import sys
from pathlib import Path

from benchmarks import (
    backfill,
    bad_input,
    collect,
    costs,
    dynalite,
    files,
    floor,
    imports,
    learning,
    library,
    process,
    segments,
)

RESULTS = Path(__file__).resolve().parent / "results"
TOPICS = {
    "backfill": backfill,
    "bad_input": bad_input,
    "collect": collect,
    "costs": costs,
    "files": files,
    "floor": floor,
    "imports": imports,
    "learning": learning,
    "library": library,
    "process": process,
    "segments": segments,
    "units": dynalite,
}


def main(wanted: list[str]) -> int:
    """Run the topics named, or all of them."""
    unknown = sorted(set(wanted) - TOPICS.keys())
    if unknown:
        print(f"no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in wanted or TOPICS:
        TOPICS[name].show()
        (RESULTS / f"{name}.json").write_text(json.dumps(TOPICS[name].figures(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
