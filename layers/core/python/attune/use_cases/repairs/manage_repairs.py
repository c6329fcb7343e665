"""Repairs over HTTP, for the admin: start one, see how it goes and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from attune.domain.campaigns.deliveries import REPAIRABLE
from attune.domain.definitions.conditions import Id, milliseconds
from attune.domain.errors import AttuneError
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.show_times import iso
from attune.use_cases.management.start_runs import MAX_RUNS, find_run, show_run, start_run
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.repairs.repair_effects import Effects
from attune.use_cases.repairs.replay_batches import Replay

if TYPE_CHECKING:
    from attune.ports import Clock, Identified
    from attune.ports.runs import Run, Runs
    from attune.use_cases.management.record_access import Recorded

DAY: Final = 86_400_000
#: how far back lost effects are looked for, unless told otherwise, and at the most, ms
SINCE: Final = DAY
LONGEST: Final = REPAIRABLE
#: profiles of one rebuild that are named
MAX_PROFILES: Final = 100
#: segments of one backfill that are named
MAX_SEGMENTS: Final = 100

type Json = dict[str, Any]
type What = Literal["all", "batches", "effects", "profiles", "segments"]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/repairs`."""

    what: What = "all"
    since: str | None = None
    dry_run: bool = False
    profiles: list[str] | None = None
    segments: list[Id] | None = None


class Given(msgspec.Struct):
    """What a run of the machine is given: every field is always there. `since` is a length of time, ms."""

    what: What = "all"
    since: int = SINCE
    dry_run: bool = False
    #: identity keys; an identifier itself would lie in the run's history for longer than an erasure allows
    profiles: list[str] = []
    #: ids of segments to backfill; none: all that await it
    segments: list[str] = []


class Rebuilt(msgspec.Struct):
    """What rebuild_profiles answered last."""

    done: bool = False
    rebuilt: int = 0
    unchanged: int = 0
    incomplete: int = 0
    unknown: int = 0


class Backfilled(msgspec.Struct):
    """What BackfillSegments answered last. `replaced`: ids of which a newer version came meanwhile."""

    done: bool = False
    segments: list[str] = []
    rebuilt: int = 0
    unchanged: int = 0
    incomplete: int = 0
    settled: int = 0
    unknown: list[str] = []
    replaced: list[str] = []


class _Output(msgspec.Struct):
    """What a run ended with."""

    batches: Replay = msgspec.field(default_factory=Replay)
    effects: Effects = msgspec.field(default_factory=Effects)
    profiles: Rebuilt = msgspec.field(default_factory=Rebuilt)
    segments: Backfilled = msgspec.field(default_factory=Backfilled)


class ManageRepairs:
    """Changes nothing itself: it starts runs. `admin_key` answers the deployment's admin key."""

    def __init__(self, *, runs: Runs, pseudonyms: Identified, admin_key: Callable[[], str], clock: Clock) -> None:
        self._runs = runs
        self._pseudonyms = pseudonyms
        self._admin_key = admin_key
        self._clock = clock

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def start(self, body: bytes, recorded: Recorded) -> Json:
        """`{run}`; 409 `repair_in_progress`, 400 `invalid_since`, `invalid_body`, `invalid_identifier`.

        Should two overlap, because the list of runs lags, both do no harm: whatever a repair does may be repeated.
        `recorded`: told of whom it is about, where it names them, first.
        """
        given = self._given(read_body(body or b"{}", Wanted))
        if given.profiles:
            recorded(given.profiles)
        return start_run(self._runs, self._clock(), msgspec.to_builtins(given), _in_progress)

    def show(self) -> Json:
        """`{runs}`: the newest, newest first."""
        return {"runs": [show_run(run) for run in self._runs.latest(MAX_RUNS)]}

    def one_run(self, run: str) -> Json:
        """`{run, state, started_at, ended_at, what, dry_run, since, result}`; 404 `unknown_run`."""
        found = find_run(self._runs, run)
        try:
            given = msgspec.convert(found.given, Given)
        except msgspec.ValidationError:
            given = Given()  # started past the API, with something of its own
        asked = {"what": given.what, "dry_run": given.dry_run, "since": iso(found.started_at - given.since)}
        return show_run(found) | asked | {"result": _result(found, given)}

    def _given(self, wanted: Wanted) -> Given:
        if wanted.what in {"profiles", "segments"} and (wanted.since is not None or wanted.dry_run):
            raise AttuneError("invalid_body", f"$: it takes {wanted.what}, and neither since nor dry_run")
        for field in ("profiles", "segments"):
            if getattr(wanted, field) is not None and wanted.what != field:
                raise AttuneError("invalid_body", f"$.{field}: only taken with what: {field}")
        if wanted.what == "profiles":
            return Given(what="profiles", profiles=self._keys(wanted.profiles or []))
        if wanted.what == "segments":
            return Given(what="segments", segments=_ids(wanted.segments or []))
        return Given(what=wanted.what, since=_since(wanted.since), dry_run=wanted.dry_run)

    def _keys(self, addresses: list[str]) -> list[str]:
        if len(addresses) > MAX_PROFILES:
            raise AttuneError("invalid_body", f"$.profiles: at most {MAX_PROFILES}")
        return sorted({self._pseudonyms.key(read_address(address)) for address in addresses})


def _ids(segments: list[Id]) -> list[str]:
    if len(segments) > MAX_SEGMENTS:
        raise AttuneError("invalid_body", f"$.segments: at most {MAX_SEGMENTS}; name none for all that await it")
    return sorted(set(segments))


def _since(text: str | None) -> int:
    if text is None:
        return SINCE
    try:
        length = milliseconds(text)
    except ValueError:
        length = 0
    if not 0 < length <= LONGEST:
        raise AttuneError(
            "invalid_since", "since must be a whole number and a unit, such as 90m, 24h or 7d, and at most 30d"
        )
    return length


def _in_progress(run: str) -> AttuneError:
    return AttuneError("repair_in_progress", f"run {run} is under way; wait for its end", status=409)


def _result(run: Run, given: Given) -> Json | None:
    """What was done, or the error's name; of what was not asked for, nothing."""
    if run.state == "running":
        return None
    if run.state != "succeeded":
        return {"error": run.error}
    try:
        output = msgspec.convert(run.output, _Output)
    except msgspec.ValidationError:
        output = _Output()
    if given.what == "profiles":
        return {"profiles": _but(output.profiles, "done")}
    if given.what == "segments":
        return {"segments": _but(output.segments, "done")}
    shown: Json = {}
    if given.what in {"all", "batches"}:
        oldest = output.batches.oldest
        shown["batches"] = _but(output.batches, "done", "position") | {"oldest": oldest and iso(oldest)}
    if given.what in {"all", "effects"}:
        shown["effects"] = _but(output.effects, "done", "position")
    return shown


def _but(answer: msgspec.Struct, *fields: str) -> Json:
    return {name: value for name, value in msgspec.to_builtins(answer).items() if name not in fields}
