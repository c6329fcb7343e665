"""Which version of a model serves, found out on a consistent read, and what is wrong with the one that should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.learning.models import UnusableModelError

if TYPE_CHECKING:
    from attune.domain.learning.models import Model
    from attune.ports.learning import Registry

#: there is no champion yet
MISSING_POINTER: Final = "missing_pointer"
#: it may have seen somebody who was erased, and nothing has taken its place in time
EXPIRED: Final = "expired_model"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """The model that serves, if any, and the code of the fault that keeps the champion from it."""

    model: Model | None = None
    fault: str | None = None


def find_champion(registry: Registry, name: str, at: int) -> Serving:
    """The champion, else the version that served before it, else none; in place of one that has expired none."""
    try:
        pointed = registry.champion(name)
    except UnusableModelError as error:
        return Serving(fault=error.code)
    if pointed is None:
        return Serving(fault=MISSING_POINTER)
    champion = pointed[1]
    if champion.expired(at):
        return Serving(fault=EXPIRED)
    try:
        return Serving(model=registry.model(name, champion.version))
    except UnusableModelError as error:
        return Serving(model=_previous(registry, name, champion.previous), fault=error.code)


def _previous(registry: Registry, name: str, version: str | None) -> Model | None:
    if version is None:
        return None
    try:
        return registry.model(name, version)
    except UnusableModelError:
        return None
