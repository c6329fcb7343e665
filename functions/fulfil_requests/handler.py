"""Steps of the privacy machine that know requests: `begin` until the stream has carried them, `finish` at the end."""

from typing import Any, Literal

from attune.runtime.runs import RunInput
from attune.runtime.settings.privacy import FulfilRequestsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.fulfil_requests import fulfil_requests

telemetry = Telemetry("fulfil_requests")
fulfil = fulfil_requests(FulfilRequestsSettings.from_env(), telemetry.count)


class Step(RunInput, frozen=True, kw_only=True):
    """`position`: the answer before, of either step."""

    step: Literal["begin", "finish"]
    position: Any = None


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 (Lambda hands it over)
    """`Round`, as of `FulfilRequests`."""
    given = Step.read(event)
    step = fulfil.begin if given.step == "begin" else fulfil.finish
    return step(given.run, given.position)
