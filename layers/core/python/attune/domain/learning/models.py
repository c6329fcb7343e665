"""Models as JSON: read with suspicion, applied in plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from attune.domain.learning.artefacts import MAX_NAME
from attune.domain.learning.clusters import Clusters, cluster, clusters_problem
from attune.domain.learning.rfm import Rfm, percentile, rate, rfm_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

#: the models that are trained, by name
SHOPPER_CLUSTERS: Final = "shopper_clusters"
RFM: Final = "rfm"
MODELS: Final = (SHOPPER_CLUSTERS, RFM)
#: those that say numbers, with percentiles
NUMERIC: Final = (RFM,)
#: bytes of any file in the registry, which is read into memory beside everything else; a model of ours has 3 KB
MAX_BYTES: Final = 256 * 1024
#: what decoding JSON raises for bytes that are not the JSON they should be
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_Version = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]

Model = Clusters | Rfm
_KINDS: Final[dict[str, type[Model]]] = {SHOPPER_CLUSTERS: Clusters, RFM: Rfm}


class Said(NamedTuple):
    """What a model says of somebody; `percentile`: of whom it says no more, 0 to 100, where it says a number."""

    value: str | float
    percentile: float | None = None


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """The pointer: which version serves, which one served before it and takes over if that cannot be read."""

    version: _Version
    previous: _Version | None = None
    #: the run that moved it, and when (ms)
    run: str = ""
    moved_at: int = 0
    #: the instant (ms) from which on it serves no more, if nothing has taken its place by then; 0 for never
    expires_at: int = 0

    def expired(self, at: int) -> bool:
        """Whether it must not serve at an instant."""
        return 0 < self.expires_at <= at


class UnusableModelError(Exception):
    """What must not serve, and why.

    `code`: `corrupt_model`, `wrong_shape`, `not_finite`, `missing_model`; of pointers `corrupt_pointer`,
    `missing_pointer`, `expired_model`.
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
        model: Model = msgspec.json.decode(data, type=_KINDS[name])
    except UNREADABLE as error:
        raise UnusableModelError("corrupt_model", f"{name} {version} is no model: {error}") from error
    if (model.name, model.version) != (name, version):
        raise UnusableModelError("corrupt_model", f"{name} {version} says it is {model.name} {model.version}")
    problem = clusters_problem(model) if isinstance(model, Clusters) else rfm_problem(model)
    if problem is not None:
        code, wrong = problem
        raise UnusableModelError(code, f"{name} {version} {wrong}")
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


def say(model: Model, features: Sequence[float]) -> Said:
    """What the model says of somebody with these features."""
    match model:
        case Clusters():
            return Said(cluster(model, features))
        case Rfm():
            total = rate(model, features)
            return Said(float(total), percentile(model, total))
