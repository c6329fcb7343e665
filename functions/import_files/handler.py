"""The step of the import machine: rows of a dropped file onto the stream. Called with the same input until done."""

from typing import Any

from attune.runtime.imports import ImportInput
from attune.runtime.settings.path import ImportFilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.import_files import import_files

#: ms; with less time left no further chunk is begun. It also ends the turn of this file, so that others have theirs.
ENOUGH = 5 * 60_000

telemetry = Telemetry("import_files")
take_up = import_files(ImportFilesSettings.from_env(), telemetry.count)


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at", "key"}` → `{"done", "state"}`."""
    given = ImportInput.read(event)
    answer = take_up(given.run, given.key, lambda: context.get_remaining_time_in_millis() > ENOUGH)
    telemetry.logger.info("file", state=answer.state)
    return {"done": answer.done, "state": answer.state}
