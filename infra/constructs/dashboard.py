"""The one dashboard: is it late, is it failing, is it full."""

from collections.abc import Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.delivery_queue import DeliveryQueue
from infra.stacks.learning_stack import LearningStack
from infra.stacks.pipeline_stack import PipelineStack

type Row = tuple[cloudwatch.GraphWidget, ...]


def draw_dashboard(
    scope: Construct,
    config: EnvironmentConfig,
    learning: LearningStack,
    pipeline: PipelineStack,
    notices: sqs.IQueue,
) -> cloudwatch.Dashboard:
    """Draw five rows in the order of an event's path, and one for learning."""
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=f"attune-{config.name}")
    for row in (
        _calls(pipeline.http.api),
        *_functions(learning, pipeline),
        _changes(),
        _queues(pipeline.campaigning.deliveries, notices),
        _runs(learning.machine),
    ):
        dashboard.add_widgets(*row)
    return dashboard


def _calls(api: apigateway.HttpApi) -> Row:
    return (
        _graph("Requests", [api.metric_count(), api.metric_client_error(), api.metric_server_error()]),
        _graph("API latency (ms)", [api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")]),
    )


def _functions(learning: LearningStack, pipeline: PipelineStack) -> tuple[Row, Row]:
    """How late and how wrong; how slow and how often."""
    consumers = [pipeline.processing.process_events, pipeline.campaigning.run_campaigns]
    functions = [*pipeline.functions, *learning.functions]
    late = (
        _graph("Stream age (ms)", [function.metric("IteratorAge", statistic="Maximum") for function in consumers]),
        _graph("Function errors", [function.metric_errors() for function in functions]),
    )
    slow = (
        _graph("Duration, p99 (ms)", [function.metric_duration(statistic="p99") for function in functions]),
        _graph("Invocations", [function.metric_invocations() for function in functions]),
    )
    return late, slow


def _changes() -> Row:
    return (
        _graph("Entries to segments, exits", [_of_changes("SegmentEntries"), _of_changes("SegmentExits")]),
        _graph("From event to change (ms)", [_of_changes("ChangeDelay", "p50"), _of_changes("ChangeDelay", "p99")]),
    )


def _queues(deliveries: DeliveryQueue, notices: sqs.IQueue) -> Row:
    waiting = [
        deliveries.queue.metric_approximate_number_of_messages_visible(),
        deliveries.queue.metric_approximate_age_of_oldest_message(),
    ]
    left = [
        deliveries.dead_letters.metric_approximate_number_of_messages_visible(label="dead letters"),
        notices.metric_approximate_number_of_messages_visible(label="failed batches"),
    ]
    return _graph("Deliveries waiting", waiting), _graph("For people to look at", left)


def _runs(machine: sfn.StateMachine) -> Row:
    return (
        _graph("Learning runs", [machine.metric_succeeded(), machine.metric_failed()]),
        _graph("Learning run, duration (ms)", [machine.metric_time(statistic="Maximum")]),
    )


def _of_changes(name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return what `process_events` says of memberships in segments (`use_cases/processing/count_changes.py`)."""
    return cloudwatch.Metric(
        namespace="Attune", metric_name=name, statistic=statistic, dimensions_map={"service": "process_events"}
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
