"""What functions write down about themselves: a closed set of words, and of people nothing, not even a pseudonym.

Every call that logs or counts is read here, so a new key comes before somebody's eyes: it takes a line below that says
what it holds. That nothing of a person gets into the values is for the tests that run the functions.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: what runs in functions
OURS = sorted(
    path for folder in ("layers/core/python", "layers/ml/python", "functions") for path in (ROOT / folder).rglob("*.py")
)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
#: key of a line of a log → what it holds
LOGGED = {
    "error": "the type of an exception, never its message",
    "at": "file, line and function",
    "aws_code": "AWS's code of an error",
    "state": "how far an import is",
    "object_key": "an object of the lake, named by when it arrived",
    "lines": "how many",
}
#: dimension of a metric, or a word beside one → what it holds
COUNTED = {
    "source": "the id of a definition",
    "segment": "the id of a definition",
    "purpose": "the id of a definition",
    "event": "the name of an event that a tracking plan names",
    "model": "one of ours",
    "reason": "of a closed set",
    "outcome": "of a closed set",
    "state": "of a closed set",
    "kind": "of a closed set",
    "edge": "of a closed set",
    "action": "of a closed set",
    "stage": "of a closed set",
    "sweep": "yes or no",
    "consumer": "a function",
}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in OURS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def called(call: ast.Call) -> str:
    """`logger.error` of `telemetry.logger.error(…)`."""
    return ".".join(ast.unparse(call.func).split(".")[-2:])


def logging() -> list[tuple[str, ast.Call]]:
    return [(place, call) for place, call in calls() if called(call) in {f"logger.{level}" for level in LEVELS}]


def keys_of(node: ast.AST) -> set[str]:
    """Of all objects that are written out there."""
    found = {key for one in ast.walk(node) if isinstance(one, ast.Dict) for key in one.keys}
    return {str(key.value) if isinstance(key, ast.Constant) else ast.unparse(key) if key else "**" for key in found}


def test_a_line_says_what_happened_in_words_that_are_written_in_the_code() -> None:
    assert logging()
    for place, call in logging():
        [message] = call.args
        assert isinstance(message, ast.Constant), place
        assert isinstance(message.value, str), place


def test_the_keys_of_lines_are_a_closed_set() -> None:
    said = {"error", "at", "aws_code"}  # of `describe`, which is the only object that may be spread out
    for place, call in logging():
        for keyword in call.keywords:
            if keyword.arg is None:
                assert ast.unparse(keyword.value) == "describe(failure)", place
            else:
                said.add(keyword.arg)
    assert said == set(LOGGED)


def test_what_describes_a_failure_has_those_keys_and_no_other() -> None:
    from attune.runtime.telemetry import describe

    failure = ValueError("ada@example.com")
    failure.response = {"Error": {"Code": "Throttled", "Message": "ada@example.com"}}  # type: ignore[attr-defined]
    described = describe(failure)
    assert set(described) == {"error", "at", "aws_code"}
    assert "ada" not in str(described)


def test_what_is_counted_is_told_apart_by_a_closed_set_of_words() -> None:
    said: set[str] = set()
    for place, call in calls():
        if called(call).rpartition(".")[2] in ("count", "_count") and len(call.args) == 3:
            dimensions = call.args[2]
            is_known = isinstance(dimensions, ast.Dict | ast.BinOp) or called_is_counted(dimensions)
            assert is_known, f"{place}: say the dimensions where it is counted"
            said |= keys_of(dimensions)
    said |= {key for node in returned_by("counted") for key in keys_of(node)}
    said |= {key for node in assigned_to("dimensions") for key in keys_of(node)}
    assert said <= set(COUNTED), said - set(COUNTED)
    assert {"source", "reason", "edge"} <= said


def called_is_counted(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called(node).endswith("counted")


def returned_by(name: str) -> Iterator[ast.AST]:
    for path in OURS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                yield node


def assigned_to(name: str) -> Iterator[ast.AST]:
    for path in OURS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Assign) and name in {ast.unparse(target) for target in node.targets}:
                yield node.value


def test_nothing_writes_past_the_one_logger() -> None:
    for path in OURS:
        tree = tree_of(path)
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "logging" not in imported, path
        if path.name != "telemetry.py":
            assert not any("powertools.logging" in one or "powertools.metrics" in one for one in imported), path
    for place, call in calls():
        assert called(call) not in ("print", "warnings.warn", "stdout.write", "stderr.write"), place
        assert not called(call).endswith("append_keys"), place


def test_no_function_logs_what_it_was_called_with() -> None:
    injected = [call for _, call in calls() if called(call).endswith("inject_lambda_context")]
    assert injected
    for call in injected:
        assert {"log_event": "False"}.items() <= {one.arg: ast.unparse(one.value) for one in call.keywords}.items()
