"""What is deployed is complete, light, and free of what it does not need."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from infra import packaging
from infra.packaging import HOT_PATH_BUDGET, LAYERS, ROOT, TARGETS, Target
from tests.infra.templates import Templates

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
FROM_THE_RUNTIME = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"]
TOO_HEAVY = {"numpy", "pandas", "scipy", "sklearn", "pydantic", "requests", "httpx", "moto", "typer", "rich", "yaml"}

# Runs under `python -I -S`: nothing but the standard library, the function, its layers, and Lambda's own boto3.
IMPORT_AS_LAMBDA_DOES = """
import importlib.machinery, json, os, sys
plan = json.load(sys.stdin)
os.environ.clear()
os.environ.update(plan["environment"])
sys.path[:0] = plan["path"]
class TheRuntimesOwn:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in plan["runtime"]:
            return importlib.machinery.PathFinder.find_spec(name, [plan["site"]])
        return None
sys.meta_path.append(TheRuntimesOwn)
import handler
assert callable(handler.handler)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _environment(templates: Templates, function: str) -> dict[str, str]:
    variables = templates.functions()[function].properties["Environment"]["Variables"]
    plain = {name: value if isinstance(value, str) else f"some-{name.lower()}" for name, value in variables.items()}
    return {**plain, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_NAME": function}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_needs_nothing_but_its_layers_and_the_runtime(templates: Templates, function: str) -> None:
    layers = packaging.build("local")
    plan = {
        "environment": _environment(templates, function),
        "path": [str(ROOT / "functions" / function), *(str(layers[name] / "python") for name in LAYERS)],
        "runtime": FROM_THE_RUNTIME,
        "site": sysconfig.get_path("purelib"),
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT_AS_LAMBDA_DOES],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not TOO_HEAVY & set(json.loads(done.stdout))


@pytest.mark.parametrize("target", TARGETS)
def test_every_function_stays_below_the_budget_of_the_hot_path(target: Target) -> None:
    packaging.build(target)
    for function, parts in packaging.function_sizes(target).items():
        assert sum(parts.values()) < HOT_PATH_BUDGET, (function, parts)


def test_the_layers_for_aws_hold_arm_code_only() -> None:
    layers = packaging.build("aws")
    shared_objects = [path for folder in layers.values() for path in folder.rglob("*.so*")]
    assert shared_objects
    arm = bytes([0xB7, 0x00])  # EM_AARCH64, at offset 18 of an ELF header
    for path in shared_objects:
        assert path.read_bytes()[18:20] == arm, path


def test_the_core_layer_holds_our_package_as_it_is_now() -> None:
    for target in TARGETS:
        copy = packaging.build(target)["core"] / "python" / "attune"
        sources = {
            path.relative_to(packaging.OWN_PACKAGE): path.read_bytes() for path in packaging.OWN_PACKAGE.rglob("*.py")
        }
        assert {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.py")} == sources


def test_layers_bring_neither_boto3_nor_tests_nor_this_machine_s_paths() -> None:
    for target in TARGETS:
        for folder in packaging.build(target).values():
            top = {path.name for path in (folder / "python").iterdir()}
            assert not top & set(FROM_THE_RUNTIME)
            assert not [path for path in folder.rglob("*") if path.is_dir() and path.name == "tests"]
            for compiled in folder.rglob("*.pyc"):
                assert str(Path(packaging.ROOT)).encode() not in compiled.read_bytes(), compiled
