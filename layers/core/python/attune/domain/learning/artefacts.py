"""What every model says of itself, whatever its kind."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

#: characters of a label or a version: both become part of every profile
MAX_NAME: Final = 128
#: ms, up to the year 9999: no calendar shows later ones
Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]


class Artefact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One version of a model. `trained_at`: the cut-off of what it was trained on (ms)."""

    name: str
    version: str
    trained_at: Instant
