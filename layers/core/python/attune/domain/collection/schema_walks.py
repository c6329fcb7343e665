"""What can be said of a JSON Schema without running it: its keywords, where they lead, and how much work it makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

type Step = str | int

#: keywords whose value is a schema that is asked of the same value
_HERE: Final = frozenset({"not", "if", "then", "else"})
_HERE_EACH: Final = frozenset({"allOf", "anyOf", "oneOf"})
#: of what lies in the value: under a name, or anywhere in it
_WITHIN: Final = frozenset({
    "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_NAMED: Final = frozenset({"$defs", "properties"})
#: whose values are looked at by the validator's own check of schemas
_PLAIN: Final = frozenset({
    "$schema", "$ref", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength",
    "minLength", "pattern", "format", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
    "maxProperties", "minProperties", "required", "dependentRequired",
})  # fmt: skip
KEYWORDS: Final = (
    _PLAIN | _HERE | _HERE_EACH | _WITHIN | _NAMED | {"prefixItems", "patternProperties", "dependentSchemas"}
)


class Child(NamedTuple):
    """A schema within a schema. `applies`: to the same value (`here`), to what has a name in it, or to anything in it.

    `defined`: to nothing until something refers to it.
    """

    steps: tuple[Step, ...]
    schema: Any
    applies: str


def children(schema: dict[str, Any]) -> Iterator[Child]:
    """The schemas directly within, references aside."""
    for keyword, value in schema.items():
        if keyword in _HERE:
            yield Child((keyword,), value, "here")
        elif keyword in _WITHIN:
            yield Child((keyword,), value, "within")
        elif keyword in _HERE_EACH or keyword == "prefixItems":
            applies = "here" if keyword in _HERE_EACH else "within"
            for index, one in enumerate(value if isinstance(value, list) else ()):
                yield Child((keyword, index), one, applies)
        elif keyword in _NAMED or keyword in ("patternProperties", "dependentSchemas"):
            applies = _OF_NAMES.get(keyword, "within")
            for name, one in value.items() if isinstance(value, dict) else ():
                yield Child((keyword, name), one, applies)


_OF_NAMES: Final = {"$defs": "defined", "properties": "named", "dependentSchemas": "here"}


def referred(root: dict[str, Any], reference: object) -> Any:
    """What a reference within `root` (`#`, `#/$defs/sku`) leads to; raises LookupError for any other."""
    if reference == "#":
        return root
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise LookupError
    found: Any = root
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found[int(name)] if isinstance(found, list) and name.isdecimal() else found[name]
    return found


def planned_names(root: dict[str, Any]) -> tuple[frozenset[str], tuple[str, ...]] | None:
    """Names and patterns of the properties that a schema speaks of; None if it speaks of all.

    Of a schema that `checks.tracking_plans` has passed: references end somewhere.
    """
    names: set[str] = set()
    patterns: list[str] = []
    waiting: list[Any] = [root]
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict):
            continue
        if schema.get("additionalProperties", False) is not False:
            return None
        names |= schema.get("properties", {}).keys()
        names |= set(schema.get("required", ()))
        patterns += schema.get("patternProperties", {})
        waiting += [child.schema for child in children(schema) if child.applies == "here"]
        if "$ref" in schema:
            waiting.append(referred(root, schema["$ref"]))
    return frozenset(names), tuple(patterns)


def ways(root: dict[str, Any], schema: Any) -> int:
    """By how many schemas a single value may be judged, at most: what bounds the time that validation takes."""
    if not isinstance(schema, dict):
        return 1
    here = 0
    named = 0
    within = 0
    for child in children(schema):
        if child.applies == "here":
            here += ways(root, child.schema)
        elif child.applies == "named":
            named = max(named, ways(root, child.schema))
        elif child.applies == "within":
            within += ways(root, child.schema)
    if "$ref" in schema:
        here += ways(root, referred(root, schema["$ref"]))
    return max(1, named + within) + here
