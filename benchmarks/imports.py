"""What it costs to import each hot-path handler as Lambda does, beside `import boto3`: modules, and CPU in ratio.

Every measurement is a process of its own, with nothing but the function, its layers as built for this machine, and the
runtime's boto3. Milliseconds differ between machines and days; the ratio in the same run hardly does.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from attune.runtime import settings

ROOT: Final = Path(__file__).resolve().parents[1]
HOT_PATH: Final = (
    "collect_events", "receive_webhook", "process_events", "wake_profiles", "run_campaigns", "deliver_messages",
)  # fmt: skip
_TIMES: Final = 3
_LAYERS: Final = ("core", "powertools")
_RUNTIME: Final = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")

_PROGRAM: Final = """
import importlib.machinery, json, sys, time
plan = json.load(sys.stdin)
sys.path[:0] = plan["path"]
class Runtime:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in plan["runtime"]:
            return importlib.machinery.PathFinder.find_spec(name, [plan["site"]])
        return None
sys.meta_path.append(Runtime)
loaded, before = len(sys.modules), time.process_time()
__import__(plan["module"])
print(json.dumps([time.process_time() - before, len(sys.modules) - loaded]))
"""


def costs() -> dict[str, tuple[float, int]]:
    """CPU seconds and modules, of boto3 and of every handler."""
    found = {"boto3": _cost("boto3", "")}
    return found | {name: _cost("handler", str(ROOT / "functions" / name)) for name in HOT_PATH}


def _cost(module: str, path: str) -> tuple[float, int]:
    """The median of CPU seconds, and the modules loaded; once more before, so that bytecode is there."""
    measured = [_import(module, path) for _ in range(1 + _TIMES)][1:]
    return statistics.median(seconds for seconds, _ in measured), measured[0][1]


def _import(module: str, path: str) -> tuple[float, int]:
    layers = [str(ROOT / ".build" / "layers" / "local" / name / "python") for name in _LAYERS]
    plan = {
        "module": module,
        "path": [path, *layers] if path else layers,
        "runtime": _RUNTIME,
        "site": sysconfig.get_path("purelib"),
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROGRAM],
        input=json.dumps(plan),
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"cannot import {path or module}: {done.stderr}")
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


def _environment() -> dict[str, str]:
    """Every setting of every function has a value; nothing is called while importing."""
    classes = [kind for _, kind in inspect.getmembers(settings, dataclasses.is_dataclass)]
    fields = [field for kind in classes for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]
    values = {field.name.upper(): "1" if field.type == "int" else f"some-{field.name}" for field in fields}
    return values | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1", "PATH": os.environ["PATH"]}


if __name__ == "__main__":
    print(json.dumps(costs()))
