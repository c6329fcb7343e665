"""Expressions in JMESPath (https://jmespath.org): which may be written, and an evaluation that ends.

People who may apply definitions write them; documents come from anybody. So what an expression may cost is bounded
twice: its text when it is applied, its work on each document.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Final, cast

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

MAX_LENGTH: Final = 1_000
#: brackets in each other, and steps of the tree that an expression is
MAX_NESTING: Final = 12
MAX_STEPS_DEEP: Final = 60
#: what one document may take, over all expressions of a mapping: about 0.1 s
MAX_WORK: Final = 100_000
#: characters of text that count like one step
_TEXT: Final = 64
_DEEPEST: Final = 64
_UNPARSED: Final = (JMESPathError, ValueError, RecursionError, PendingDeprecationWarning)
_FAILURES: Final = (*_UNPARSED, TypeError, ArithmeticError, LookupError, AttributeError)
#: currencies that Stripe counts in other units than hundredths; it also counts UGX and ISK in hundredths
_WHOLE: Final = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THOUSANDTHS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_ABSURD: Final = 10**15

type Tree = dict[str, Any]


class ExpressionError(Exception):
    """The expression cannot be applied to this document, or would take too much."""


class Evaluation:
    """The expressions of one document; they share what the document may take."""

    def __init__(self, work: int = MAX_WORK) -> None:
        self._interpreter = _Interpreter(work)

    def of(self, expression: str, document: object) -> Any:
        """What `expression` finds in the document (JSON values), None for nothing; raises `ExpressionError`."""
        try:
            return self._interpreter.visit(parse(expression), document)
        except _FAILURES as failure:
            raise ExpressionError(type(failure).__name__) from None


@lru_cache(maxsize=4096)
def parse(expression: str) -> Tree:
    """The expression's tree; raises one of `_UNPARSED` for what `expression_problem` refuses.

    JMESPath once took what is no JSON between backticks for text, which its parser still does, with a warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", PendingDeprecationWarning)
        return cast("Tree", Parser().parse(expression).parsed)


def expression_problem(expression: str) -> str:
    """Why the expression cannot be used; empty if it can."""
    if not expression.strip():
        return "is empty"
    if len(expression) > MAX_LENGTH:
        return f"has more than {MAX_LENGTH} characters"
    if _nesting(expression) > MAX_NESTING:
        return f"has more than {MAX_NESTING} brackets in each other"
    try:
        tree = parse(expression)
    except _UNPARSED:
        return "is not JMESPath (text of its own stands in single quotes: 'Order Completed')"
    return _tree_problem(tree)


def _nesting(expression: str) -> int:
    """How deep brackets and negations go; what stands in quotes is counted too, which can only refuse too much."""
    deep = deepest = 0
    for character in expression:
        deep += (character in "([{") - (character in ")]}")
        deepest = max(deepest, deep)
    return deepest + expression.count("!")


def _tree_problem(tree: Tree) -> str:
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:
        node, deep = waiting.pop()
        if not isinstance(node, dict):  # the ends of a slice
            continue
        if deep > MAX_STEPS_DEEP:
            return f"has more than {MAX_STEPS_DEEP} steps in each other"
        if node["type"] == "function_expression" and (problem := _function_problem(node)):
            return problem
        if node["type"] == "literal" and not _is_plain(node["value"]):
            return "holds a value that JSON cannot carry"
        waiting += [(child, deep + 1) for child in node["children"]]
    return "gives no value" if tree["type"] == "expref" else ""


def _function_problem(node: Tree) -> str:
    known = _FUNCTIONS.FUNCTION_TABLE.get(node["value"])
    if known is None:
        return f"calls {node['value']}(), which does not exist"
    wanted, given = known["signature"], len(node["children"])
    is_open = bool(wanted and wanted[-1].get("variadic"))
    if given < len(wanted) or (given > len(wanted) and not is_open):
        return f"calls {node['value']}() with {given} arguments, it takes {len(wanted)}{' or more' if is_open else ''}"
    return ""


def _is_plain(value: object) -> bool:
    """Neither lone surrogates nor numbers beyond a double."""
    match value:
        case str():
            return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
        case bool() | None:
            return True
        case int() | float():
            return abs(value) < _ABSURD
        case list():
            return all(_is_plain(part) for part in value)
        case dict():
            return all(_is_plain(name) and _is_plain(part) for name, part in value.items())
        case _:
            return False


class _Functions(Functions):
    """Those of JMESPath, and one of ours."""

    @signature({"types": ["number", "null"]}, {"types": ["string", "null"]})
    def _func_stripe_amount(self, amount: float | None, currency: str | None) -> float | None:
        """An amount in a currency's smallest unit as Stripe counts it, in the currency itself: 1999, `usd` → 19.99."""
        if amount is None or currency is None or not abs(amount) < _ABSURD:
            return None
        name = currency.lower()
        return amount / (1 if name in _WHOLE else 1_000 if name in _THOUSANDTHS else 100)


class _Interpreter(TreeInterpreter):
    """Counts every step, and the size of what is put together, compared, given to functions and got from them."""

    def __init__(self, work: int) -> None:
        super().__init__(Options(custom_functions=_FUNCTIONS))
        self._left = work

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_multi_select_dict(node, value))

    def visit_comparator(self, node: Any, value: Any) -> Any:
        sides = [self._weighed(self.visit(child, value)) for child in node["children"]]
        found: Any = {**node, "children": [{"type": "literal", "value": side, "children": []} for side in sides]}
        return super().visit_comparator(found, value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        given = [self._weighed(self.visit(child, value)) for child in node["children"]]
        if node["value"] == "join" and isinstance(given[0], str) and isinstance(given[1], list):
            self._spend(len(given[0]) * len(given[1]) // _TEXT)
        return self._weighed(_FUNCTIONS.call_function(node["value"], given))

    def _weighed(self, value: Any, room: int = _DEEPEST) -> Any:
        """The value, after its size was spent: the same part counts as often as it is named."""
        if isinstance(value, str):
            self._spend(len(value) // _TEXT)
        elif isinstance(value, list | dict):
            if room == 0:
                raise ExpressionError("too deep")
            self._spend(len(value))
            for part in value.values() if isinstance(value, dict) else value:
                self._weighed(part, room - 1)
        return value

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise ExpressionError("too much work")


_FUNCTIONS: Final = _Functions()
