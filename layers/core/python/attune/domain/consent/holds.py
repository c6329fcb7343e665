"""What a hold says before the stream has carried it: by identity key the purposes that are held, since when (ms)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.profiles.consent import Consent, latest, outlasts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: in place of the source of a record that a hold stands in for
HOLD: Final = "hold"


def held_of(identity_keys: Iterable[str], by_key: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Of whoever has these identity keys, among the holds of many."""
    return latest(by_key[key] for key in identity_keys if key in by_key)


def heard_with(records: Mapping[str, Consent], held: Mapping[str, int]) -> dict[str, Consent]:
    """The records by purpose; withdrawn since what is held, where none outlasts it: as `gate.allowed` judges."""
    heard = dict(records)
    for purpose, since in held.items():
        record = heard.get(purpose)
        if record is None or (record.granted and not outlasts(record, since)):
            heard[purpose] = Consent(granted=False, at=since, source=HOLD)
    return heard
