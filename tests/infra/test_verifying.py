"""Who looks through everything: it may read every table and bucket there is, and its run forgets what it looked for."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.templates import Templates


def environment(templates: Templates) -> dict[str, Any]:
    found: dict[str, Any] = templates.functions()["verify_privacy"].properties["Environment"]["Variables"]
    return found


def test_no_table_and_no_bucket_is_left_out(templates: Templates) -> None:
    """But for S3's own access logs: a new store must be looked through, or said here why not."""
    named = json.dumps(environment(templates))
    stored = [one for kind in ("AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket") for one in templates.of(kind)]
    left_out = {one.logical_id for one in stored if one.logical_id not in named}
    assert {one.rstrip("0123456789ABCDEF") for one in left_out} == {"AccessLogs"}
    assert len(stored) > 10


def test_it_looks_until_it_is_done_and_forgets_whatever_happens(templates: Templates) -> None:
    states = templates.machine("VerifyingMachine")[1]["States"]
    look, asked = states["VerifyStores"], states["AllLookedThrough?"]
    assert look["Next"] == "AllLookedThrough?"
    assert asked["Default"] == "VerifyStores"
    [caught] = look["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    done, failed = states[asked["Choices"][0]["Next"]], states[caught["Next"]]
    assert states[done["Next"]]["Type"] == "Succeed"
    assert states[failed["Next"]]["Type"] == "Fail"
    for forget in (done, failed):
        assert forget["Parameters"] == {"run.$": "$.run", "started_at.$": "$.started_at", "step": "forget"}


def test_its_history_keeps_the_runs_name_and_nothing_else(templates: Templates) -> None:
    states = templates.machine("VerifyingMachine")[1]["States"]
    assert set(states["Begin"]["Parameters"]) == {"run.$", "started_at.$"}
    assert set(states["VerifyStores"]["Parameters"]) == {"run.$", "started_at.$", "step"}


def test_what_a_stopped_run_looked_for_expires(templates: Templates) -> None:
    bucket = templates.named("Audit", "AWS::S3::Bucket")
    rules = bucket.properties["LifecycleConfiguration"]["Rules"]
    [rule] = [one for one in rules if one.get("Prefix") == "erasures/verify-"]
    assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) == (1, 1)
