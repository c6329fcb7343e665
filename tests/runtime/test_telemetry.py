from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from attune.runtime.clock import now
from attune.runtime.telemetry import EVERYWHERE, FAILURES, FunctionFailedError, Telemetry, describe
from tests.functions.gateway import Context


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line]


def test_counts_are_summed_over_an_invocation_and_sent_by_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("tests")

    @telemetry.observed
    def handler(event: dict[str, Any], context: Any) -> str:
        for _ in range(3):
            telemetry.count("Accepted", 2, {"source": "shop"})
        telemetry.count("Rejected", 1, {"source": "shop"})
        telemetry.count("Accepted", 1, {"source": "site", "reason": "x"})
        telemetry.count("Conflicts", 4, {})
        return "done"

    assert handler({}, Context()) == "done"
    assert sorted(
        (line.get("source"), line.get("reason"), line.get("Accepted"), line.get("Rejected"), line.get("Conflicts"))
        for line in metrics(capsys)
        if line.get("source")
    ) == [("shop", None, [6.0], [1.0], None), ("site", "x", [1.0], None, None)]
    assert handler({}, Context()) == "done"
    assert [line["Accepted"] for line in metrics(capsys) if line.get("source") == "shop"] == [[6.0]]


def test_segments_are_told_apart_in_the_log_and_make_one_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """A metric for each would cost $0.30 a month for each."""
    telemetry = Telemetry("tests")
    telemetry.count("SegmentEntries", 2, {"segment": "vip"})
    telemetry.count("SegmentEntries", 1, {"segment": "new"})
    telemetry.flush()
    lines = metrics(capsys)
    assert [(line["segment"], line["SegmentEntries"]) for line in lines] == [("vip", [2.0]), ("new", [1.0])]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)


def test_delays_are_sent_value_by_value_in_lines_that_cloudwatch_reads_to_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = Telemetry("tests")
    for ago in range(250):
        telemetry.elapsed("ChangeDelay", now() - ago * 1_000)
    telemetry.elapsed("ChangeDelay", now() + 60_000)
    telemetry.flush()
    telemetry.flush()
    lines = metrics(capsys)
    delays = [delay for line in lines for delay in line["ChangeDelay"]]
    assert all(len(line["ChangeDelay"]) <= 100 for line in lines)
    assert [round(delay / 1_000) for delay in delays] == [*range(250), 0]
    assert min(delays) == 0
    declared = {one["Unit"] for line in lines for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert declared == {"Milliseconds"}


def test_nothing_counted_is_nothing_written(capsys: pytest.CaptureFixture[str]) -> None:
    handler = Telemetry("tests").observed(lambda event, context: None)
    handler({}, Context())
    assert metrics(capsys) == []


def test_a_failure_leaves_a_place_and_a_type_but_not_its_message(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = Telemetry("failing")

    @telemetry.observed
    def handler(event: dict[str, Any], context: Any) -> None:
        telemetry.count("Accepted", 1, {})
        raise ValueError(event["email"])

    with pytest.raises(FunctionFailedError, match=r"^ValueError$") as caught:
        handler({"email": "ada@example.com"}, Context())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    (logged,) = (record for record in caplog.records if record.name == "failing")
    assert logged.__dict__["error"] == "ValueError"
    assert logged.__dict__["at"][-1].endswith(" handler")
    assert "ada@example.com" not in str(logged.__dict__)
    assert [line["Accepted"] for line in metrics(capsys) if "Accepted" in line] == [[1.0]]


def test_failures_of_all_functions_are_one_metric_that_an_alarm_can_watch(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(event: dict[str, Any], context: Any) -> None:
        for _ in range(event["reported"]):
            telemetry.failed(ValueError())
        if event["raises"]:
            raise ValueError

    for name, reported, raises in (("one", 2, False), ("another", 0, True), ("a third", 0, False)):
        telemetry = Telemetry(name)
        with contextlib.suppress(FunctionFailedError):
            telemetry.observed(handler)({"reported": reported, "raises": raises}, Context())
    lines = metrics(capsys)
    assert [(line["service"], line[FAILURES]) for line in lines] == [(EVERYWHERE, [2.0]), (EVERYWHERE, [1.0])]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)


def test_a_failure_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("tests")
    telemetry.failed(ValueError())
    telemetry.flush()
    telemetry.flush()
    assert len(metrics(capsys)) == 1


def test_an_error_of_aws_is_described_by_its_code() -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "for ada@example.com"}}, "PutItem")
    assert describe(error) == {"error": "ClientError", "at": [], "aws_code": "AccessDenied"}
