"""`Champions` from the registry's bucket, remembered: scoring goes on with the last good model, whatever lies there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from botocore.config import Config

from attune.adapters.s3_registry import S3Registry
from attune.domain.learning.models import MODELS, Model, UnusableModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from attune.ports import Clock

#: how old `serving()` may be, ms
LIFETIME: Final = 60_000


class S3Champions:
    """Looks at the pointers once a lifetime, and reads a model only when its pointer names another version.

    `report` is told of a fault when it begins, or becomes another, and not again while it lasts. That no model was
    ever trained is no fault. One that has expired serves no more, whether the registry can be reached or not.
    """

    def __init__(self, client: S3Client, bucket: str, *, clock: Clock, report: Callable[[Exception], None]) -> None:
        self._registry = S3Registry(client, bucket)
        self._clock = clock
        self._report = report
        self._checked_at: int | None = None
        self._serving: dict[str, Model] = {}
        #: by model and version when it expires (ms), also while nobody can look at the pointer
        self._ends: dict[tuple[str, str], int] = {}
        self._faults: dict[str, str] = {}

    def serving(self) -> Mapping[str, Model]:
        """At most `LIFETIME` old, or the last good; never raises."""
        now = self._clock()
        if self._checked_at is None or not 0 <= now - self._checked_at < LIFETIME:
            self._checked_at = now  # also before a failure: what is out of reach is not asked for at every call
            for name in MODELS:
                self._look(name)
        return self._serving

    def _look(self, name: str) -> None:
        try:
            self._refresh(name)
        except Exception as error:  # noqa: BLE001 (whatever it is: no profile waits for a model)
            fault = f"{type(error).__qualname__} {error}"
            if self._faults.get(name) != fault:
                self._faults[name] = fault
                self._report(error)
        else:
            self._faults.pop(name, None)
        self._end_what_expired(name)

    def _refresh(self, name: str) -> None:
        known = self._serving.get(name)
        found = self._registry.champion(name)
        if found is None:
            if known is not None:
                raise UnusableModelError("missing_pointer", f"{name} has no champion any more")
            return
        _, pointer = found
        self._ends[name, pointer.version] = pointer.expires_at
        if pointer.expired(self._clock()):
            raise UnusableModelError("expired_model", f"{name} {pointer.version} may have seen somebody who was erased")
        if known is not None and known.version == pointer.version:
            return
        try:
            self._serve(name, pointer.version)
        except UnusableModelError:
            if known is None and pointer.previous is not None:
                with suppress(UnusableModelError):  # the champion's own fault is the one to tell
                    self._serve(name, pointer.previous)
            raise

    def _end_what_expired(self, name: str) -> None:
        known = self._serving.get(name)
        if known is not None and 0 < self._ends.get((name, known.version), 0) <= self._clock():
            self._serving = {one: model for one, model in self._serving.items() if one != name}

    def _serve(self, name: str, version: str) -> None:
        self._serving = {**self._serving, name: self._registry.model(name, version)}


def champions_config() -> Config:
    """For functions that have no time to wait for a model: two tries of 3 s at most."""
    return Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
