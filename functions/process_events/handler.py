"""Kinesis → profiles: gate, identity, profile, segments; one conditional write for each profile and batch."""

from typing import Any

from attune.runtime.records import kinesis_records
from attune.runtime.settings.path import ProcessEventsSettings
from attune.runtime.streams import item_failures
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.process_events import process_events

telemetry = Telemetry("process_events")
process = process_events(ProcessEventsSettings.from_env(), telemetry)


@telemetry.observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Only what the infrastructure kept from being done comes again."""
    return item_failures(process(kinesis_records(event)))
