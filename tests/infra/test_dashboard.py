"""What the one dashboard shows of our own metrics is what functions send."""

import json

from attune.runtime.telemetry import NAMESPACE
from attune.use_cases.processing.count_changes import DELAY
from tests.infra.templates import Templates


def test_entries_exits_and_how_late_they_are_can_be_seen(templates: Templates) -> None:
    [dashboard] = templates.of("AWS::CloudWatch::Dashboard")
    shown = json.dumps(dashboard.properties["DashboardBody"]).replace("\\", "")
    for name in ("SegmentEntries", "SegmentExits", DELAY):
        assert f'"{NAMESPACE}","{name}","service","process_events"' in shown
    assert f'"{DELAY}","service","process_events",{{"stat":"p50"}}' in shown
    assert f'"{DELAY}","service","process_events",{{"stat":"p99"}}' in shown
