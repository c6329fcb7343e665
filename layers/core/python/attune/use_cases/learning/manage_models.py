"""Models over HTTP, for the admin: what serves and how good it is, training on demand, and how a run went."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.learning.models import MODELS, UNREADABLE
from attune.use_cases.learning.find_champions import MISSING_POINTER, find_champion
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.show_times import iso
from attune.use_cases.management.start_runs import MAX_RUNS, find_run, show_run, start_run

if TYPE_CHECKING:
    from attune.domain.learning.models import Model
    from attune.ports import Clock
    from attune.ports.learning import Registry
    from attune.ports.runs import Run, Runs

type Json = dict[str, Any]


class _Cluster(msgspec.Struct):
    """Its share of those trained on, 0 to 1, and where its middle lies: a number a feature, in natural units."""

    name: str
    share: float
    centroid: dict[str, float]


class _Metrics(msgspec.Struct):
    """`metrics.json` of a version, as far as its readers count on it."""

    clusters: list[_Cluster] = []
    silhouette: float | None = None
    balance: float | None = None


class _Trained(msgspec.Struct):
    """What became of one model."""

    model: str | None = None
    state: str | None = None
    code: str | None = None
    version: str | None = None


class _Training(msgspec.Struct):
    """What train_models answered, but for where things lie."""

    profiles: int | None = None
    models: list[_Trained] = []


class _Scores(msgspec.Struct):
    """What refresh_scores answered last."""

    sent: int = 0


class _Output(msgspec.Struct):
    """What a run ended with."""

    training: _Training = msgspec.field(default_factory=_Training)
    scores: _Scores = msgspec.field(default_factory=_Scores)


class ManageModels:
    """Changes nothing itself: it starts runs. `admin_key` answers the deployment's admin key."""

    def __init__(self, *, registry: Registry, runs: Runs, admin_key: Callable[[], str], clock: Clock) -> None:
        self._registry = registry
        self._runs = runs
        self._admin_key = admin_key
        self._clock = clock

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def show(self) -> Json:
        """`{models, runs}`: every model that is trained, whether there is one yet or not, and the newest runs."""
        runs = [show_run(run) for run in self._runs.latest(MAX_RUNS)]
        return {"models": [self._model(name) for name in MODELS], "runs": runs}

    def train(self) -> Json:
        """`{run}`, which is its model's version too; 409 `training_in_progress`.

        Two that overlap all the same, because the list of runs lags or the schedule came in between, do no harm: each
        step may be repeated, and the pointer is moved on a condition.
        """
        return start_run(self._runs, self._clock(), {}, _in_progress)

    def one_run(self, run: str) -> Json:
        """`{run, state, started_at, ended_at, result}`; 404 `unknown_run`."""
        found = find_run(self._runs, run)
        return show_run(found) | {"result": _result(found)}

    def _model(self, name: str) -> Json:
        standing = find_champion(self._registry, name, self._clock())
        state = "faulty" if standing.fault else "serving"
        if standing.fault == MISSING_POINTER:
            state = "none"
        shown: Json = {"name": name, "state": state, "code": standing.fault}
        return shown | (self._details(standing.model) if standing.model else _NO_DETAILS)

    def _details(self, model: Model) -> Json:
        document = self._registry.document(model.name, model.version, "metrics.json") or b"{}"
        try:
            metrics = msgspec.json.decode(document, type=Json)
            clusters = msgspec.convert(metrics, _Metrics).clusters
        except UNREADABLE:
            # they are told for people; the model serves without them
            metrics, clusters = {}, []
        return {
            "version": model.version,
            "trained_at": iso(model.trained_at),
            "metrics": {key: value for key, value in metrics.items() if key != "clusters"},
            "clusters": msgspec.to_builtins(clusters),
        }


_NO_DETAILS: Final[Json] = {"version": None, "trained_at": None, "metrics": {}, "clusters": []}


def _in_progress(run: str) -> AttuneError:
    return AttuneError("training_in_progress", f"run {run} is under way; wait for its end", status=409)


def _result(run: Run) -> Json | None:
    """What was decided, or the error's name; nothing of where things lie."""
    if run.state == "running":
        return None
    if run.state != "succeeded":
        return {"error": run.error}
    try:
        output = msgspec.convert(run.output, _Output)
    except msgspec.ValidationError:
        output = _Output()
    decided: Json = msgspec.to_builtins(output.training)
    return decided | {"scores": output.scores.sent}
