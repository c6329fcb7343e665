"""Alarms and whom they tell."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

FIVE_MINUTES = Duration.minutes(5)


class Alarms:
    """Adds alarms to a stack; with an address, each one writes there."""

    def __init__(self, stack: Construct, *, email: str | None, key: kms.IKey) -> None:
        self._stack = stack
        self._actions: list[cloudwatch.IAlarmAction] = []
        if email is not None:
            topic = sns.Topic(stack, "Alarms", master_key=key, enforce_ssl=True)
            topic.add_subscription(subscriptions.EmailSubscription(email))
            self._actions = [actions.SnsAction(topic)]

    def when(
        self, name: str, description: str, metric: cloudwatch.IMetric, *, at_least: float = 1, times: int = 1
    ) -> None:
        """Raise when the five-minute value of `metric` reaches `at_least` so many times running; no data is no news."""
        self._add(
            name,
            description,
            metric,
            at_least,
            evaluation_periods=times,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def unless(self, name: str, description: str, metric: cloudwatch.IMetric, *, times: int) -> None:
        """Raise when `metric` is 0, or has no data, so many of its periods running."""
        self._add(
            name,
            description,
            metric,
            1,
            evaluation_periods=times,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _add(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        treat_missing_data: cloudwatch.TreatMissingData,
        evaluation_periods: int = 1,
        comparison_operator: cloudwatch.ComparisonOperator | None = None,  # None: at or above the threshold
    ) -> None:
        alarm = cloudwatch.Alarm(
            self._stack,
            name,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            comparison_operator=comparison_operator,
            treat_missing_data=treat_missing_data,
        )
        alarm.add_alarm_action(*self._actions)


def failures_metric() -> cloudwatch.Metric:
    """Return what all functions together report as unexpected failures (`runtime/telemetry.py`), over five minutes."""
    return attune_metric("Failures", "attune")


def attune_metric(name: str, service: str) -> cloudwatch.Metric:
    """Return what a function counts without further dimensions, over five minutes."""
    return cloudwatch.Metric(
        namespace="Attune",
        metric_name=name,
        statistic="Sum",
        period=FIVE_MINUTES,
        dimensions_map={"service": service},
    )


def lambda_metric(name: str, function_name: str | None = None, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a Lambda metric over five minutes, of one function or of all in the Region."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        statistic=statistic,
        period=FIVE_MINUTES,
        dimensions_map={"FunctionName": function_name} if function_name else None,
    )
