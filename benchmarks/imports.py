"""What a cold start of each function on the hot path takes, beside boto3's own: `make bench TOPIC=imports`.

- *import*: all its modules, without making clients, beside `import boto3`.
- *ready*: import, and the clients that are made while Lambda starts it, beside `import boto3` and one DynamoDB client.
- *all clients*: ready, and those that wait for their first call.

Every measurement is a process of its own, with nothing but the function, its layers as built for this machine, and the
runtime's boto3. Seconds are of CPU. They differ between machines and minutes, so each is taken beside boto3's in the
same round, and the median of the ratios counts.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

import msgspec

from attune.runtime import settings

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = "make bench TOPIC=imports"
#: CPU of a handler's import beside that of boto3, at most
BAR: Final = 1.5
HOT_PATH: Final = (
    "collect_events", "receive_webhook", "process_events", "wake_profiles", "run_campaigns", "deliver_messages",
)  # fmt: skip
BOTO3: Final = "boto3"
_ROUNDS: Final = 9
_LAYERS: Final = ("core", "powertools", "admission")
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
put_off, making = [], 0.0
def timed(make):
    def client(*given, **named):
        global making
        before = time.process_time()
        made = make(*given, **named)
        making += time.process_time() - before
        return made
    return client
loaded, begun = len(sys.modules), time.process_time()
if plan["boto3"]:
    import boto3
    timed(boto3.client)("dynamodb")
else:
    from attune.runtime import clients
    later = clients.later
    clients.client = timed(clients.client)
    clients.later = lambda make: put_off.append(make) or later(make)
    import handler
ready, imported = time.process_time() - begun, time.process_time() - begun - making
modules = len(sys.modules) - loaded
for make in put_off:
    make()
print(json.dumps({"imported": imported, "ready": ready, "full": time.process_time() - begun, "modules": modules}))
"""


class Start(msgspec.Struct, frozen=True):
    """CPU seconds from the interpreter's first line on; modules when ready."""

    imported: float
    ready: float
    full: float
    modules: int


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    rounds = measured()
    boto3 = [one[BOTO3] for one in rounds]
    found = []
    for name in HOT_PATH:
        starts = [one[name] for one in rounds]
        beside = list(zip(starts, boto3, strict=True))
        imported, ready, full = (
            round(statistics.median(ratios), 2)
            for ratios in (
                [ours.imported / theirs.imported for ours, theirs in beside],
                [ours.ready / theirs.ready for ours, theirs in beside],
                [ours.full / theirs.ready for ours, theirs in beside],
            )
        )
        found += [
            _figure(f"{name}: import", starts[0].modules, boto3[0].modules, imported, bar=BAR),
            _figure(f"{name}: ready", None, None, ready, bar=None),
            _figure(f"{name}: all clients", None, None, full, bar=None),
        ]
    return found


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<32}{'modules':>9}{'boto3':>8}{'CPU ratio':>11}{'bar':>6}")
    for one in figures():
        value, baseline, bar = ("" if one[name] is None else one[name] for name in ("value", "baseline", "bar"))
        verdict = {True: "holds", False: "FAILS", None: ""}[one["holds"]]
        print(f"{one['figure']:<32}{value:>9}{baseline:>8}{one['ratio']:>11.2f}{bar:>6} {verdict}")


def costs() -> dict[str, tuple[float, int]]:
    """CPU seconds of the import (medians) and modules loaded, of boto3 and of every handler."""
    rounds = measured()
    return {
        name: (statistics.median(one[name].imported for one in rounds), rounds[0][name].modules)
        for name in (BOTO3, *HOT_PATH)
    }


@functools.cache
def measured() -> list[dict[str, Start]]:
    """Rounds of one start each; one more before them, so that bytecode is there."""
    return [{name: _start(name) for name in (BOTO3, *HOT_PATH)} for _ in range(1 + _ROUNDS)][1:]


def _start(name: str) -> Start:
    layers = [str(ROOT / ".build" / "layers" / "local" / layer / "python") for layer in _LAYERS]
    plan = {
        "boto3": name == BOTO3,
        "path": [str(ROOT / "functions" / name), *layers],
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
        raise RuntimeError(f"cannot start {name}: {done.stderr}")
    return msgspec.json.decode(done.stdout, type=Start)


def _environment() -> dict[str, str]:
    """Every setting of every function has a value, as have Lambda's own; nothing is called while starting."""
    classes = [kind for name, kind in vars(settings).items() if name.endswith("Settings")]
    fields = [field for kind in classes for field in msgspec.structs.fields(kind) if field.required]
    values = {field.name.upper(): "1" if field.type is int else f"some-{field.name}" for field in fields}
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    region = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}
    here = {"LAMBDA_TASK_ROOT": "/var/task", "AWS_LAMBDA_FUNCTION_NAME": "some"}
    return values | dict.fromkeys(keys, "none") | region | here | {"PATH": os.environ["PATH"]}


def _figure(name: str, value: int | None, baseline: int | None, ratio: float, *, bar: float | None) -> dict[str, Any]:
    return {
        "figure": name,
        "value": value,
        "unit": "modules" if value else "CPU ratio",
        "baseline": baseline,
        "ratio": ratio,
        "bar": bar,
        "holds": None if bar is None else ratio <= bar,
        "command": COMMAND,
    }


if __name__ == "__main__":
    print(json.dumps(costs()))
