"""A deployment whose lake keeps its rows for a number of days: the one function that removes them may, no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.assembly import CONTEXT, use_the_locked_node
from tests.infra.templates import Templates


def removing(templates: Templates) -> set[str]:
    found = set()
    for name, function in templates.functions().items():
        for statement in templates.statements(templates.role_of(function)):
            if "s3:DeleteObjectVersion" in statement.actions and any("/events/*" in one for one in statement.resources):
                found.add(name)
    return found


def days(templates: Templates) -> dict[str, str]:
    return {
        name: function.properties["Environment"]["Variables"]["LAKE_RETENTION_DAYS"]
        for name, function in templates.functions().items()
        if "LAKE_RETENTION_DAYS" in function.properties["Environment"]["Variables"]
    }


def test_where_nothing_is_said_the_lake_keeps_for_good_and_only_an_erasure_removes(templates: Templates) -> None:
    assert days(templates) == {"compact_lake": "0", "manage_definitions": "0"}
    assert removing(templates) == {"sweep_stores"}


@pytest.mark.slow
def test_a_number_of_days_reaches_the_compaction_and_the_catalog(tmp_path: Path) -> None:
    use_the_locked_node()
    from aws_cdk import App

    from infra.build import build
    from infra.config import config_from

    context = {**json.loads(CONTEXT.read_text())["context"], "target": "aws", "lake_retention_days": "400"}
    app = App(context=context, outdir=str(tmp_path), analytics_reporting=False)
    build(app, config_from(app))
    app.synth()
    templates = Templates.read(tmp_path)
    assert days(templates) == {"compact_lake": "400", "manage_definitions": "400"}
    assert removing(templates) == {"compact_lake", "sweep_stores"}
