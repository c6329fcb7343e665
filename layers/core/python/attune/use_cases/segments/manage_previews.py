"""Previews of segments over HTTP, for the admin: start one, and see what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import KINDS, Segment, decode_definition
from attune.domain.errors import AttuneError
from attune.domain.past.previews import asked_key
from attune.domain.past.takeovers import assemble
from attune.ports.rebuilding import DRAWS
from attune.use_cases.management.read_bodies import problem_line, read_body
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.start_runs import MAX_RUNS, find_run, name_run, show_run

if TYPE_CHECKING:
    from attune.domain.definitions.kinds import Definitions
    from attune.ports import Clock
    from attune.ports.documents import Documents
    from attune.ports.editing import DefinitionStore
    from attune.ports.runs import Run, Runs
    from attune.use_cases.management.record_access import Recorded

#: weeks of a backtest, unless told otherwise, and at the most
WEEKS: Final = 8
MAX_WEEKS: Final = 53
#: segments of one overlap: every two of them are counted
MAX_SEGMENTS: Final = 40

type Json = dict[str, Any]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/previews`. `share`: one profile in so many is looked at, a power of two.

    Without a `definition`: how the `segments` that there are overlap, all of them where none is named.
    """

    definition: dict[str, Any] | None = None
    weeks: int | None = None
    share: int | None = None
    segments: list[str] | None = None


class ManagePreviews:
    """Changes nothing itself: it starts runs. `admin_key` answers the deployment's admin key."""

    def __init__(
        self,
        *,
        runs: Runs,
        documents: Documents,
        definitions: DefinitionStore,
        admin_key: Callable[[], str],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._runs = runs
        self._documents = documents
        self._definitions = definitions
        self._admin_key = admin_key
        self._clock = clock
        self._random_bytes = random_bytes

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def start(self, body: bytes, recorded: Recorded) -> Json:
        """`{run}`; 409 `preview_in_progress`, 400 `invalid_definition`, `invalid_body`; 404 `unknown_segment`.

        `recorded`: told of the run of a draft, first. What is asked is kept beside the run, which removes it.
        """
        wanted = read_body(body or b"{}", Wanted)
        asked = self._overlap(wanted) if wanted.definition is None else self._draft(wanted, wanted.definition)
        run = name_run(self._runs, self._clock(), self._random_bytes, _in_progress)
        is_draft = "segment" in asked
        if is_draft:
            recorded([_thing(run)])
        self._documents.put(asked_key(run), msgspec.json.encode(asked))
        self._runs.start(run, {"draft": is_draft})
        return {"run": run}

    def show(self) -> Json:
        """`{runs}`: the newest, newest first."""
        return {"runs": [show_run(run) for run in self._runs.latest(MAX_RUNS)]}

    def one_run(self, run: str, recorded: Recorded) -> Json:
        """`{run, state, started_at, ended_at, result}`; 404 `unknown_run`.

        `recorded`: told before somebody is shown: a draft may ask for one person.
        """
        found = find_run(self._runs, run)
        result = _result(found)
        if result and "sample" in result:
            recorded([_thing(run)])
        return show_run(found) | {"result": result}

    def _draft(self, wanted: Wanted, data: Json) -> Json:
        if wanted.segments is not None:
            raise AttuneError("invalid_body", "$.segments: of a definition the overlap with all of them is told")
        weeks, share = _given(wanted.weeks, WEEKS), _given(wanted.share, 1)
        if not 1 <= weeks <= MAX_WEEKS:
            raise AttuneError("invalid_body", f"$.weeks: from 1 to {MAX_WEEKS}")
        if share not in {1 << bit for bit in range(DRAWS.bit_length())}:
            raise AttuneError("invalid_body", f"$.share: a power of two from 1 to {DRAWS}")
        segment = _segment(data, self._current())
        return {"segment": msgspec.to_builtins(segment), "weeks": weeks, "share": share}

    def _overlap(self, wanted: Wanted) -> Json:
        if wanted.weeks is not None or wanted.share is not None:
            raise AttuneError("invalid_body", "$: an overlap takes segments, and neither weeks nor share")
        known = sorted(self._current().segments)
        chosen = list(dict.fromkeys(wanted.segments)) if wanted.segments else known
        if unknown := sorted(set(chosen) - set(known)):
            raise AttuneError("unknown_segment", f"there is no segment {', '.join(unknown)}", status=404)
        if len(chosen) > MAX_SEGMENTS:
            raise AttuneError("invalid_body", f"$.segments: name at most {MAX_SEGMENTS}; there are {len(chosen)}")
        return {"segments": chosen}

    def _current(self) -> Definitions:
        """Read consistently: a snapshot may miss what was applied a second ago."""
        return assemble([one for kind in KINDS for one in self._definitions.standings(kind)], self._clock())[0]


def _thing(run: str) -> str:
    """In access records, in place of a person: nobody knows whom a draft holds."""
    return f"preview {run}"


def _given(asked: int | None, default: int) -> int:
    return default if asked is None else asked


def _segment(data: Json, current: Definitions) -> Segment:
    """A segment as `attune apply` would take it; 400 `invalid_definition` with all problems, one a line."""
    try:
        definition = decode_definition(data)
    except msgspec.ValidationError as error:
        raise AttuneError("invalid_definition", problem_line(error)) from None
    if not isinstance(definition, Segment):
        raise AttuneError("invalid_definition", "$.kind: only a segment can be previewed")
    if problems := check(definition, current):
        raise AttuneError("invalid_definition", "\n".join(problems))
    return definition


def _in_progress(run: str) -> AttuneError:
    return AttuneError("preview_in_progress", f"run {run} is under way; wait for its end", status=409)


def _result(run: Run) -> Json | None:
    """What was found, or the error's name."""
    if run.state == "running":
        return None
    if run.state != "succeeded":
        return {"error": run.error}
    found = run.output.get("preview", {})
    result = found.get("result") if isinstance(found, dict) else None
    return result if isinstance(result, dict) else {}
