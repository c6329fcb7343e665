"""What wakes an operator, and what they look at then."""

from aws_cdk import Duration, Environment, Stack
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.alarms import FIVE_MINUTES, Alarms, attune_metric, failures_metric, lambda_metric
from infra.constructs.dashboard import draw_dashboard
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack
from infra.stacks.pipeline_stack import PipelineStack

MINUTE_MS = 60_000


class ObservabilityStack(Stack):
    """Alarms, each on something a customer would notice or that someone must put right, and one dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        data: DataStack,
        learning: LearningStack,
        pipeline: PipelineStack,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=config.region),
            description="Attune: alarms and the dashboard",
        )
        self._pipeline = pipeline
        self._alarms = Alarms(self, email=config.alarm_email, key=data.key)
        self._watch_the_path()
        self._watch_the_functions()
        self._watch_learning(learning, scheduled=config.learning_hour is not None)
        self._watch_what_people_must_put_right()
        draw_dashboard(self, config, learning, pipeline, pipeline.failed_batches.queue)

    def _watch_the_path(self) -> None:
        processing, campaigning = self._pipeline.processing, self._pipeline.campaigning
        self._alarms.when(
            "EventsLate",
            "Events wait 15 minutes and more to reach their profile",
            lambda_metric("IteratorAge", processing.process_events.function_name, "Maximum"),
            at_least=15 * MINUTE_MS,
        )
        self._alarms.when(
            "ChangesLate",
            "Changes of profiles wait an hour for their campaigns; their stream keeps them for 24 hours",
            lambda_metric("IteratorAge", campaigning.run_campaigns.function_name, "Maximum"),
            at_least=60 * MINUTE_MS,
        )
        self._alarms.unless(
            "TimersStopped",
            "Nobody has woken profiles for 15 minutes: carts and windows do not run out",
            lambda_metric("Invocations", processing.wake_profiles.function_name),
            times=3,
        )
        self._alarms.when(
            "ServerErrors",
            "The API answers 5xx",
            self._pipeline.http.api.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
            at_least=5,
        )

    def _watch_the_functions(self) -> None:
        # Whoever calls the others is told: by an answer of 5xx (ServerErrors), by the learning run (LearningFailed).
        for function in self._pipeline.workers:
            name = function.node.id
            self._alarms.when(f"{name}Errors", f"{name} fails", lambda_metric("Errors", function.function_name))
        self._alarms.when(
            "KeepsFailing",
            "For ten minutes something has failed and failed again: records or messages that cannot be processed",
            failures_metric(),
            times=2,
        )
        self._alarms.when(
            "Throttles",
            "Lambda refuses calls in this Region: the account's concurrency is used up",
            lambda_metric("Throttles"),
        )

    def _watch_learning(self, learning: LearningStack, *, scheduled: bool) -> None:
        self._alarms.when(
            "LearningFailed",
            "A learning run has failed; the models that served before serve on",
            learning.machine.metric_failed(period=FIVE_MINUTES, statistic="Sum"),
        )
        if scheduled:
            self._alarms.unless(
                "ModelsOld",
                "No learning run has succeeded for two days: models and scores are getting old",
                learning.machine.metric_succeeded(period=Duration.days(1), statistic="Sum"),
                times=2,
            )

    def _watch_what_people_must_put_right(self) -> None:
        self._alarms.when(
            "PrivacyRequestsDue",
            "What people asked about their data is due in five days or less, or cannot be carried out",
            attune_metric("PrivacyRequestsDueSoon", "fulfil_requests"),
        )
        failed = self._pipeline.privacy.machine.metric_failed(period=FIVE_MINUTES, statistic="Sum")
        self._alarms.when("PrivacyRunFailed", "A run for what people ask about their data has failed", failed)
        dead_letters = self._pipeline.campaigning.deliveries.dead_letters
        self._alarms.when(
            "DeadLetters",
            "Messages could not be delivered after the last attempt",
            dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
        )
        self._alarms.when(
            "FailedBatchesWaiting",
            "Batches that could not be processed lie in the failures bucket",
            self._pipeline.failed_batches.queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
        )
