"""What wakes somebody."""

import pytest

from attune.runtime.telemetry import EVERYWHERE, FAILURES, NAMESPACE
from benchmarks.costs import ALARMS
from tests.infra.templates import Templates


def test_every_alarm_the_runbook_names_exists(templates: Templates) -> None:
    alarms = {alarm.logical_id[:-8]: alarm.properties for alarm in templates.of("AWS::CloudWatch::Alarm")}
    assert set(alarms) == {
        *("DeliverMessagesErrors", "ProcessEventsErrors", "RunCampaignsErrors", "WakeProfilesErrors"),
        "DigestAccessErrors",
        "ChangesLate",
        "DeadLetters",
        "EventsLate",
        "FailedBatchesWaiting",
        "KeepsFailing",
        "LearningFailed",
        "ModelsOld",
        "PrivacyRequestsDue",
        "PrivacyRunFailed",
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


def test_a_request_that_is_nearly_due_wakes_somebody(templates: Templates) -> None:
    alarm = templates.named("PrivacyRequestsDue", "AWS::CloudWatch::Alarm").properties
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == (NAMESPACE, "PrivacyRequestsDueSoon", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "fulfil_requests"}]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_every_alarm_is_in_what_a_deployment_costs(templates: Templates) -> None:
    assert len(templates.of("AWS::CloudWatch::Alarm")) == ALARMS


def test_missing_timers_are_noticed_although_nothing_is_reported(templates: Templates) -> None:
    alarm = templates.named("TimersStopped", "AWS::CloudWatch::Alarm").properties
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


@pytest.mark.parametrize(
    ("name", "prefix"), [("LearningFailed", "LearningMachine"), ("PrivacyRunFailed", "PrivacyMachine")]
)
def test_a_failed_run_wakes_somebody(templates: Templates, name: str, prefix: str) -> None:
    alarm = templates.named(name, "AWS::CloudWatch::Alarm").properties
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/States", "ExecutionsFailed", 1)
    assert alarm["TreatMissingData"] == "notBreaching"
    machine, _ = templates.machine(prefix)
    [dimension] = alarm["Dimensions"]
    assert templates.target(dimension["Value"], "attune-production-observability") == str(machine)


def test_two_days_without_a_successful_run_wake_somebody_although_nothing_fails(templates: Templates) -> None:
    alarm = templates.named("ModelsOld", "AWS::CloudWatch::Alarm").properties
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/States", "ExecutionsSucceeded")
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (24 * 3600, 2)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_a_function_s_errors_wake_somebody_unless_its_caller_sees_them(templates: Templates) -> None:
    functions = {str(function): name for name, function in templates.functions().items()}
    watched = {
        functions[templates.target(dimension["Value"], alarm.stack)]
        for alarm in templates.of("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if alarm.properties["MetricName"] == "Errors"
    }
    asked_over_http = {
        functions[templates.target(integration.properties["IntegrationUri"], integration.stack)]
        for integration in templates.of("AWS::ApiGatewayV2::Integration")
    }
    asked_by_a_machine = {
        functions[state["Resource"]]
        for prefix in (
            *("LearningMachine", "RepairMachine", "PreviewMachine"),
            *("ImportingImport", "PrivacyMachine", "VerifyingMachine"),
        )
        for state in templates.machine(prefix)[1]["States"].values()
        if state["Type"] == "Task"
    }
    assert {*functions.values()} == watched | asked_over_http | asked_by_a_machine
    assert not watched & (asked_over_http | asked_by_a_machine)


def test_without_an_address_no_topic_is_paid_for(templates: Templates) -> None:
    assert not [resource for resource in templates if resource.type.startswith("AWS::SNS")]
