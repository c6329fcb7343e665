"""The whole application, put together once; used by app.py, by the local cloud and by the tests."""

from dataclasses import dataclass

from aws_cdk import App

from infra.config import EnvironmentConfig
from infra.guardrails import guard
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack
from infra.stacks.observability_stack import ObservabilityStack
from infra.stacks.pipeline_stack import PipelineStack


@dataclass(frozen=True, slots=True)
class Stacks:
    """What `build` made, in the order of deployment."""

    data: DataStack
    learning: LearningStack
    pipeline: PipelineStack
    observability: ObservabilityStack


def build(app: App, config: EnvironmentConfig) -> Stacks:
    """Compose the stacks of one deployment in `app`; nothing is written before `app.synth()`."""
    prefix = f"attune-{config.name}"
    data = DataStack(app, f"{prefix}-data", config=config)
    learning = LearningStack(app, f"{prefix}-learning", config=config, data=data)
    pipeline = PipelineStack(app, f"{prefix}-pipeline", config=config, data=data, learning=learning)
    observability = ObservabilityStack(
        app, f"{prefix}-observability", config=config, data=data, learning=learning, pipeline=pipeline
    )
    guard(app, config)
    return Stacks(data, learning, pipeline, observability)
