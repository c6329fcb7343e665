"""What training takes beside bare scikit-learn on the same matrix, and scoring one profile beside its `predict`.

Each measurement is a process of its own (`python -m benchmarks.learning <what> <folder>`), whose peak memory is then
its own too; so this module imports nothing heavy until it is one of them. Imports are not part of the times, and part
of the memory on both sides. Both sides have one thread, which is what training gives itself; more of them on a machine
with few processors are slower, and by how much depends on what else it does. The least of a few runs counts.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = "make bench TOPIC=learning"
PROFILES: Final = (10_000, 100_000, 1_000_000)
RUNS: Final = 3
#: ours over theirs, at most; theirs over ours, at least
TRAINING_BAR: Final = 1.5
SCORING_BAR: Final = 30.0
#: kinds of shoppers: share, days since the last event, orders, worth of one, days since the first, views, carts
SHOP: Final = (
    (0.05, 7, 12, 120, 400, 80, 20),
    (0.15, 20, 4, 60, 300, 30, 8),
    (0.20, 150, 3, 50, 400, 12, 4),
    (0.25, 200, 0.3, 30, 260, 3, 0.5),
    (0.20, 5, 0.3, 40, 8, 6, 1),
    (0.15, 15, 0.1, 30, 100, 60, 1),
)
#: for the libraries that decide on their threads as they are loaded; `one_thread` tells the others
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_CUTOFF: Final = 1_750_000_000_000


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<46}{'ours':>12}{'scikit-learn':>14}{'ratio':>8}{'bar':>8}")
    for figure in measured():
        value, baseline, ratio = (
            f"{figure[name]:,.2f}" if figure[name] else "" for name in ("value", "baseline", "ratio")
        )
        verdict = {True: "holds", False: "FAILS", None: ""}[figure["holds"]]
        bar = figure["bar"] or ""
        print(f"{figure['figure']:<46}{value:>12}{baseline:>14}{ratio:>8}{bar:>8} {figure['unit']} {verdict}")


@functools.cache
def measured() -> list[dict[str, Any]]:
    """Takes a few minutes."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for profiles in PROFILES:
            _say(f"{profiles:,} profiles: making them up")
            _run("make", folder, str(profiles))
            ours, theirs = _least("train", folder), _least("bare", folder)
            once = _least("once", folder, str(ours["clusters"]))
            name = f"training on {profiles:,} profiles"
            found += [
                _training(f"{name}: time", ours["seconds"], theirs["seconds"], "s"),
                _training(f"{name}: peak memory", ours["peak"], theirs["peak"], "MiB"),
                _figure(f"{name}: one fit of the {ours['clusters']} clusters alone", once["seconds"], "s"),
            ]
        scored = _least("score", folder)
    ratio = scored["theirs"] / scored["ours"]
    found.append(
        _figure("scoring one profile", scored["ours"], "µs", scored["theirs"], ratio, SCORING_BAR, ratio >= SCORING_BAR)
    )
    return found


def _training(name: str, ours: float, theirs: float, unit: str) -> dict[str, Any]:
    ratio = ours / theirs
    return _figure(name, ours, unit, theirs, ratio, TRAINING_BAR, ratio <= TRAINING_BAR)


def _figure(
    name: str,
    value: float,
    unit: str,
    baseline: float | None = None,
    ratio: float | None = None,
    bar: float | None = None,
    holds: bool | None = None,
) -> dict[str, Any]:
    return {
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "baseline": None if baseline is None else round(baseline, 3),
        "ratio": None if ratio is None else round(ratio, 2),
        "bar": bar,
        "holds": holds,
        "command": COMMAND,
    }


def _least(what: str, *arguments: str) -> dict[str, float]:
    runs = []
    for number in range(1, RUNS + 1):
        _say(f"  {what}, {number} of {RUNS}")
        runs.append(_run(what, *arguments))
    return {name: min(run[name] for run in runs) for name in runs[0]}


def _run(what: str, *arguments: str) -> dict[str, float]:
    layers = [str(ROOT / "layers" / layer / "python") for layer in ("core", "ml")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.learning", what, *arguments],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(layers)},
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------- in a process of its own, from here on


def make(folder: Path, profiles: str) -> dict[str, Any]:
    """Write the features as CSV, as Athena does, and the matrix that training makes of them, for the others."""
    import numpy as np

    from attune_ml.clusters import standardise
    from attune_ml.dataset import Dataset, read_dataset

    count = int(profiles)
    rng = np.random.default_rng(count)
    kinds = np.array(SHOP)[rng.choice(len(SHOP), count, p=[kind[0] for kind in SHOP])]
    tenure = rng.gamma(3, kinds[:, 4] / 3)
    recency = np.minimum(rng.gamma(2, kinds[:, 1] / 2), tenure)
    orders, views, carts = (rng.poisson(kinds[:, at] * rng.gamma(4, 0.25, count)) for at in (2, 5, 6))
    worth = np.round(orders * kinds[:, 3] * rng.lognormal(0, 0.4, count), 2)
    ids = rng.bytes(16 * count)
    with (folder / "features.csv").open("w") as file:
        file.write('"profile_id","recency","frequency","monetary","tenure","views","carts","holdout"\n')
        rows = zip(recency, orders.astype(float), worth, tenure, views.astype(float), carts.astype(float), strict=True)
        for number, row in enumerate(rows):
            profile_id = ids[16 * number : 16 * number + 16].hex()
            values = ",".join(f'"{float(value)!r}"' for value in row)
            file.write(f'"{profile_id}",{values},"{int(profile_id[0] in "012")}"\n')
    read = read_dataset(pieces(folder / "features.csv"))
    assert isinstance(read, Dataset)  # noqa: S101 (for the type)
    standardise(read.training)
    np.save(folder / "matrix.npy", read.training)
    return {}


def pieces(path: Path) -> Iterator[bytes]:
    """A file, as the features are read from S3."""
    with path.open("rb") as file:
        while piece := file.read(8 * 1024 * 1024):
            yield piece


def train(folder: Path) -> dict[str, Any]:
    """Everything that a run does between Athena and the pointer: CSV, model, hold-out, files of the version."""
    from attune.domain.learning.training import Order
    from attune.use_cases.learning.train_models import files_of, judge
    from attune_ml.training import TrainedClusters
    from attune_ml.training import train as trainer

    order = Order(name="shopper_clusters", version="benchmark", cutoff=_CUTOFF, features="features.csv")
    with clock() as answer:
        candidate = trainer(order, pieces(folder / "features.csv"))
        assert isinstance(candidate, TrainedClusters)  # noqa: S101 (for the type)
        outcome, measures = judge(candidate, "no_champion")
        files_of(candidate, outcome, measures)
    (folder / "model.json").write_bytes(files_of(candidate, outcome, measures)["model.json"])
    return {**answer, "clusters": len(candidate.model.centroids)}


def bare(folder: Path) -> dict[str, Any]:
    """The number of clusters and their centroids, as scikit-learn's documentation has it; the same sample's size."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    matrix = np.load(folder / "matrix.npy")
    with clock() as answer:
        for count in range(2, 9):
            labels = KMeans(count, random_state=0).fit(matrix).labels_
            silhouette_score(matrix, labels, sample_size=min(5_000, len(matrix)), random_state=0)
    return answer


def once(folder: Path, clusters: str) -> dict[str, Any]:
    """One fit, had somebody known how many clusters there are."""
    import numpy as np
    from sklearn.cluster import KMeans

    matrix = np.load(folder / "matrix.npy")
    with clock() as answer:
        KMeans(int(clusters), random_state=0).fit(matrix)
    return answer


def score(folder: Path) -> dict[str, Any]:
    """One profile: activity → features → cluster, and `predict` of the same pipeline on one row of features."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    from attune.domain.learning.clusters import Clusters, cluster
    from attune.domain.learning.features import features_at
    from attune.domain.learning.models import decode_model
    from attune.domain.profiles.activity import Activity

    model = decode_model((folder / "model.json").read_bytes(), "shopper_clusters", "benchmark")
    assert isinstance(model, Clusters)  # noqa: S101 (for the type)
    centroids = np.array(model.centroids)
    points = centroids * np.array(model.scale) + np.array(model.mean)
    pipeline = make_pipeline(
        FunctionTransformer(np.log1p), StandardScaler(), KMeans(len(points), init=centroids, n_init=1)
    ).fit(np.expm1(np.repeat(points, 20, axis=0)).clip(0))
    activity = Activity(first=_CUTOFF - 9_000_000_000, last=_CUTOFF - 90_000_000, orders=3, revenue=12_345, views=40)
    row = np.array([features_at(activity, _CUTOFF)])
    with one_thread():
        return {
            "ours": _microseconds(lambda: cluster(model, features_at(activity, _CUTOFF)), 20_000),
            "theirs": _microseconds(lambda: pipeline.predict(row), 1_000),
        }


def _microseconds(call: Callable[[], object], times: int) -> float:
    call()
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begun) / times * 1e6


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Seconds that the block took, and the peak memory of the process until then, MiB."""
    answer: dict[str, float] = {}
    with one_thread():
        begun = time.perf_counter()
        yield answer
        answer["seconds"] = time.perf_counter() - begun
    # macOS counts bytes, Linux KiB
    unit = 2**20 if sys.platform == "darwin" else 2**10
    answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@contextmanager
def one_thread() -> Iterator[None]:
    """For all libraries that are loaded by now."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


MEASUREMENTS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "make": make,
    "train": train,
    "bare": bare,
    "once": once,
    "score": score,
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
