"""Steps of the verification machine: every store looked through for some texts. Called again until done."""

from typing import Any, Literal

from attune.runtime.runs import RunInput
from attune.runtime.settings.privacy import VerifyPrivacySettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.verify_privacy import verify_privacy

#: ms; with less time left no further page is begun: the largest object takes some minutes
ENOUGH = 8 * 60_000

telemetry = Telemetry("verify_privacy")
verify = verify_privacy(VerifyPrivacySettings.from_env(), telemetry.count)


class VerifyInput(RunInput, frozen=True, kw_only=True):
    """`forget`: the run is over, and nothing of what it looked for may stay."""

    step: Literal["look", "forget"]


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at", "step"}` → `{"done", "position", "stores"}`, or `{"forgotten"}`."""
    given = VerifyInput.read(event)
    if given.step == "forget":
        return verify.forget(given.run)
    return verify(given.run, lambda: context.get_remaining_time_in_millis() > ENOUGH)
