"""The learning run: a state machine that a schedule starts each day, or a person at any time."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine
from infra.constructs.training import Training

# Between two waves of scores the stream is left to those whose events it is for.
PAUSE = Duration.seconds(60)


class LearningMachine(FunctionMachine):
    """CompactLake until it is done, TrainModels, then RefreshScores wave by wave until it is done.

    Every step may be repeated: what a killed or failed run has done, the next one finds or does again.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, training: Training) -> None:
        super().__init__(scope, construct_id)
        self._make(
            config,
            name="learning",
            comment="Lake to tables, tables to model, model to scores",
            functions=training.functions,
            steps=self._steps(training),
        )
        if config.learning_hour is not None:
            self._schedule(config.learning_hour)

    def _steps(self, training: Training) -> sfn.IChainable:
        begin = sfn.Pass(self, "Begin", parameters={**RUN, "scores": {"position": 0, "sent": 0}})
        compact = self._call("CompactLake", training.compact_lake, KNOWN, "$.lake")
        train = self._call("TrainModels", training.train_models, KNOWN, "$.training")
        wave = {"features.$": "$.training.features", "position.$": "$.scores.position", "sent.$": "$.scores.sent"}
        refresh = self._call("RefreshScores", training.refresh_scores, {**KNOWN, **wave}, "$.scores")
        pause = sfn.Wait(self, "Pause", time=sfn.WaitTime.duration(PAUSE))

        self._until_done("AllCompacted?", compact, "$.lake", then=train, again=compact)
        train.next(refresh)
        pause.next(refresh)
        self._until_done("AllScored?", refresh, "$.scores", then=sfn.Succeed(self, "Learned"), again=pause)
        return begin.next(compact)

    def _schedule(self, hour: int) -> None:
        events.Rule(
            self,
            "EveryDay",
            description="Learn from yesterday",
            schedule=events.Schedule.cron(minute="0", hour=str(hour)),
            targets=[
                targets.SfnStateMachine(
                    self.machine,
                    input=events.RuleTargetInput.from_object({}),
                    max_event_age=Duration.hours(2),
                )
            ],
        )
