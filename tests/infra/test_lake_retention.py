"""Which functions may remove rows of the lake: the one that does by their age, and the one by their person."""

from __future__ import annotations

from tests.infra.templates import Templates


def test_rows_are_removed_by_the_compaction_and_by_an_erasure_and_nobody_else(templates: Templates) -> None:
    removing = {
        name
        for name, function in templates.functions().items()
        for statement in templates.statements(templates.role_of(function))
        if statement.actions & {"s3:DeleteObject", "s3:DeleteObjectVersion"}
        and any("/events/*" in one or "/compacted/*" in one for one in statement.resources)
    }
    assert removing == {"compact_lake", "sweep_stores"}
