"""Every minute: profiles whose time has come go back onto the stream."""

from typing import Any

from attune.runtime.settings.path import WakeProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.wake_profiles import wake_profiles

telemetry = Telemetry("wake_profiles")
wake = wake_profiles(WakeProfilesSettings.from_env(), telemetry.count)


@telemetry.observed
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Repeats and misses are harmless: the next run looks again."""
    return {"woken": wake()}
