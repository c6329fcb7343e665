"""Imports go one way, and names say what a thing is."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))
OURS = [path for folder in ("layers", "functions", "infra", "cli", "local") for path in (ROOT / folder).rglob("*.py")]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def test_the_import_contracts_hold() -> None:
    """The contracts are in pyproject.toml; this is `lint-imports`."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "layers/core/python:layers/ml/python", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_modules_need_each_other() -> None:
    """Not even for the types of what they are given, nor over others: one could not be read without the other."""
    imports = grimp.build_graph("attune", "attune_ml", cache_dir=None)
    needs = {module: imports.find_modules_directly_imported_by(module) for module in imports.modules}
    TopologicalSorter(needs).prepare()  # CycleError names them


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_is_short_stands_alone_and_leaves_the_work_to_the_layers(handler: Path) -> None:
    assert [path.name for path in handler.parent.iterdir() if path.name != "__pycache__"] == ["handler.py"]
    assert len(handler.read_text().splitlines()) <= 40
    allowed = ["attune.runtime", "attune.use_cases", "attune.domain", "attune.ports", "aws_lambda_powertools"]
    if handler.parent.name == "train_models":  # the one place where training meets the rest
        allowed.append("attune_ml")
    for name in _imports(handler):
        assert name.startswith(tuple(allowed)) or name.partition(".")[0] in sys.stdlib_module_names, name


def test_state_knows_no_function() -> None:
    for name in ("stacks/data_stack", "constructs/customer_tables", "constructs/company_secrets"):
        imports = _imports(ROOT / "infra" / f"{name}.py")
        assert not {each for each in imports if "function" in each or "lambda" in each}, name


def test_stacks_read_like_a_table_of_contents() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "infra/stacks").glob("*_stack.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 120} == {}


def test_no_module_is_named_after_nothing_in_particular() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    names = [path.relative_to(ROOT).with_suffix("").parts for path in OURS]
    ours = [parts for parts in names if not any(part.startswith(".") for part in parts)]
    assert not [parts for parts in ours if vague & set(parts)]
