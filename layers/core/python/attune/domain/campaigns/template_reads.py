"""What a message says of somebody: the values of the context that its templates name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jinja2
from jinja2 import nodes

from attune.domain.campaigns.templates import is_value

if TYPE_CHECKING:
    from collections.abc import Iterator

#: all that lies there: what is named is only known when the message is made
ALL: Final = "*"

_parser: Final = jinja2.Environment(autoescape=True)


def reads(message: Any) -> frozenset[tuple[str, str]]:
    """Of a message that `templates.check` has passed: `("traits", "email")`, `("cart", "*")`."""
    return frozenset(_reads(message))


def _reads(node: Any) -> Iterator[tuple[str, str]]:
    match node:
        case str():
            if "{" in node:
                yield from _named(_parser.parse(node))
        case dict() if is_value(node):
            root, _, path = node["value"].partition(".")
            yield root, path.partition(".")[0] or ALL
        case dict():
            for part in node.values():
                yield from _reads(part)
        case list() | tuple():
            for part in node:
                yield from _reads(part)
        case _:
            return


def _named(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """`traits.email` and `traits["email"]` name one value; `traits` by itself names all."""
    match node:
        case nodes.Getattr(node=nodes.Name(name=root), attr=name):
            yield root, name
            return
        case nodes.Getitem(node=nodes.Name(name=root), arg=nodes.Const(value=str(name))):
            yield root, name
            return
        case nodes.Name(name=root, ctx="load"):
            yield root, ALL
        case _:
            pass
    for child in node.iter_child_nodes():
        yield from _named(child)
