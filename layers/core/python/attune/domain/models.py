"""Models as JSON: read with suspicion, applied in plain Python.

A model is k-means over standardised logarithms: `log1p` of each feature, minus `mean`, over `scale`; the cluster is the
nearest centroid by Euclidean distance (Lloyd, 1982). scikit-learn makes these numbers; nothing of it is needed here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from attune.domain.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

#: the models that are trained, by name
SHOPPER_CLUSTERS: Final = "shopper_clusters"
MODELS: Final = (SHOPPER_CLUSTERS,)
#: bytes of any file in the registry, which is read into memory beside everything else; a model of ours has 3 KB
MAX_BYTES: Final = 256 * 1024
#: clusters, each of which costs every score its distance
MAX_CLUSTERS: Final = 64
#: characters of a label or a version: both become part of every profile
MAX_NAME: Final = 128
#: what decoding JSON raises for bytes that are not the JSON they should be
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

#: ms, up to the year 9999: no calendar shows later ones
_Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
_Version = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version. `mean`, `scale` and every centroid have one number a feature; `labels` has one name a centroid."""

    name: str
    version: str
    kind: Literal["kmeans"] = "kmeans"
    #: the cut-off of what it was trained on, ms
    trained_at: _Instant
    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...]


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """The pointer: which version serves, which one served before it and takes over if that cannot be read."""

    version: _Version
    previous: _Version | None = None
    #: the run that moved it, and when (ms)
    run: str = ""
    moved_at: int = 0


class UnusableModelError(Exception):
    """What must not serve, and why.

    `code`: `corrupt_model`, `wrong_shape`, `not_finite`, `missing_model`; of pointers `corrupt_pointer`,
    `missing_pointer`.
    """

    def __init__(self, code: str, message: str, *, tag: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        #: of a pointer that cannot be read: what to name as `read` to put a good one in its place
        self.tag = tag


def decode_model(data: bytes, name: str, version: str) -> Model:
    """The model, if it is whole and is the one that was asked for; raises `UnusableModelError`."""
    if len(data) > MAX_BYTES:
        raise UnusableModelError("corrupt_model", f"{name} {version} has more than {MAX_BYTES} bytes")
    try:
        model = msgspec.json.decode(data, type=Model)
    except UNREADABLE as error:
        raise UnusableModelError("corrupt_model", f"{name} {version} is no model: {error}") from error
    if (model.name, model.version) != (name, version):
        raise UnusableModelError("corrupt_model", f"{name} {version} says it is {model.name} {model.version}")
    _check_shape(model)
    return model


def decode_champion(data: bytes, name: str, *, tag: str | None = None) -> Champion:
    """The pointer; raises `UnusableModelError` with the `tag` under which it was read."""
    if len(data) > MAX_BYTES:
        raise UnusableModelError("corrupt_pointer", f"the pointer of {name} has more than {MAX_BYTES} bytes", tag=tag)
    try:
        return msgspec.json.decode(data, type=Champion)
    except UNREADABLE as error:
        raise UnusableModelError("corrupt_pointer", f"the pointer of {name} is none: {error}", tag=tag) from error


def encode_model(model: Model) -> bytes:
    """JSON that `decode_model` reads back to the same numbers, bit by bit."""
    return msgspec.json.format(msgspec.json.encode(model), indent=2)


def cluster(model: Model, features: Sequence[float]) -> str:
    """The label of the nearest centroid; of equally near ones the first, as scikit-learn has it."""
    distances = squared_distances(model, features)
    return model.labels[distances.index(min(distances))]


def squared_distances(model: Model, features: Sequence[float]) -> list[float]:
    """From each centroid. Features are not negative: times before the first event do not occur."""
    point = [
        (math.log1p(value) - mean) / scale for value, mean, scale in zip(features, model.mean, model.scale, strict=True)
    ]
    return [sum([(x - c) * (x - c) for x, c in zip(point, centroid, strict=True)]) for centroid in model.centroids]


def _check_shape(model: Model) -> None:
    width = len(FEATURES)
    rows = (model.mean, model.scale, *model.centroids)
    if model.features != FEATURES or any(len(row) != width for row in rows):
        raise UnusableModelError("wrong_shape", f"{model.name} {model.version} is not over {', '.join(FEATURES)}")
    if not 0 < len(model.centroids) <= MAX_CLUSTERS:
        raise UnusableModelError("wrong_shape", f"{model.name} {model.version} has {len(model.centroids)} clusters")
    if len(model.labels) != len(model.centroids) or len(set(model.labels)) != len(model.labels):
        raise UnusableModelError("wrong_shape", f"{model.name} {model.version} has not one name for each cluster")
    if not all(0 < len(label) <= MAX_NAME for label in model.labels):
        raise UnusableModelError("wrong_shape", f"{model.name} {model.version} has an empty or endless name")
    if not all(math.isfinite(number) for row in rows for number in row) or not all(scale > 0 for scale in model.scale):
        raise UnusableModelError("not_finite", f"{model.name} {model.version} holds a number it cannot reckon with")
