"""Once a day: the access records of the days that are over, sealed."""

from typing import Any

from attune.runtime.settings.management import DigestAccessSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.digest_access import digest_access

#: ms; with less time left no further day is sealed: a day of a million records takes a minute
ENOUGH = 2 * 60_000

telemetry = Telemetry("digest_access")
digest = digest_access(DigestAccessSettings.from_env())


@telemetry.observed
def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"sealed": [day, …]}`; a day that was sealed before stays as it is."""
    return {"sealed": digest(lambda: bool(context.get_remaining_time_in_millis() > ENOUGH))}
