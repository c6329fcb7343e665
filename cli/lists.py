"""`attune lists`: whom a company lists, from files of addresses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.address_files import check_file, read_file
from cli.api import Api, ApiError, Json, server_api
from cli.errors import CliError
from cli.terminal import notes

#: addresses and bytes of them in one call; the API takes 500 in 100,000 bytes
MAX_ADDRESSES: Final = 500
_MAX_BYTES: Final = 80_000
#: addresses a second: a fifth of what one shard of the stream takes, so that what customers do is not held up
RATE: Final = 200
#: tries of a call that the stream does not take, and seconds between two if the API does not say how many
_NOT_TAKEN: Final = 503
_TRIES: Final = 6
_PAUSE: Final = 5.0

lists = typer.Typer(no_args_is_help=True, help="Who is on which list.")

Name = Annotated[str, typer.Argument(metavar="LIST", help="The list; it is there as soon as somebody is on it.")]
File = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, readable=True, help="CSV: a column of namespace:value, or a header of namespaces."
    ),
]
Rate = Annotated[int, typer.Option(min=1, help="Addresses a second; 200 for each shard of the stream are fine.")]
Since = Annotated[str, typer.Option("--effective-at", help="Since when, ISO 8601; now if not given.")]


@lists.command("add")
def add(context: typer.Context, name: Name, file: File, rate: Rate = RATE, effective_at: Since = "") -> None:
    """Put everybody in a file on a list."""
    total = check_file(file)
    with server_api(context) as api:
        _Upload(api, name, rate, effective_at).run(total, [("add", read_file(file))])


@lists.command("remove")
def remove(context: typer.Context, name: Name, file: File, rate: Rate = RATE, effective_at: Since = "") -> None:
    """Take everybody in a file off a list."""
    total = check_file(file)
    with server_api(context) as api:
        _Upload(api, name, rate, effective_at).run(total, [("remove", read_file(file))])


@lists.command("replace")
def replace(
    context: typer.Context,
    name: Name,
    file: File,
    previous: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The file that the list was made of.")
    ],
    rate: Rate = RATE,
    effective_at: Since = "",
) -> None:
    """Bring a list from one file to another: whom only the previous one has comes off, whom only the new one has on."""
    for one in (file, previous):
        check_file(one)
    new, old = set(read_file(file)), set(read_file(previous))
    if new == old:
        notes.print("nothing was sent: both files name the same")
        return
    with server_api(context) as api:
        upload = _Upload(api, name, rate, effective_at)
        upload.run(len(new ^ old), [("remove", sorted(old - new)), ("add", sorted(new - old))])


@dataclass
class _Upload:
    """One file's way to the API, as of one instant: the first answer's, so that a call sent again changes nothing."""

    api: Api
    name: str
    rate: int
    effective_at: str
    taken: int = 0
    unknown: int = 0

    def run(self, total: int, parts: Iterable[tuple[str, Iterable[str]]]) -> None:
        """In calls of at most 500, no faster than the rate; says what came of it."""
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("addresses"), TimeRemainingColumn())
        ready = time.monotonic()
        with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as progress:
            task = progress.add_task("", total=total)
            for field, addresses in parts:
                for chunk in chunks(addresses):
                    time.sleep(max(0.0, ready - time.monotonic()))
                    ready = time.monotonic() + len(chunk) / self.rate
                    self._send(field, chunk, total)
                    progress.advance(task, len(chunk))
        print(f"{self.name}: {self.taken:,} addresses, of which nobody has {self.unknown:,}")
        if self.unknown:
            notes.print("whom nobody knows is on no list, and consents to none: upload them again once they are known")

    def _send(self, field: str, chunk: list[str], total: int) -> None:
        body: Json = {field: chunk}
        try:
            answer = self._patiently(body | ({"effective_at": self.effective_at} if self.effective_at else {}))
        except CliError as error:
            raise CliError(
                f"{error}\n{self.taken:,} of {total:,} addresses were taken; run it again: nothing counts twice"
            ) from error
        self.effective_at = answer["effective_at"]
        self.taken += int(answer["accepted"])
        self.unknown += int(answer["unknown"])

    def _patiently(self, body: Json) -> Json:
        for _ in range(_TRIES - 1):
            try:
                return self.api.call("POST", "lists", self.name, body=body)
            except ApiError as error:
                if error.status != _NOT_TAKEN:
                    raise
                time.sleep(_PAUSE if error.retry_after is None else error.retry_after)
        return self.api.call("POST", "lists", self.name, body=body)


def chunks(addresses: Iterable[str]) -> Iterator[list[str]]:
    """As many as a call takes."""
    chunk: list[str] = []
    size = 0
    for address in addresses:
        weight = len(address.encode()) + 4
        if chunk and (len(chunk) == MAX_ADDRESSES or size + weight > _MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(address)
        size += weight
    if chunk:
        yield chunk
