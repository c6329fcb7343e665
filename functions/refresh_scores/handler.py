"""A step of the learning machine: one wave of scores onto the stream."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.learning import RefreshScoresSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.refresh_scores import refresh_scores

telemetry = Telemetry("refresh_scores")
refresh = refresh_scores(RefreshScoresSettings.from_env(), telemetry.count)


class Wave(RunInput, frozen=True, kw_only=True):
    """Where the features lie, and where the wave before left off."""

    features: str
    position: int = 0
    sent: int = 0


@telemetry.observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Repeats are harmless: a score is known by its model, version, profile and instant."""
    wave = Wave.read(event)
    return refresh(wave.features, wave.cutoff, position=wave.position, sent=wave.sent)
