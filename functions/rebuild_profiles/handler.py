"""Steps of the repair machine: profiles, or segments' past, from the lake. Called with the last answer until done."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.past import RebuildProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.backfill_segments import backfill_segments
from attune.runtime.wiring.rebuild_profiles import rebuild_profiles

#: ms; with less time left no other page is begun: a page takes one query and more where people were merged
ENOUGH = 5 * 60_000

telemetry = Telemetry("rebuild_profiles")
settings = RebuildProfilesSettings.from_env()
rebuild = rebuild_profiles(settings, telemetry.count)
backfill = backfill_segments(settings, telemetry.count)


class Rebuild(RunInput, frozen=True, kw_only=True):
    """Identity keys of whom to rebuild (none: everybody), `anyway` as of `RebuildProfiles`; or ids of segments."""

    profiles: tuple[str, ...] = ()
    segments: tuple[str, ...] | None = None
    position: Any = None
    anyway: bool = False


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"done", "position", "rebuilt", "unchanged", …}`, as of `RebuildProfiles` or `BackfillSegments`."""
    given = Rebuild.read(event)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > ENOUGH)

    if given.segments is not None:
        return backfill(given.segments, given.position, has_time)
    return rebuild(given.profiles, given.position, has_time, anyway=given.anyway)
