"""The synthesized templates as plain data, with references followed to the resource they name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one template."""

    stack: str
    logical_id: str
    type: str
    body: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self.body.get("Properties", {})
        return properties

    def __str__(self) -> str:
        return f"{self.stack}/{self.logical_id}"


@dataclass(frozen=True, slots=True)
class Statement:
    """What one IAM statement allows."""

    actions: frozenset[str]
    resources: frozenset[str]
    condition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of one cloud assembly."""

    stacks: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, assembly: Path) -> Self:
        files = sorted(assembly.glob("*.template.json"))
        return cls({file.name.removesuffix(".template.json"): json.loads(file.read_text()) for file in files})

    def of(self, *types: str) -> list[Resource]:
        """Every resource of these types, in all stacks. Finding none would make an assertion empty, so it fails."""
        found = [resource for resource in self if resource.type in types]
        assert found, f"no {types} in {list(self.stacks)}"
        return found

    def __iter__(self) -> Iterator[Resource]:
        for stack, template in self.stacks.items():
            for logical_id, body in template["Resources"].items():
                yield Resource(stack, logical_id, body["Type"], body)

    def named(self, logical_id_prefix: str, type_: str) -> Resource:
        [found] = [r for r in self.of(type_) if r.logical_id.startswith(logical_id_prefix)]
        return found

    def machine(self, logical_id_prefix: str) -> tuple[Resource, dict[str, Any]]:
        """A state machine and what it is defined to do, its functions named as resources."""
        machine = self.named(logical_id_prefix, "AWS::StepFunctions::StateMachine")
        definition: dict[str, Any] = json.loads(self.target(machine.properties["DefinitionString"], machine.stack))
        return machine, definition

    def target(self, value: Any, stack: str) -> str:
        """What a reference means, as `<stack>/<logical id>` plus what is joined to it; a literal is itself."""
        match value:
            case str():
                return value
            case {"Ref": "AWS::Region" | "AWS::AccountId" | "AWS::Partition" as pseudo}:
                return f"<{pseudo}>"
            case {"Ref": logical_id} | {"Fn::GetAtt": [logical_id, "Arn" | "StreamArn"]}:
                suffix = ":stream" if "StreamArn" in json.dumps(value) else ""
                return f"{stack}/{logical_id}{suffix}"
            case {"Fn::ImportValue": name}:
                return self._exported(name)
            case {"Fn::Join": [glue, parts]}:
                return str(glue).join(self.target(part, stack) for part in parts)
            case _:
                return json.dumps(value)

    def _exported(self, name: str) -> str:
        for stack, template in self.stacks.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.target(output["Value"], stack)
        raise AssertionError(f"nobody exports {name}")

    def functions(self) -> dict[str, Resource]:
        """The Lambda functions by the name of their folder."""
        variables = "Environment", "Variables", "POWERTOOLS_SERVICE_NAME"
        functions = {}
        for resource in self.of("AWS::Lambda::Function"):
            name: Any = resource.properties
            for key in variables:
                name = name[key]
            functions[str(name)] = resource
        return functions

    def role_of(self, function: Resource) -> str:
        return self.target(function.properties["Role"], function.stack)

    def statements(self, role: str) -> list[Statement]:
        """Every statement of every policy attached to `role` (`<stack>/<logical id>`)."""
        found = []
        for policy in self.of("AWS::IAM::Policy"):
            roles = [self.target(each, policy.stack) for each in policy.properties["Roles"]]
            if role in roles:
                document = policy.properties["PolicyDocument"]["Statement"]
                found += [self._statement(raw, policy.stack) for raw in document]
        return found

    def _statement(self, raw: dict[str, Any], stack: str) -> Statement:
        assert raw["Effect"] == "Allow"
        actions, resources = raw["Action"], raw["Resource"]
        return Statement(
            frozenset([actions] if isinstance(actions, str) else actions),
            frozenset(self.target(r, stack) for r in (resources if isinstance(resources, list) else [resources])),
            raw.get("Condition", {}),
        )
