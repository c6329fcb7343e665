"""A run of a state machine as the admin's APIs start and show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attune.domain.errors import AttuneError
from attune.ports import ConflictError
from attune.use_cases.management.show_times import iso, second

if TYPE_CHECKING:
    from attune.ports.runs import Run, Runs

#: how many runs an answer shows, the newest
MAX_RUNS: Final = 10
#: bytes that make a run's name its own
_RANDOM: Final = 4

type Json = dict[str, Any]


def start_run(runs: Runs, now: int, given: Mapping[str, Any], refusal: Callable[[str], AttuneError]) -> Json:
    """`{run}`, named by its second; raises `refusal(run)` while one is under way.

    Two that ask for the same in the same second have one run. Two may overlap all the same, because the list of runs
    lags: what a run does must bear it.
    """
    under_way = runs.running()
    if under_way is not None:
        raise refusal(under_way)
    run = second(now)
    try:
        runs.start(run, given)
    except ConflictError:
        raise refusal(run) from None
    return {"run": run}


def name_run(runs: Runs, now: int, random_bytes: Callable[[int], bytes], refusal: Callable[[str], AttuneError]) -> str:
    """The name of a run that is like no other, so that documents can lie under it before it starts.

    Raises `refusal(run)` while one is under way; two may overlap all the same, as of `start_run`.
    """
    under_way = runs.running()
    if under_way is not None:
        raise refusal(under_way)
    return f"{second(now)}-{random_bytes(_RANDOM).hex()}"


def find_run(runs: Runs, run: str) -> Run:
    """404 `unknown_run` where there is none of this name."""
    found = runs.describe(run)
    if found is None:
        raise AttuneError("unknown_run", "there is no run of this name, or it ended long ago", status=404)
    return found


def show_run(run: Run) -> Json:
    """`{run, state, started_at, ended_at}`."""
    return {
        "run": run.run,
        "state": run.state,
        "started_at": iso(run.started_at),
        "ended_at": None if run.ended_at is None else iso(run.ended_at),
    }
