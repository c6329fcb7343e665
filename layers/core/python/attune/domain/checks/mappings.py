"""What types cannot say of a mapping: that its expressions can be used, and that events can come of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from attune.domain.checks.purposes import known_purposes, purpose_problems
from attune.domain.collection.expressions import expression_problem
from attune.domain.definitions.mappings import Mapping
from attune.domain.events import CALLS
from attune.domain.identifiers import is_namespace

#: characters of all expressions of a mapping: a definition is one item of a table
MAX_TOGETHER: Final = 50_000


def mapping_problems(path: str, mapping: Mapping, purposes: Collection[str] = known_purposes()) -> Iterator[str]:
    """Every problem at once, each with its path below `path`."""
    yield from _unusable(path, mapping)
    for namespace in mapping.identifiers:
        if not is_namespace(namespace):
            yield f"{path}.identifiers.{namespace}: is no namespace: lower case, digits and _, a letter first"
    for purpose in mapping.consent:
        yield from purpose_problems(f"{path}.consent.{purpose}", purpose, purposes)
    if mapping.consent and not (mapping.time or mapping.consent_time):
        yield f"{path}.consent: needs `time` or `consent_time`, or old consent would overrule a later withdrawal"
    if mapping.type == "track" and mapping.event is None:
        yield f"{path}.event: a track call has one; a name of your own stands in single quotes: 'Order Completed'"
    if mapping.type in CALLS - {"track"} and mapping.event is not None:
        yield f"{path}.event: only a track call has one, the type is {mapping.type}"


def _unusable(path: str, mapping: Mapping) -> Iterator[str]:
    if sum(len(expression) for _, expression in _expressions(path, mapping)) > MAX_TOGETHER:
        yield f"{path}: its expressions have more than {MAX_TOGETHER:,} characters together"
    for at, expression in _expressions(path, mapping):
        if problem := expression_problem(expression):
            yield f"{at}: {problem}"


def _expressions(path: str, mapping: Mapping) -> Iterator[tuple[str, str]]:
    if mapping.type not in CALLS:
        yield f"{path}.type", mapping.type
    for name in ("each", "event", "message_id", "time", "consent_time"):
        if (expression := getattr(mapping, name)) is not None:
            yield f"{path}.{name}", expression
    for name in ("identifiers", "properties", "traits", "consent"):
        for key, expression in getattr(mapping, name).items():
            yield f"{path}.{name}.{key}", expression
