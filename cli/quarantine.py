"""`attune quarantine`: what was refused, why, and what comes of it when it is mended and replayed."""

from __future__ import annotations

import base64
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cli.api import Api, ApiError, Json, admin_api
from cli.errors import CliError
from cli.terminal import notes, print_json

#: ids in one call; the API takes as many
MAX_IDS: Final = 20
#: tries of a call for which a service is out of reach, and seconds between two if the API does not say how many
_UNAVAILABLE: Final = 503
_TRIES: Final = 6
_PAUSE: Final = 5.0
_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400}
REPLAYED: Final = "replayed"
BEFORE: Final = "replayed_before"

quarantine = typer.Typer(no_args_is_help=True, help="What was refused: look at it, mend it, replay it.")


class State(StrEnum):
    """Whether an input was replayed."""

    WAITING = "waiting"
    REPLAYED = "replayed"


Reason = Annotated[str, typer.Option(help="Refused for this reason (docs/errors.md lists them).")]
Source = Annotated[str, typer.Option(help="Of this source.")]
Since = Annotated[str, typer.Option(help="Received since then: ISO 8601, or how long ago (90m, 12h, 7d).")]
Until = Annotated[str, typer.Option(help="Received before then; as --since.")]
Patch = Annotated[str, typer.Option(help="JMESPath: is given the document, gives the corrected one.")]
Input = Annotated[str, typer.Argument(metavar="ID", help="As `attune quarantine ls` shows it.")]


@quarantine.command("ls")
def ls(
    context: typer.Context,
    reason: Reason = "",
    source: Source = "",
    since: Since = "",
    until: Until = "",
    state: Annotated[State | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many inputs at the most.")] = 50,
) -> None:
    """Without --reason, count what lies in quarantine by reason and source; with it, list inputs."""
    query = _selection(reason, source, since, until)
    with admin_api(context) as api:
        if reason:
            _list(api, query | ({"state": state.value} if state else {}), limit)
        else:
            _count(api, query)


@quarantine.command("show")
def show(
    context: typer.Context,
    name: Input,
    raw: Annotated[bool, typer.Option("--raw", help="Write its bytes as they came, and nothing else.")] = False,
) -> None:
    """Show one input: its bytes, how it came, and what was tried. It may hold personal data."""
    with admin_api(context) as api:
        shown = api.call("GET", "quarantine", "inputs", name)
    if raw:
        content = base64.b64decode(shown["base64"]) if "base64" in shown else str(shown["text"]).encode()
        sys.stdout.buffer.write(content)
    else:
        print_json(shown)


@quarantine.command("fix")
def fix(
    context: typer.Context,
    name: Input,
    patch: Patch = "",
    apply: Annotated[bool, typer.Option("--apply", help="Replay it so; else only show what would come of it.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Even if it was replayed before.")] = False,
) -> None:
    """Try a patch on one input, or, without a patch, today's definitions: shows the event, or the next reason."""
    asked = {"ids": [name], "patch": patch, "again": again}
    with admin_api(context) as api:
        [tried] = _patiently(api, asked | {"dry_run": True})["items"]
        if tried["outcome"] == REPLAYED and apply:
            _replay_all(api, asked, [[name]], 1, dry_run=False)
            return
    for event in tried.get("events", ()):
        print_json(event)
    _tell(Counter([tried["outcome"]]), dry_run=True)


@quarantine.command("replay")
def replay(  # noqa: PLR0913 - one option each
    context: typer.Context,
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `ls` shows them.")] = None,
    reason: Reason = "",
    source: Source = "",
    since: Since = "",
    until: Until = "",
    everything: Annotated[bool, typer.Option("--all", help="All that lies in quarantine.")] = False,
    patch: Patch = "",
    again: Annotated[bool, typer.Option("--again", help="Also what was replayed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of them.")] = False,
) -> None:
    """Read inputs anew and put them onto the stream; what still cannot be read stays. May be repeated at will."""
    chosen = _selection(reason, source, since, until)
    if bool(names) + bool(chosen) + everything != 1:
        raise CliError("name inputs, or choose by --reason, --source, --since and --until, or ask for --all")
    asked: Json = {"patch": patch, "again": again}
    with admin_api(context) as api:
        if names:
            parts = [names[at : at + MAX_IDS] for at in range(0, len(names), MAX_IDS)]
            _replay_all(api, asked, parts, len(names), dry_run=dry_run)
        else:
            total = sum(int(one["waiting"]) + int(one["replayed"]) for one in _counts(api, chosen))
            _replay_all(api, asked | chosen, None, total, dry_run=dry_run)


def _list(api: Api, query: dict[str, str], limit: int) -> None:
    shown = 0
    while shown < limit:
        page = api.call("GET", "quarantine", "inputs", query=query | {"limit": str(min(1_000, limit - shown))})
        for item in page["items"]:
            tried = item["last_tried"]
            became = f"  {tried['at']} {tried['outcome']}" if tried else ""
            print(f"{item['id']}  {item['received_at']}  {item['size']:>7,} B  {item['state']}{became}")
        shown += len(page["items"])
        if page["cursor"] is None:
            break
        query |= {"cursor": page["cursor"]}
    else:
        notes.print(f"the first {limit:,}; more with --limit")


def _count(api: Api, query: dict[str, str]) -> None:
    tally: Counter[tuple[str, str, str]] = Counter()
    for one in _counts(api, query):
        for state in State:
            tally[one["reason"], one["source"], state] += int(one[state])
    for reason, source in sorted({(reason, source) for reason, source, _ in tally}):
        waiting, done = (tally[reason, source, state] for state in State)
        print(f"{reason:<22} {source:<22} {waiting:>9,} waiting {done:>9,} replayed")
    if not tally:
        notes.print("nothing lies in quarantine")


def _counts(api: Api, query: dict[str, str]) -> Iterator[Json]:
    cursor: str | None = ""
    while cursor is not None:
        answer = api.call("GET", "quarantine", query=query | ({"cursor": cursor} if cursor else {}))
        yield from answer["counts"]
        cursor = answer["cursor"]


def _replay_all(api: Api, asked: Json, parts: list[list[str]] | None, total: int, *, dry_run: bool) -> None:
    """Call by call; says what came of them, and ends with exit code 1 where any stays."""
    tally: Counter[str] = Counter()
    left: list[Json] = []
    asked |= {"dry_run": dry_run}
    try:
        with notes.status("") as progress:
            for answer in _answers(api, asked, parts):
                tally.update(item["outcome"] for item in answer["items"])
                left += [item for item in answer["items"] if item["outcome"] not in (REPLAYED, BEFORE)]
                progress.update(f"{tally.total():,} of {total:,} looked at, {tally[REPLAYED]:,} replayed")
    except CliError as error:
        done = "" if dry_run else f"\n{tally[REPLAYED]:,} were replayed; run it again: nothing counts twice"
        raise CliError(f"{error}{done}") from error
    for item in left[:MAX_IDS]:
        print(f"{item['id']}  {item['outcome']}")
    if len(left) > MAX_IDS:
        print(f"and {len(left) - MAX_IDS:,} more")
    _tell(tally, dry_run=dry_run)


def _answers(api: Api, asked: Json, parts: list[list[str]] | None) -> Iterator[Json]:
    if parts is not None:
        yield from (_patiently(api, asked | {"ids": part}) for part in parts)
        return
    cursor: str | None = ""
    while cursor is not None:
        answer = _patiently(api, asked | {"cursor": cursor})
        yield answer
        cursor = answer["cursor"]


def _patiently(api: Api, asked: Any) -> Json:
    for _ in range(_TRIES - 1):
        try:
            return api.call("POST", "quarantine", "replay", body=asked)
        except ApiError as error:
            if error.status != _UNAVAILABLE:
                raise
            time.sleep(_PAUSE if error.retry_after is None else error.retry_after)
    return api.call("POST", "quarantine", "replay", body=asked)


def _tell(tally: Counter[str], *, dry_run: bool) -> None:
    would = "would be replayed" if dry_run else "replayed"
    stay = sum(number for outcome, number in tally.items() if outcome not in (REPLAYED, BEFORE))
    print(f"{tally[REPLAYED]:,} {would}, {tally[BEFORE]:,} were before, {stay:,} stay{_reasons(tally)}")
    if dry_run:
        notes.print("nothing was changed: this was a dry run")
    if stay:
        raise typer.Exit(1)


def _reasons(tally: Counter[str]) -> str:
    left = sorted((outcome, number) for outcome, number in tally.items() if outcome not in (REPLAYED, BEFORE))
    return f": {', '.join(f'{outcome} {number:,}' for outcome, number in left)}" if left else ""


def _selection(reason: str, source: str, since: str, until: str) -> dict[str, str]:
    said = {"reason": reason, "source": source, "since": _instant(since), "until": _instant(until)}
    return {name: text for name, text in said.items() if text}


def _instant(text: str) -> str:
    """ISO 8601 as it is; `7d` as the instant that long ago."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        return text
    past = datetime.now(UTC) - timedelta(seconds=int(number) * _UNITS[unit])
    return past.isoformat(timespec="milliseconds")
