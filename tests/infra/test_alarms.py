"""What wakes somebody."""

from attune.runtime.telemetry import EVERYWHERE, FAILURES, NAMESPACE
from benchmarks.costs import ALARMS
from tests.infra.templates import Templates


def test_every_alarm_the_runbook_names_exists(templates: Templates) -> None:
    alarms = {alarm.logical_id[:-8]: alarm.properties for alarm in templates.of("AWS::CloudWatch::Alarm")}
    functions = {f"{name.title().replace('_', '')}Errors" for name in templates.functions()}
    assert set(alarms) == functions | {
        "ChangesLate",
        "DeadLetters",
        "EventsLate",
        "FailedBatchesWaiting",
        "KeepsFailing",
        "ServerErrors",
        "Throttles",
        "TimersStopped",
    }


def test_a_late_table_stream_wakes_somebody_after_an_hour(templates: Templates) -> None:
    alarm = templates.named("ChangesLate", "AWS::CloudWatch::Alarm").properties
    assert (alarm["MetricName"], alarm["Threshold"]) == ("IteratorAge", 3_600_000)
    [dimension] = alarm["Dimensions"]
    run_campaigns = templates.functions()["run_campaigns"]
    assert templates.target(dimension["Value"], "attune-production-observability") == str(run_campaigns)


def test_records_that_cannot_be_processed_wake_somebody_although_no_function_fails(templates: Templates) -> None:
    alarm = templates.named("KeepsFailing", "AWS::CloudWatch::Alarm").properties
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, FAILURES)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": EVERYWHERE}]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("Sum", 1, 2)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_every_alarm_is_in_what_a_deployment_costs(templates: Templates) -> None:
    assert len(templates.of("AWS::CloudWatch::Alarm")) == ALARMS


def test_missing_timers_are_noticed_although_nothing_is_reported(templates: Templates) -> None:
    alarm = templates.named("TimersStopped", "AWS::CloudWatch::Alarm").properties
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_without_an_address_no_topic_is_paid_for(templates: Templates) -> None:
    assert not [resource for resource in templates if resource.type.startswith("AWS::SNS")]
