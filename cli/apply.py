"""`attune apply`: files into definitions. Everything is checked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import msgspec

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import Definition, Segment, decode_definition, snapshot
from attune.domain.definitions.references import segments_named
from attune.domain.segments.contradictions import certainties
from cli.api import Api, ApiError
from cli.documents import Document, DocumentsError, Problem, find_files, read_documents
from cli.errors import CliError
from cli.losses import losses
from cli.schema import problems as schema_problems

#: what others refer to comes first
ORDER: Final = ("purpose", "tracking_plan", "source", "channel", "computed_trait", "segment", "campaign")

type Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Step:
    """One definition and what applying it does."""

    kind: str
    definition: Definition
    document: Document
    outcome: Outcome
    #: profiles have yet to be brought in line; the version before serves until they are
    awaits_backfill: bool = False
    is_pending: bool = False
    #: what it makes go
    warnings: tuple[Problem, ...] = ()


def read_definitions(paths: Sequence[Path]) -> list[tuple[Document, Definition]]:
    """Every definition in the files, against the JSON Schema; raises `DocumentsError` with all problems at once."""
    documents = read_documents(find_files(paths))
    wrong = [document.problem(at, text) for document in documents for at, text in schema_problems(document.data)]
    if wrong:
        raise DocumentsError(wrong)
    read: list[tuple[Document, Definition]] = []
    for document in documents:
        try:
            read.append((document, decode_definition(document.data)))
        except msgspec.ValidationError as error:
            wrong.append(document.problem((), str(error)))
    wrong += _repeated(read)
    if wrong:
        raise DocumentsError(wrong)
    return read


def plan(api: Api, read: Sequence[tuple[Document, Definition]]) -> list[Step]:
    """What applying would do, in order; raises `DocumentsError` where a definition does not fit the others."""
    current = {(kind, one.id): one for kind in ORDER for one in _stored(api, kind)}
    wanted = {(kind_of(one), one.id): one for _, one in read}
    together = snapshot(tuple((current | wanted).values()))
    wrong = [document.problem_line(line) for document, one in read for line in check(one, together)]
    if wrong:
        raise DocumentsError(wrong)
    steps = []
    depths = _depths([one for _, one in read])
    for document, one in sorted(
        read, key=lambda pair: (ORDER.index(kind_of(pair[1])), depths.get(pair[1].id, 0), pair[1].id)
    ):
        known = current.get((kind_of(one), one.id))
        outcome: Outcome = "created" if known is None else "unchanged" if known == one else "changed"
        goes = tuple(document.problem_line(line) for line in losses(known, one, together))
        steps.append(Step(kind_of(one), one, document, outcome, warnings=goes))
    return steps


def doubts(read: Sequence[tuple[Document, Definition]]) -> list[Problem]:
    """What is certain of segments' conditions and can hardly be meant; none of it keeps anybody from applying them."""
    return [
        document.problem_line(f"{one.path}: {one.text}")
        for document, segment in read
        if isinstance(segment, Segment)
        for one in certainties(segment.when)
    ]


def carry_out(api: Api, steps: Sequence[Step]) -> Iterator[Step]:
    """Each step after it was taken."""
    for step in steps:
        if step.outcome != "unchanged":
            try:
                said = api.call("PUT", "definitions", step.kind, step.definition.id, body=step.document.data)
            except ApiError as error:
                if error.code == "invalid_definition":
                    wrong = [step.document.problem_line(line) for line in error.message.splitlines()]
                    raise DocumentsError(wrong) from error
                raise CliError(f"{step.kind} {step.definition.id}: {error}") from error
            awaits, waits = bool(said.get("awaits_backfill")), bool(said.get("pending"))
            yield replace(step, awaits_backfill=awaits, is_pending=waits)
        else:
            yield step


def kind_of(definition: Definition) -> str:
    """`purpose`, `source`, `channel`, `computed_trait`, `segment` or `campaign`."""
    return str(type(definition).__struct_config__.tag)


def _stored(api: Api, kind: str) -> list[Definition]:
    shown = api.call("GET", "definitions", kind)["definitions"]
    try:
        return [decode_definition(one.get("pending") or one["definition"]) for one in shown]
    except msgspec.ValidationError as error:
        raise CliError(f"the deployment holds a {kind} that this version cannot read: {error}") from error


def _depths(definitions: Sequence[Definition]) -> dict[str, int]:
    """Of each segment how many others must be there before it; cycles were refused."""
    named = {one.id: set(segments_named(one).values()) for one in definitions if isinstance(one, Segment)}

    def depth(name: str) -> int:
        return 1 + max((depth(one) for one in named[name] if one in named), default=0)

    return {name: depth(name) for name in named}


def _repeated(read: Sequence[tuple[Document, Definition]]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Document] = {}
    for document, one in read:
        before = first.setdefault((kind_of(one), one.id), document)
        if before is not document:
            at = before.problem(("id",), "")
            yield document.problem(("id",), f"{kind_of(one)} `{one.id}` is also in {at.file}:{at.line}")
