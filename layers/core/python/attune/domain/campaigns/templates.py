"""Message templates: JSON whose strings are Jinja templates over a customer's data, rendered within bounds.

`{"value": "cart.products"}` in place of a string stands for that value itself (with a `default` where it
may be missing). What a template may say is in `template_syntax`; keys, numbers, true, false and null are
taken as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jinja2
import msgspec

from attune.domain.campaigns.template_filters import BUDGET, Budget, SyntaxProblemError, TooLargeError
from attune.domain.campaigns.template_syntax import ROOTS, compile_text, entry

#: bytes of JSON: what a definition may hold, and what a message may become
MAX_MESSAGE: Final = 32_768
MAX_OUTPUT: Final = 65_536
MAX_DEPTH: Final = 16

_MISSING: Final = object()
#: what a sound template may run into with unsuitable data
_DATA_ERRORS: Final = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AssertionError,
    RecursionError,
)


class TemplateError(Exception):
    """The message cannot be made of this customer's data.

    `reason` is `missing_value`, `template_error` or `too_large`; `path` is the place in the message. The
    text quotes no value of the customer's.
    """

    def __init__(self, reason: str, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.reason = reason
        self.path = path


def check(message: dict[str, Any]) -> list[str]:
    """Every problem that can be seen without data, each as `$.message.subject: what is wrong`."""
    try:
        size = len(msgspec.json.encode(message))
    except (TypeError, ValueError, RecursionError):
        return ["$.message: is not JSON"]
    if size > MAX_MESSAGE:
        return [f"$.message: {size} bytes, at most {MAX_MESSAGE} are allowed"]
    return list(_problems(message, "$.message", 1))


def render(message: dict[str, Any], context: Mapping[str, Any]) -> str:
    """The message as JSON text, at most 64 KB; raises `TemplateError`.

    `context` maps `profile`, `traits`, `campaign` and, where there is one, `cart` to plain data.
    """
    rendering = _Rendering(context)
    try:
        text = msgspec.json.encode(rendering.node(message, "$.message", 1)).decode()
    except (TypeError, ValueError) as error:
        raise TemplateError("template_error", "$.message", "is not JSON") from error
    if len(text.encode()) > MAX_OUTPUT:
        raise TemplateError("too_large", "$.message", f"more than {MAX_OUTPUT} bytes")
    return text


class _Rendering:
    """One message on its way: how much has come out, and what its templates may still use up."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._variables = {**context, BUDGET: Budget()}
        self._size = 0

    def node(self, node: Any, path: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise TemplateError("template_error", path, "nests too deep")
        match node:
            case str():
                return self._text(node, path)
            case dict() if is_value(node):
                return self._value(node, path)
            case dict():
                return {key: self.node(part, f"{path}.{key}", depth + 1) for key, part in node.items()}
            case list() | tuple():
                return [self.node(part, f"{path}[{index}]", depth + 1) for index, part in enumerate(node)]
            case _:
                return node

    def _text(self, text: str, path: str) -> str:
        if "{" not in text:
            return text
        chunks = []
        try:
            for chunk in compile_text(text).generate(self._variables):
                self._spend(len(chunk), path)
                chunks.append(str(chunk))
        except jinja2.UndefinedError as error:
            raise TemplateError("missing_value", path, str(error)) from None
        except SyntaxProblemError as error:
            raise TemplateError("template_error", path, str(error)) from None
        except TooLargeError as error:
            raise TemplateError("too_large", path, str(error)) from None
        except _DATA_ERRORS as error:
            # The message of such an error may quote the customer's data.
            raise TemplateError("template_error", path, type(error).__name__) from None
        return "".join(chunks)

    def _value(self, node: dict[str, Any], path: str) -> Any:
        found: Any = self._context
        for step in node["value"].split("."):
            found = entry(found, int(step) if isinstance(found, list) and step.isdecimal() else step, _MISSING)
        if found is _MISSING or found is None:
            if "default" not in node:
                raise TemplateError("missing_value", path, f"{node['value']} is missing")
            found = node["default"]
        self._spend(len(msgspec.json.encode(found)), path)
        return found

    def _spend(self, size: int, path: str) -> None:
        self._size += size
        if self._size > MAX_OUTPUT:
            raise TemplateError("too_large", path, f"more than {MAX_OUTPUT} bytes")


def is_value(node: dict[str, Any]) -> bool:
    """Whether an object of a message stands for a value of the context."""
    return isinstance(node.get("value"), str) and node.keys() <= {"value", "default"}


def _problems(node: Any, path: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield f"{path}: nests deeper than {MAX_DEPTH}"
        return
    match node:
        case str():
            yield from (f"{path}: {problem}" for problem in _text_problems(node))
        case dict() if is_value(node):
            root, *rest = node["value"].split(".")
            if root not in ROOTS or not all(rest):
                yield f"{path}.value: `{node['value']}` does not begin with one of {', '.join(sorted(ROOTS))}"
        case dict():
            for key, part in node.items():
                yield from _problems(part, f"{path}.{key}", depth + 1)
        case list() | tuple():
            for index, part in enumerate(node):
                yield from _problems(part, f"{path}[{index}]", depth + 1)
        case _:
            return


@functools.lru_cache(maxsize=256)
def _text_problems(text: str) -> tuple[str, ...]:
    try:
        compile_text(text)
    except SyntaxProblemError as error:
        return (str(error),)
    return ()
