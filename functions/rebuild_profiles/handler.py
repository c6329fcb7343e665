"""A step of the repair machine: profiles folded anew from the lake. Called again with its last answer until done."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings import RebuildProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.rebuild_profiles import rebuild_profiles

#: ms; with less time left no other page is begun: a page takes one query and more where people were merged
ENOUGH = 5 * 60_000

telemetry = Telemetry("rebuild_profiles")
rebuild = rebuild_profiles(RebuildProfilesSettings.from_env(), telemetry.count)


class Rebuild(RunInput, frozen=True, kw_only=True):
    """Identity keys of whom to rebuild, none: everybody; and `position` of the answer before."""

    profiles: tuple[str, ...] = ()
    position: Any = None


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"done", "position", "rebuilt", "unchanged", "incomplete", "unknown"}`."""
    given = Rebuild.read(event)
    return rebuild(given.profiles, given.position, lambda: context.get_remaining_time_in_millis() > ENOUGH)
