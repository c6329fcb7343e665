"""State machines of our functions: one way to log, to be allowed, and to try a step again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.python_function import PythonFunction
from infra.guardrails import acknowledge

# What a run is called and when it began, whoever started it and with whatever input.
RUN = {"run.$": "$$.Execution.Name", "started_at.$": "$$.Execution.StartTime"}
# The same, as every step is told after the first state has kept it.
KNOWN = {"run.$": "$.run", "started_at.$": "$.started_at"}
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
RUNS_HAVE_NAMES = "a run's name comes from whoever starts it; the machine is named, and it is the only one"


@dataclass(frozen=True, slots=True)
class Pauses:
    """How often a failed step is tried again, and after how long; each pause so many times the one before."""

    seconds: int
    growing: float
    times: int


# 15 s, 45 s, 2 min, 7 min: an outage of ten minutes is outlived, anything longer wakes somebody
GROWING = Pauses(15, 3, 4)


class FunctionMachine(Construct):
    """A machine whose every step calls a function and may be repeated: the subclass says in which order.

    There is no time limit over the whole: each step has one, and an endless loop ends, failed, with the history's
    25,000 entries.
    """

    machine: sfn.StateMachine

    def _make(
        self,
        config: EnvironmentConfig,
        *,
        name: str,
        comment: str,
        functions: Sequence[PythonFunction],
        steps: sfn.IChainable,
    ) -> None:
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Under this prefix CloudWatch needs no policy entry per group; those have a size limit per account.
            encryption_key=functions[0].key,  # all functions have the deployment's one
            log_group_name=f"/aws/vendedlogs/attune/{config.name}/{name}",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._role(name, functions)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            comment=comment,
            definition_body=sfn.DefinitionBody.from_chainable(steps),
            query_language=sfn.QueryLanguage.JSON_PATH,
            # The construct's own grants would reach every version of each function.
            role=role.without_policy_updates(),
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ERROR, include_execution_data=False),
            tracing_enabled=True,
        )
        self.machine.node.add_dependency(role)  # with its policy: creating the machine needs the right to log
        acknowledge(self.machine, "AwsSolutions-SF1", ERRORS_ONLY)

    def _call(
        self,
        name: str,
        function: PythonFunction,
        payload: Mapping[str, Any],
        result_path: str,
        pauses: Pauses = GROWING,
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
        step.add_retry(
            errors=["States.ALL"],
            interval=Duration.seconds(pauses.seconds),
            backoff_rate=pauses.growing,
            max_attempts=pauses.times,
        )
        return step

    def _until_done(
        self, question: str, step: tasks.LambdaInvoke, variable: str, *, then: sfn.IChainable, again: sfn.IChainable
    ) -> None:
        """After `step`: `then` if its answer at `variable` says that it is done, else `again`."""
        asked = sfn.Choice(self, question).otherwise(again)
        step.next(asked.when(sfn.Condition.boolean_equals(f"{variable}.done", value=True), then))

    def _role(self, name: str, functions: Sequence[PythonFunction]) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"The machine {name}: calls its functions",
        )
        arns = [function.function_arn for function in functions]
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=arns))
        role.add_to_policy(iam.PolicyStatement(actions=[*LOG_DELIVERY, *TRACING], resources=["*"]))
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", NO_ARN_TO_NAME)
        return role


def may_run(function: PythonFunction, machine: sfn.StateMachine) -> None:
    """Grant starting runs of `machine`, listing them, and looking at each."""
    function.may("states:StartExecution", "states:ListExecutions", on=[machine.state_machine_arn])
    runs = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:execution:{machine.state_machine_name}:*"
    function.may("states:DescribeExecution", on=[runs])
    acknowledge(function.function_role, f"AwsSolutions-IAM5[Resource::{_as_reported(machine)}]", RUNS_HAVE_NAMES)


def _as_reported(machine: sfn.StateMachine) -> str:
    """Name the machine's runs as cdk-nag's finding does."""
    plain = machine.node.default_child
    assert isinstance(plain, sfn.CfnStateMachine)  # noqa: S101 - narrows jsii's type
    name = machine.stack.get_logical_id(plain)
    return f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<{name}.Name>:*"
