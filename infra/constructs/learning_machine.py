"""The learning run: a state machine that a schedule starts each day, or a person at any time."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.python_function import PythonFunction
from infra.constructs.training import Training
from infra.guardrails import acknowledge

# What a run is called and when it began, whoever started it and with whatever input.
RUN = {"run.$": "$$.Execution.Name", "started_at.$": "$$.Execution.StartTime"}
# Between two waves of scores the stream is left to those whose events it is for.
PAUSE = Duration.seconds(60)
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
TRACING = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
ERRORS_ONLY = "errors are logged; what went well is in the execution's own history for 90 days, and in its answer"
NO_ARN_TO_NAME = "log delivery and X-Ray know no resource; IAM accepts only *"


class LearningMachine(Construct):
    """CompactLake until it is done, TrainModels, then RefreshScores wave by wave until it is done.

    Every step may be repeated: what a killed or failed run has done, the next one finds or does again. There is no
    time limit over the whole: each step has one, and an endless loop ends, failed, with the history's 25,000 entries.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, training: Training) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Under this prefix CloudWatch needs no policy entry per group; those have a size limit per account.
            log_group_name=f"/aws/vendedlogs/attune/{config.name}/learning",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._role(training)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            comment="Lake to tables, tables to model, model to scores",
            definition_body=sfn.DefinitionBody.from_chainable(self._steps(training)),
            query_language=sfn.QueryLanguage.JSON_PATH,
            # The construct's own grants would reach every version of each function.
            role=role.without_policy_updates(),
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
            tracing_enabled=True,
        )
        self.machine.node.add_dependency(role)  # with its policy: creating the machine needs the right to log
        acknowledge(self.machine, "AwsSolutions-SF1", ERRORS_ONLY)
        if config.learning_hour is not None:
            self._schedule(config.learning_hour)

    def _steps(self, training: Training) -> sfn.IChainable:
        begin = sfn.Pass(self, "Begin", parameters={**RUN, "scores": {"position": 0, "sent": 0}})
        known = {"run.$": "$.run", "started_at.$": "$.started_at"}
        compact = self._call("CompactLake", training.compact_lake, known, "$.lake")
        train = self._call("TrainModels", training.train_models, known, "$.training")
        wave = {"features.$": "$.training.features", "position.$": "$.scores.position", "sent.$": "$.scores.sent"}
        refresh = self._call("RefreshScores", training.refresh_scores, {**known, **wave}, "$.scores")

        all_compacted = sfn.Choice(self, "AllCompacted?").otherwise(compact)
        all_compacted.when(sfn.Condition.boolean_equals("$.lake.done", value=True), train)
        pause = sfn.Wait(self, "Pause", time=sfn.WaitTime.duration(PAUSE))
        all_scored = sfn.Choice(self, "AllScored?").otherwise(pause.next(refresh))
        all_scored.when(sfn.Condition.boolean_equals("$.scores.done", value=True), sfn.Succeed(self, "Learned"))
        train.next(refresh).next(all_scored)
        return begin.next(compact).next(all_compacted)

    def _call(
        self, name: str, function: PythonFunction, payload: Mapping[str, Any], result_path: str
    ) -> tasks.LambdaInvoke:
        step = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(dict(payload)),
            payload_response_only=True,
            result_path=result_path,
            task_timeout=sfn.Timeout.duration(Duration.minutes(16)),  # no function runs longer than 15
            retry_on_service_exceptions=False,  # the one rule below covers them
        )
        # 15 s, 45 s, 2 min, 7 min: an outage of ten minutes is outlived, anything longer wakes somebody
        step.add_retry(errors=["States.ALL"], interval=Duration.seconds(15), backoff_rate=3, max_attempts=4)
        return step

    def _role(self, training: Training) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description="Learning: calls its three functions",
        )
        functions = [function.function_arn for function in training.functions]
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=functions))
        role.add_to_policy(iam.PolicyStatement(actions=[*LOG_DELIVERY, *TRACING], resources=["*"]))
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", NO_ARN_TO_NAME)
        return role

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
