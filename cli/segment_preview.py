"""`attune segments preview` and `overlap`: whom a segment would hold, and how those that are there overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from attune.domain.definitions.kinds import Segment
from cli.api import Api, ApiError, Json, admin_api
from cli.apply import read_definitions
from cli.documents import Document, DocumentsError
from cli.errors import CliError
from cli.runs import ended
from cli.terminal import notes, print_json

#: rows of what a draft has in common with others
_MOST_OTHERS: Final = 15

AsJson = Annotated[bool, typer.Option("--json", help="The API's answer as it is.")]


def preview(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML with the segment; it need not be applied.")],
    segment: Annotated[str, typer.Option(help="Which one, where the file holds several.")] = "",
    weeks: Annotated[int, typer.Option(min=1, max=53, help="Past weeks to look at.")] = 8,
    sample: Annotated[str, typer.Option(help="Look at a share of all profiles, such as 1/16.")] = "1/1",
    as_json: AsJson = False,
) -> None:
    """Show whom a segment would hold, now and at the end of past weeks, and what is there already. Changes nothing."""
    document, drafted = _drafted(file, segment)
    body = {"definition": document.data, "weeks": weeks, "share": _share(sample)}
    with admin_api(context) as api:
        try:
            result = _run(api, body)
        except ApiError as error:
            if error.code == "invalid_definition":
                raise DocumentsError([document.problem_line(line) for line in error.message.splitlines()]) from error
            raise
    if as_json:
        print_json(result)
        return
    screen = Console(markup=False, highlight=False, soft_wrap=True)
    for line in _size(drafted.id, result):
        screen.print(line)
    screen.print(_weeks(result))
    if result["overlap"]:
        screen.print(_others(result))
    if result["sample"]:
        screen.print("some of them: " + " ".join(result["sample"]))
    for one in result["warnings"]:
        notes.print(f"warning: {one['message']}")


def overlap(
    context: typer.Context,
    segments: Annotated[list[str] | None, typer.Argument(help="Segments; none: all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how many profiles are in each segment, and in each two of them, now."""
    with admin_api(context) as api:
        result = _run(api, {"segments": segments} if segments else {})
    if as_json:
        print_json(result)
        return
    screen = Console(markup=False, highlight=False, soft_wrap=True)
    sizes = Table("segment", "profiles", "of all", box=None, pad_edge=False)
    for one in result["segments"]:
        sizes.add_row(one["segment"], f"{one['size']:,}", _percent(one["size"], result["profiles"]))
    screen.print(sizes)
    pairs = Table("both", "profiles", "alike", box=None, pad_edge=False)
    for one in result["overlap"]:
        pairs.add_row(" and ".join(one["segments"]), f"{one['both']:,}", f"{one['jaccard']:.1%}")
    screen.print(pairs if result["overlap"] else "no two of them have anybody in common")
    for one in result["warnings"]:
        notes.print(f"warning: {one['message']}")


def _drafted(file: Path, segment: str) -> tuple[Document, Segment]:
    read = read_definitions([file])
    found = [(document, one) for document, one in read if isinstance(one, Segment) and segment in {"", one.id}]
    if len(found) != 1:
        named = ", ".join(one.id for _, one in read if isinstance(one, Segment)) or "none"
        raise CliError(f"{file}: name one segment with --segment; it holds {named}")
    return found[0]


def _share(text: str) -> int:
    one, _, share = text.partition("/")
    if one != "1" or not share.isdecimal():
        raise CliError(f"{text}: a share is written 1/16; powers of two up to 1/4096")
    return int(share)


def _run(api: Api, body: Json) -> Json:
    run = str(api.call("POST", "previews", body=body)["run"])
    over = ended(run, lambda: api.call("GET", "previews", run))
    if over["state"] != "succeeded":
        error = (over["result"] or {}).get("error")
        raise CliError(f"run {run} {over['state'].replace('_', ' ')}{f': {error}' if error else ''}; start it again")
    result: Json = over["result"]
    return result


def _size(name: str, result: Json) -> list[str]:
    size, profiles = result["size"], result["profiles"]
    of_all = f"{_percent(size['size'], profiles['all'])} of {profiles['all']:,}"
    if result["share"] == 1:
        lines = [f"{name}: {size['size']:,} profiles would be in it now, {of_all}"]
    else:
        lines = [
            f"{name}: about {size['size']:,} profiles would be in it now, {of_all}",
            f"estimated from 1 in {result['share']}: between {size['low']:,} and {size['high']:,}, in 95 of 100 times",
        ]
    if profiles["incomplete"]:
        lines.append(f"of {profiles['incomplete']:,} profiles the lake does not hold all events (yet)")
    return lines


def _weeks(result: Json) -> Table:
    table = Table("week to", "in it", "came", "went", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in result["weeks"]:
        table.add_row(one["ends_at"], f"{one['size']:,}", f"{one['entered']:,}", f"{one['left']:,}")
    return table


def _others(result: Json) -> Table:
    table = Table("segment", "in it", "in both", "alike", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in result["overlap"][:_MOST_OTHERS]:
        table.add_row(one["segment"], f"{one['size']:,}", f"{one['both']:,}", f"{one['jaccard']:.1%}")
    return table


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0%"
