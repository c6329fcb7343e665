"""A step of the learning machine: train on what the lake knew at the cut-off, and promote what is better."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.learning import TrainModelsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.train_models import train_models
from attune_ml.training import train

telemetry = Telemetry("train_models")
run_training = train_models(TrainModelsSettings.from_env(), train, telemetry.count)


@telemetry.observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A retry of the same run answers the same."""
    given = RunInput.read(event)
    return run_training(given.cutoff, given.run)
