"""What a template text may say: an allow-list over Jinja's syntax tree, on top of Jinja's sandbox.

The sandbox stops a template from reaching Python; it does not stop it from taking all memory or for ever.
So: no calls, no arithmetic, no macros, includes or assignments, named filters only, at most 100 passes a
loop, at most two loops inside each other, and for a whole message a `Budget` of passes and of text for filters.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from attune.domain.campaigns.template_filters import FILTERS, MAX_SEPARATOR, SyntaxProblemError, bounded, printed

#: what a template may name
ROOTS: Final = frozenset({"profile", "traits", "cart", "campaign"})
MAX_TEXT: Final = 8_192
MAX_NESTED_LOOPS: Final = 2

_BOUNDED: Final = "_bounded"
_PLAIN: Final = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Keyword, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Test, nodes.For, nodes.List, nodes.Tuple,
})  # fmt: skip
_LOOP: Final = frozenset({"index", "index0", "revindex", "first", "last", "length"})
_SPECIAL: Final = frozenset({"self", "super", "caller", "varargs", "kwargs"})
_TESTS: Final = ("defined", "undefined", "none", "string", "number")
_NAMES: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "calls",
    nodes.Slice: "slices",
    nodes.Mul: "arithmetic",
    nodes.Div: "arithmetic",
    nodes.FloorDiv: "arithmetic",
    nodes.Mod: "arithmetic",
    nodes.Pow: "arithmetic",
    nodes.Add: "arithmetic",
    nodes.Sub: "arithmetic",
    nodes.Neg: "arithmetic",
    nodes.Pos: "arithmetic",
}


@functools.lru_cache(maxsize=512)
def compile_text(text: str) -> jinja2.Template:
    """The checked and compiled template; raises `SyntaxProblemError`."""
    if len(text) > MAX_TEXT:
        raise SyntaxProblemError(f"is longer than {MAX_TEXT} characters")
    try:
        tree = _environment.parse(text)
        _check(tree, loops=0)
        unknown = find_undeclared_variables(tree) - ROOTS
        if unknown:
            names = ", ".join(f"`{name}`" for name in sorted(unknown))
            raise SyntaxProblemError(f"{names} is not one of {', '.join(sorted(ROOTS))}")
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = nodes.Filter(loop.iter, _BOUNDED, [], [], None, None, lineno=loop.lineno)
        return _environment.from_string(tree)
    except (jinja2.TemplateError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SyntaxProblemError(f"is not a template: {error}") from None


def entry(data: Any, key: Any, missing: Any) -> Any:
    """Plain data and nothing else has parts: entries of an object, elements of a list."""
    if isinstance(data, Mapping):
        return data.get(key, missing) if isinstance(key, str | int | float) else missing
    if isinstance(data, list | tuple) and type(key) is int and -len(data) <= key < len(data):
        return data[key]
    return missing


class _PlainData(ImmutableSandboxedEnvironment):
    """`cart.items` is the cart's entry `items`, never a method: attributes of objects cannot be named."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP else self.undefined(obj=obj, name=attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj[argument]  # raises, naming what was missing first
        found = entry(obj, argument, _environment)
        return self.undefined(f"`{argument}` is missing") if found is _environment else found


def _check(node: nodes.Node, loops: int) -> None:
    if type(node) not in _PLAIN:
        called = _NAMES.get(type(node), f"`{type(node).__name__.lower()}`")
        raise SyntaxProblemError(f"no {called} in templates")
    problem = next(_node_problems(node), "")
    if problem:
        raise SyntaxProblemError(problem)
    if isinstance(node, nodes.For):
        loops += 1
        if loops > MAX_NESTED_LOOPS:
            raise SyntaxProblemError(f"more than {MAX_NESTED_LOOPS} loops inside each other")
    for child in node.iter_child_nodes():
        _check(child, loops)


def _node_problems(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Name(name=str(name)) if name.startswith("_") or name in _SPECIAL:
            yield f"the name `{name}` is Jinja's own"
        case nodes.Getattr(attr=str(name)) if name.startswith("_"):
            yield f"the name `{name}` begins with _"
        case nodes.Getitem(arg=arg) if not isinstance(arg, nodes.Const):
            yield "only a constant may stand in brackets"
        case nodes.Filter():
            yield from _filter_problems(node)
        case nodes.Test(name=name) if name not in _TESTS:
            yield f"there is no test `{name}`; there are {', '.join(_TESTS)}"
        case nodes.For(recursive=True):
            yield "loops cannot be recursive"
        case nodes.For(target=target) if not isinstance(target, nodes.Name):
            yield "a loop has one variable"


def _filter_problems(node: nodes.Filter) -> Iterator[str]:
    if node.node is None:
        yield "no filter blocks in templates"
    elif node.name not in FILTERS:
        yield f"there is no filter `{node.name}`; there are {', '.join(sorted(FILTERS))}"
    elif node.dyn_args is not None or node.dyn_kwargs is not None:
        yield "no calls with * in templates"
    elif node.name == "join" and not _joins_plainly(node):
        yield f"`join` takes one constant text of at most {MAX_SEPARATOR} characters, and nothing else"


def _joins_plainly(node: nodes.Filter) -> bool:
    """A separator out of the data would multiply it by itself."""
    if node.kwargs or len(node.args) > 1:
        return False
    separators = [arg.value if isinstance(arg, nodes.Const) else None for arg in node.args]
    return all(isinstance(separator, str) and len(separator) <= MAX_SEPARATOR for separator in separators)


def _build() -> _PlainData:
    environment = _PlainData(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=printed,
        cache_size=0,
    )
    environment.globals.clear()
    environment.filters = {**FILTERS, _BOUNDED: bounded}
    environment.tests = {name: test for name, test in environment.tests.items() if name in _TESTS}
    return environment


_environment: Final = _build()
