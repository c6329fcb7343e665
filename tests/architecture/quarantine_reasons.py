"""Every reason for quarantine that the code can give, found in its text: what stands where a reason is made."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

#: calls that put something aside: by position, or by keyword, what they take for the reason
_POSITIONS = {"UnreadableError": 0, "set_aside": 1, "put_aside": 2}
_KEYWORDS = {"Rejected": "reason", "Row": "problem"}


@functools.cache
def reasons_of(folder: Path) -> set[str]:
    """Of all modules below `folder`."""
    return {text for path in folder.rglob("*.py") for text in _reasons(ast.parse(path.read_text()))} - {""}


def constant_of(path: Path, name: str) -> str:
    """A constant of a module."""
    [text] = set(_named(name, ast.parse(path.read_text())))
    return text


def _reasons(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in _POSITIONS:
                yield from (text for given in node.args[_POSITIONS[called] :][:1] for text in _texts(given, module))
            for keyword in node.keywords:
                if keyword.arg is not None and keyword.arg == _KEYWORDS.get(called):
                    yield from _texts(keyword.value, module)


def _texts(node: ast.expr, module: ast.Module) -> Iterator[str]:
    """What an expression may come to: a text, either of two, what a name or a function of this module stands for."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from _texts(node.body, module)
            yield from _texts(node.orelse, module)
        case ast.Name(id=name):
            yield from _named(name, module)
        case ast.Call(func=ast.Name(id=name)):
            yield from _returned(name, module)
        case _:  # told elsewhere: what somebody else has raised, or put into a row
            pass


def _named(name: str, module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=True):
                    if isinstance(target, ast.Name) and target.id == name:
                        yield from _texts(value, module)
            case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                if node.value is not None:
                    yield from _texts(node.value, module)
            case ast.FunctionDef(args=given):
                for parameter, default in zip(reversed(given.args), reversed(given.defaults), strict=False):
                    if parameter.arg == name:
                        yield from _texts(default, module)
            case _:
                pass


def _returned(name: str, module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for said in ast.walk(node):
                if isinstance(said, ast.Return) and said.value is not None:
                    yield from _texts(said.value, module)
