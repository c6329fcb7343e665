"""The one dashboard: is it late, is it failing, is it full."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.stacks.learning_stack import LearningStack
from infra.stacks.pipeline_stack import PipelineStack


def draw_dashboard(
    scope: Construct,
    config: EnvironmentConfig,
    learning: LearningStack,
    pipeline: PipelineStack,
    notices: sqs.IQueue,
) -> cloudwatch.Dashboard:
    """Draw five rows in the order of an event's path, and one for learning."""
    api, deliveries = pipeline.http.api, pipeline.campaigning.deliveries
    consumers = [pipeline.processing.process_events, pipeline.campaigning.run_campaigns]
    functions = [*pipeline.functions, *learning.functions]
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=f"attune-{config.name}")
    dashboard.add_widgets(
        _graph("Requests", [api.metric_count(), api.metric_client_error(), api.metric_server_error()]),
        _graph("API latency (ms)", [api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")]),
    )
    dashboard.add_widgets(
        _graph("Stream age (ms)", [function.metric("IteratorAge", statistic="Maximum") for function in consumers]),
        _graph("Function errors", [function.metric_errors() for function in functions]),
    )
    dashboard.add_widgets(
        _graph("Duration, p99 (ms)", [function.metric_duration(statistic="p99") for function in functions]),
        _graph("Invocations", [function.metric_invocations() for function in functions]),
    )
    dashboard.add_widgets(
        _graph("Entries to segments, exits", [_of_changes("SegmentEntries"), _of_changes("SegmentExits")]),
        _graph("From event to change (ms)", [_of_changes("ChangeDelay", "p50"), _of_changes("ChangeDelay", "p99")]),
    )
    dashboard.add_widgets(
        _graph(
            "Deliveries waiting",
            [
                deliveries.queue.metric_approximate_number_of_messages_visible(),
                deliveries.queue.metric_approximate_age_of_oldest_message(),
            ],
        ),
        _graph(
            "For people to look at",
            [
                deliveries.dead_letters.metric_approximate_number_of_messages_visible(label="dead letters"),
                notices.metric_approximate_number_of_messages_visible(label="failed batches"),
            ],
        ),
    )
    machine = learning.machine
    dashboard.add_widgets(
        _graph("Learning runs", [machine.metric_succeeded(), machine.metric_failed()]),
        _graph("Learning run, duration (ms)", [machine.metric_time(statistic="Maximum")]),
    )
    return dashboard


def _of_changes(name: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return what `process_events` says of memberships in segments (`use_cases/count_changes.py`)."""
    return cloudwatch.Metric(
        namespace="Attune", metric_name=name, statistic=statistic, dimensions_map={"service": "process_events"}
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
