"""cdk-nag's verdict, and that it still bites."""

import json
from pathlib import Path

import pytest

from infra.assembly import use_the_locked_node


def test_cdk_nag_has_no_finding_that_nobody_explained(aws_assembly: Path) -> None:
    report = json.loads((aws_assembly / "validation-report.json").read_text())
    assert [each for each in report["pluginReports"] if each["conclusion"] != "success"] == []


@pytest.mark.slow
def test_a_bucket_that_takes_plain_http_cannot_be_synthesized(tmp_path: Path) -> None:
    use_the_locked_node()
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    from infra.config import PRODUCTION
    from infra.guardrails import acknowledge, guard

    app = App(outdir=str(tmp_path), analytics_reporting=False)
    bucket = s3.Bucket(Stack(app, "Example"), "Open")
    acknowledge(bucket, "AwsSolutions-S1", "explained, so not among the findings")
    guard(app, PRODUCTION)

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = [violation["ruleName"] for each in report["pluginReports"] for violation in each["violations"]]
    assert found == ["AwsSolutions-S10"]
