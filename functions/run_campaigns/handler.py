"""The profiles table's stream → claimed deliveries on the queue."""

from typing import Any

from attune.runtime.outboxes import outbox_records
from attune.runtime.settings.path import RunCampaignsSettings
from attune.runtime.streams import item_failures
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.run_campaigns import run_campaigns

telemetry = Telemetry("run_campaigns")
run = run_campaigns(RunCampaignsSettings.from_env(), telemetry)


@telemetry.observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The stream is read again from the first failure on; what was claimed stays claimed."""
    return item_failures(run(outbox_records(event)))
