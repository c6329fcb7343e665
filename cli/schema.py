"""The published JSON Schema of definitions, generated from the types, and the checks against it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import msgspec

from attune.domain.definitions.kinds import Definition

#: where the schema is published; editors find it by a line `# yaml-language-server: $schema=...`
PUBLISHED: Final = Path("schemas/definition.schema.json")

type Json = dict[str, Any]


def generate() -> Json:
    """JSON Schema (draft 2020-12) of one definition of any kind."""
    schema = msgspec.json.schema(Definition)
    found: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Attune definition",
        "description": "A purpose, plan, source, segment, trait, campaign or channel, as `attune apply` takes it.",
    }
    found |= _by_tag(schema)
    return found


def text() -> str:
    """The schema as it is published: stable, so that a difference is a change."""
    return json.dumps(generate(), indent=2, ensure_ascii=False) + "\n"


def problems(data: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where data does not fit the schema: the path and what is wrong there."""
    for error in _validator.iter_errors(data):
        at = tuple(error.instance_path)
        match error.kind:
            case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=names):
                yield from (((*at, name), "there is no such field") for name in names)
            case jsonschema_rs.ValidationErrorKind.Enum(options=options):
                yield at, f"{json.dumps(error.instance)} is not one of {', '.join(map(json.dumps, options))}"
            case _:
                yield at, error.message


def _any_of(parts: list[Any]) -> Json:
    """A field that may be left out is written as what it is where it is there: nobody writes null."""
    said = [part for part in parts if part != {"type": "null"}]
    return said[0] if len(said) == 1 else ({"anyOf": said} if said else {})


def _by_tag(node: Any) -> Any:
    """Unions said as "of this type: that schema", so that an error names the field and not the whole union.

    msgspec says them as `anyOf` with a discriminator, of which validators report only that nothing matched.
    """
    if isinstance(node, list):
        return [_by_tag(part) for part in node]
    if not isinstance(node, dict):
        return node
    rest = {name: _by_tag(part) for name, part in node.items() if name not in {"anyOf", "discriminator"}}
    if "discriminator" not in node:
        return rest | _any_of([_by_tag(part) for part in node.get("anyOf", ())])
    tag, mapping = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
    tagged = {"properties": {tag: {"enum": list(mapping)}}, "required": [tag], "type": "object"}
    cases = [
        {"if": {"properties": {tag: {"const": name}}, "required": [tag]}, "then": {"$ref": reference}}
        for name, reference in mapping.items()
    ]
    return rest | tagged | {"allOf": cases}


_validator: Final = jsonschema_rs.validator_for(msgspec.to_builtins(generate()))
