"""What is deployed is complete, light, and free of what it does not need."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from infra import packaging
from infra.packaging import BASE_LAYERS, HOT_PATH_BUDGET, OWN_PACKAGES, ROOT, TARGETS, Target, layers_of
from tests.infra.templates import Templates

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
FROM_THE_RUNTIME = ["boto3", "botocore", "dateutil", "s3transfer", "six", "urllib3"]
TOO_HEAVY = {"duckdb", "numpy", "pandas", "scipy", "sklearn"}
NOT_DEPLOYED = {
    *("aws_xray_sdk", "boto3", "httpx", "jsonschema", "moto", "pydantic", "requests", "rich", "sqlglot", "typer"),
    *("wrapt", "yaml"),
}
#: loaded by the first source that has a plan, or telephone numbers to bring into one form
LATER = {"jsonschema_rs", "phonenumbers"}
HEAVY_FOR_A_REASON = {
    "compact_lake": {"duckdb"},
    "export_profiles": {"duckdb"},
    "import_files": {"duckdb"},
    "sweep_stores": {"duckdb"},
    "verify_privacy": {"duckdb"},
    "train_models": {"numpy", "pandas", "scipy", "sklearn"},
}
#: modules that a started function has loaded, at most. Each one is time at every cold start: raise it for a reason.
#: One is the settings of its area: a module more, and 2 ms less than the settings of all functions in one.
#: Folders count too: seven to eleven of them, each empty but for what it says of itself.
MODULES = {
    "collect_events": 451,  # purposes, and the signals that speak of them
    "receive_webhook": 462,  # five senders, and mappings
    "process_events": 515,  # definitions; two kinds of models; purposes, hearing, gate; forgetting, merging
    "wake_profiles": 430,
    "run_campaigns": 495,  # purposes, hearing and the gate; for how long traits are kept, as process_events
    "deliver_messages": 474,  # the same
}

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
print(json.dumps(sorted(sys.modules)))
"""


def _environment(templates: Templates, function: str) -> dict[str, str]:
    variables = templates.functions()[function].properties["Environment"]["Variables"]
    plain = {name: value if isinstance(value, str) else f"some-{name.lower()}" for name, value in variables.items()}
    return {**plain, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_NAME": function}


@pytest.fixture(scope="module")
def local_layers() -> dict[str, Path]:
    return packaging.build("local")


def _loaded_by(templates: Templates, layers: dict[str, Path], function: str) -> set[str]:
    plan = {
        "environment": _environment(templates, function),
        "path": [str(ROOT / "functions" / function), *(str(layers[name] / "python") for name in layers_of(function))],
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
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_needs_nothing_but_its_layers_and_the_runtime(
    templates: Templates, local_layers: dict[str, Path], function: str
) -> None:
    modules = _loaded_by(templates, local_layers, function)
    loaded = {name.partition(".")[0] for name in modules}
    assert not NOT_DEPLOYED & loaded
    assert not LATER & loaded
    assert TOO_HEAVY & loaded == HEAVY_FOR_A_REASON.get(function, set())
    assert function not in MODULES or len(modules) <= MODULES[function]


@pytest.mark.parametrize("target", TARGETS)
def test_every_function_stays_below_its_budget(target: Target) -> None:
    packaging.build(target)
    sizes = packaging.function_sizes(target)
    assert sorted(sizes) == FUNCTIONS
    for function, parts in sizes.items():
        assert sum(parts.values()) < packaging.budget_of(function), (function, parts)
        if function in HEAVY_FOR_A_REASON:
            assert packaging.budget_of(function) == 262_144_000
        else:
            assert packaging.budget_of(function) == (45 * 2**20 if function in packaging.ADMITTING else HOT_PATH_BUDGET)


def test_every_function_gets_the_layers_that_are_meant_for_it(templates: Templates) -> None:
    for name, function in templates.functions().items():
        carried = {templates.target(layer, function.stack)[:-8] for layer in function.properties["Layers"]}
        assert carried == {f"{function.stack}/{layer.title()}Layer" for layer in layers_of(name)}, name
        assert list(layers_of(name)[:2]) == list(BASE_LAYERS), name


@pytest.mark.parametrize("target", TARGETS)
def test_an_uploaded_layer_holds_what_its_folder_holds(target: Target) -> None:
    for layer, folder in packaging.build(target).items():
        with zipfile.ZipFile(packaging.archive(target, layer)) as archive:
            uploaded = {entry.filename: entry.file_size for entry in archive.infolist()}
        files = (file for file in (folder / "python").rglob("*") if file.is_file())
        assert uploaded == {str(file.relative_to(folder)): file.stat().st_size for file in files}, layer


@pytest.mark.parametrize("target", TARGETS)
def test_what_training_loads_is_compiled_beforehand_for_both_processors(target: Target) -> None:
    """Left to Lambda, compiling takes longer than a function may take to start."""
    site = packaging.build(target)["ml"] / "python"
    for source in ("pandas/core/frame.py", "sklearn/cluster/_kmeans.py", "sklearn/metrics/_ranking.py"):
        compiled = Path(cache_from_source(str(site / source)))
        assert compiled.is_file(), source
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, "a hash that nobody checks: no second look"


def test_the_layers_for_aws_hold_arm_code_only() -> None:
    layers = packaging.build("aws")
    shared_objects = [path for folder in layers.values() for path in folder.rglob("*.so*")]
    assert shared_objects
    arm = bytes([0xB7, 0x00])  # EM_AARCH64, at offset 18 of an ELF header
    for path in shared_objects:
        assert path.read_bytes()[18:20] == arm, path


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("layer", OWN_PACKAGES)
def test_a_layer_holds_our_package_as_it_is_now(target: Target, layer: str) -> None:
    original = OWN_PACKAGES[layer]
    copy = packaging.build(target)[layer] / "python" / original.name
    sources = {path.relative_to(original): path.read_bytes() for path in original.rglob("*.py")}
    assert {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.py")} == sources


def test_layers_bring_neither_boto3_nor_tests_nor_this_machine_s_paths() -> None:
    for target in TARGETS:
        for folder in packaging.build(target).values():
            top = {path.name for path in (folder / "python").iterdir()}
            assert not top & set(FROM_THE_RUNTIME)
            assert not [path for path in folder.rglob("*") if path.is_dir() and path.name == "tests"]
            for compiled in folder.rglob("*.pyc"):
                assert str(Path(packaging.ROOT)).encode() not in compiled.read_bytes(), compiled
