"""Mutation testing: of all the small faults that can be made in the domain's heart, how many does the suite notice?

`python -m tests.mutants [module …]`: mutmut makes them one by one and runs the tests that reach the place, by what
pyproject.toml says. It expects the code under `src`, so it works in a copy of the tree. What is left unnoticed is
printed as a patch; in docs/reliability.md stands which of those change nothing that anybody could notice.

As a plugin of pytest (`-p tests.mutants`) it keeps hypothesis from looking for the smallest example: any will do here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from hypothesis import Phase, settings

ROOT: Final = Path(__file__).resolve().parents[1]
COPY: Final = ROOT / ".build/mutants"
#: at least this share must be noticed, in each module by itself
BAR: Final = 0.85
_NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", ".venv", "demo")
#: mutmut's exit codes of a mutant's tests: all passed, and none reached the place
_SURVIVED: Final = frozenset({0, 5, 33})


def pytest_configure() -> None:
    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutants")


def main(chosen: list[str]) -> int:
    """Exit code 1 where a module falls short."""
    copy_tree()
    patterns = [f"attune.domain.{module}.*" for module in chosen]
    run = subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *patterns], cwd=COPY, check=False
    )
    if run.returncode:
        return run.returncode
    short = False
    for module in modules():
        results = exit_codes(module)
        if chosen and module not in chosen:
            continue
        left = [name for name, code in results.items() if code in _SURVIVED]
        for name in left:
            show(name)
        share = 1 - len(left) / len(results)
        print(f"{module:>20}: {len(results) - len(left):4} of {len(results):4} noticed, {share:.1%}")
        short |= share < BAR
    print(f"the bar is {BAR:.0%} for each")
    return int(short)


def copy_tree() -> None:
    """Anew each time: mutmut would keep what it found of code that has not changed since, whatever the tests do now."""
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(ROOT / "layers/core/python", COPY / "src", ignore=_NOT_COPIED)
    for name in ("tests", "local"):
        shutil.copytree(ROOT / name, COPY / name, ignore=_NOT_COPIED)
    shutil.copy2(ROOT / "pyproject.toml", COPY)


def modules() -> list[str]:
    config = tomllib.loads((COPY / "pyproject.toml").read_text())["tool"]["mutmut"]
    paths = [Path(path).relative_to("src/attune/domain") for path in config["only_mutate"]]
    return [".".join(path.with_suffix("").parts) for path in paths]


def exit_codes(module: str) -> dict[str, int]:
    path = COPY / f"mutants/src/attune/domain/{module.replace('.', '/')}.py.meta"
    found: dict[str, Any] = json.loads(path.read_text())
    return {name: code for name, code in found["exit_code_by_key"].items() if code is not None}


def show(name: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name], cwd=COPY, check=True, capture_output=True, text=True
    )
    print("\n".join(line for line in shown.stdout.splitlines() if not line.startswith(("---", "+++", "# "))))
    print(f"unnoticed: {name}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
