"""YAML files of definitions: JSON's values only, every one with the line it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CliError

type At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, where a person finds it."""

    file: str
    line: int
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.text}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document and the line of everything in it."""

    file: str
    data: Any
    lines: dict[At, int] = field(default_factory=dict)

    def problem(self, at: At, text: str) -> Problem:
        """A problem at `at`, or at the nearest thing around it that is in the file."""
        place = at
        while place not in self.lines and place:
            place = place[:-1]
        return Problem(self.file, self.lines.get(place, 1), json_path(at), text)

    def problem_line(self, line: str) -> Problem:
        """A problem from a line `<JSON path>: <what is wrong>`, as the API words them."""
        path, _, text = line.partition(": ")
        return self.problem(parse_path(path), text)


class DocumentsError(CliError):
    """The files cannot be used; every problem is a line of its own."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in sorted(problems)))


def json_path(at: At) -> str:
    """`("when", "conditions", 0)` → `$.when.conditions[0]`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)


def parse_path(path: str) -> At:
    """The inverse of `json_path`, as far as keys hold neither dots nor brackets."""
    steps = re.findall(r"\.([^.\[]+)|\[(\d+)\]", path)
    return tuple(int(index) if index else key for key, index in steps)


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and the YAML files in the folders named, each once, in order of their names."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise CliError(f"{path}: there is no such file or folder")
        files = sorted(one for one in path.rglob("*") if one.suffix in {".yaml", ".yml"}) if path.is_dir() else [path]
        if not files:
            raise CliError(f"{path}: holds no .yaml files")
        found |= dict.fromkeys(files)
    return list(found)


def read_documents(files: Iterable[Path]) -> list[Document]:
    """All documents of all files; raises `DocumentsError` with everything that is not YAML of JSON's values."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        try:
            documents += _documents(str(file), file.read_text(encoding="utf-8"), problems)
        except UnicodeDecodeError:
            problems.append(Problem(str(file), 1, "$", "is not text in UTF-8"))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            problems.append(Problem(str(file), line, "$", f"is not YAML: {error.problem}"))
        except yaml.YAMLError as error:
            problems.append(Problem(str(file), 1, "$", f"is not YAML: {error}"))
    if problems:
        raise DocumentsError(problems)
    return documents


def _documents(file: str, text: str, problems: list[Problem]) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            reading = _Reading(file, loader, problems)
            data = reading.value(loader.get_node(), ())
            if data is not None:
                yield Document(file, data, reading.lines)
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Plain words are text unless they are JSON's null, booleans and numbers: `no`, `012` and dates stay text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the base class says it so)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
    list("-0123456789"),
)


class _Reading:
    """One document on its way from nodes to values."""

    def __init__(self, file: str, loader: _Loader, problems: list[Problem]) -> None:
        self.lines: dict[At, int] = {}
        self._file = file
        self._loader = loader
        self._problems = problems
        self._inside: set[int] = set()

    def value(self, node: Any, at: At) -> Any:
        self.lines.setdefault(at, node.start_mark.line + 1)
        if id(node) in self._inside:
            self._wrong(at, "an alias stands inside what it repeats")
            return None
        self._inside.add(id(node))
        try:
            return self._value(node, at)
        finally:
            self._inside.discard(id(node))

    def _value(self, node: Any, at: At) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.value(part, (*at, index)) for index, part in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._wrong(at, f"`{node.value}` is not a {node.tag.rpartition(':')[2]}")
            return None

    def _mapping(self, node: yaml.MappingNode, at: At) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self.lines[(*at, key)] = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong((*at, key), "keys must be text")
            elif key in values:
                self._wrong((*at, key), "is there twice")
            else:
                values[key] = self.value(value_node, (*at, key))
        return values

    def _wrong(self, at: At, text: str) -> None:
        self._problems.append(Problem(self._file, self.lines[at], json_path(at), text))
