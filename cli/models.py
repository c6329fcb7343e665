"""`attune models`: train on what is known now, and see what serves and what its clusters are like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Json, admin_api
from cli.errors import CliError
from cli.runs import ended
from cli.terminal import notes, print_json

models = typer.Typer(no_args_is_help=True, help="What is learnt from all customers.")

#: what models are judged by
MEASURES: Final = ("silhouette", "balance")
#: by what a run decided
OUTCOMES: Final = {
    "no_champion": "the first model serves now",
    "champion_unusable": "the new model serves now; the one before it cannot be used",
    "better": "the new model serves now: it tells the customers held out apart better than the one before",
    "champion_saw_erased": "the new model serves now; the one before it may have learned from somebody who was erased",
    "saw_erased": "what served goes on serving: somebody was erased while the new model was trained",
    "not_better": "the model before goes on serving: the new one is not better on the customers held out",
    "no_structure": "no groups were found among the customers; what served goes on serving",
    "too_few_profiles": "nothing was trained, there are too few customers; what served goes on serving",
    "constant_features": "nothing was trained, all customers are alike; what served goes on serving",
    "not_finite": "nothing was trained, a feature is no finite number; what served goes on serving",
    "negative_features": "nothing was trained, a feature is below zero; what served goes on serving",
    "wrong_columns": "nothing was trained, the features have other columns; what served goes on serving",
    "unreadable_rows": "nothing was trained, the features cannot be read; what served goes on serving",
}
_CENTROID: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "recency": ("last seen", lambda days: f"{days:,.1f} d ago"),
    "frequency": ("orders", lambda count: f"{count:,.1f}"),
    "monetary": ("spent", lambda money: f"{money:,.2f}"),
    "tenure": ("known for", lambda days: f"{days:,.1f} d"),
    "views": ("views", lambda count: f"{count:,.1f}"),
    "carts": ("carts", lambda count: f"{count:,.1f}"),
}


@models.command("train")
def train(
    context: typer.Context,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done, and say how it went.")] = False,
) -> None:
    """Start a training and print its run. A run that changes nothing is no failure; one that breaks off is."""
    with admin_api(context) as api:
        run = str(api.call("POST", "models", "train")["run"])
        print(run, flush=True)
        if wait:
            for line in _told(ended(run, lambda: api.call("GET", "models", "runs", run))):
                print(line)


@models.command("show")
def show(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="The API's answer as it is.")] = False
) -> None:
    """Show which models serve, how good they are, and the clusters that they sort customers into."""
    with admin_api(context) as api:
        answer = api.call("GET", "models")
    if as_json:
        print_json(answer)
        return
    screen = Console(markup=False, highlight=False)
    screen.print(_overview(answer["models"]))
    for model in answer["models"]:
        if model["clusters"]:
            screen.print(_clusters(model))
        if model["state"] != "serving":
            notes.print(_worry(model))
    for run in answer["runs"][:1]:
        screen.print(f"newest run: {run['run']}, {run['state']}, started at {run['started_at']}")


def _told(run: Json) -> list[str]:
    """In words; raises `CliError` for a run that did not come to its end."""
    result = run["result"] or {}
    if run["state"] != "succeeded":
        error = f": {result['error']}" if result.get("error") else ""
        raise CliError(f"run {run['run']} {run['state'].replace('_', ' ')}{error}; what served goes on serving")
    learnt = []
    for model in result.get("models") or []:
        code = str(model.get("code"))
        learnt.append(f"{model.get('model')}: {OUTCOMES.get(code, f'{model.get("state")}, {code}')}")
    scores = result.get("scores") or 0
    sent = f"{scores:,} scores are on their way to their profiles" if scores else "no scores were sent"
    return [*learnt, f"{result.get('profiles') or 0:,} customers were looked at; {sent}"]


def _overview(shown: list[Json]) -> Table:
    table = Table("model", "state", "version", "judged by the hold-out", box=None, pad_edge=False)
    table.columns[2].overflow = "fold"  # by the schedule it has 73 characters, and none may be missing
    for model in shown:
        state = f"{model['state']} ({model['code']})" if model["code"] else model["state"]
        judged = [f"{name} {model['metrics'][name]:.3f}" for name in MEASURES if model["metrics"].get(name) is not None]
        table.add_row(model["name"], state, model["version"] or "", ", ".join(judged))
    return table


def _clusters(model: Json) -> Table:
    """Ordered by size; a centroid is where the middle of the cluster lies, in days, counts and money."""
    headings = [heading for heading, _ in _CENTROID.values()]
    table = Table("cluster", "share", *headings, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in sorted(model["clusters"], key=lambda cluster: -float(cluster["share"])):
        centroid: dict[str, float] = one["centroid"]
        cells = [said(centroid[name]) if name in centroid else "" for name, (_, said) in _CENTROID.items()]
        table.add_row(one["name"], f"{one['share']:.1%}", *cells)
    return table


def _worry(model: Json) -> str:
    if model["state"] == "none":
        return f"{model['name']}: there is none yet; `attune models train` makes one"
    instead = f"version {model['version']} serves in its place" if model["version"] else "nothing serves in its place"
    return f"{model['name']}: the champion cannot be used ({model['code']}); {instead}; a training puts it right"
