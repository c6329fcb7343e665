"""Every route leaves an access record or is about nobody; who leaves records may do nothing else to the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.templates import Statement, Templates

#: what shows or changes one person, or some who are named: a record first
RECORDED = {
    "GET /v1/profiles/{profile}",
    "GET /v1/profiles/{profile}/consent",
    "PUT /v1/profiles/{profile}/consent",
    "POST /v1/profiles/{profile}/unlink",
    "POST /v1/profiles/{profile}/preferences-link",
    "GET /v1/profiles/{profile}/segments/{segment}",
    "GET /v1/preferences/{token}",
    "POST /v1/preferences/{token}",
    "POST /v1/lists/{list}",
    "POST /v1/previews",
    "GET /v1/previews/{run}",
    "POST /v1/repairs",
    "GET /v1/quarantine/inputs/{input}",
    "POST /v1/quarantine/replay",
    "GET /v1/privacy/requests",
    "POST /v1/privacy/requests",
    "GET /v1/privacy/requests/{request}",
    "GET /v1/privacy/requests/{request}/export",
    "GET /v1/privacy/requests/{request}/receipt",
    "POST /v1/privacy/requests/{request}/fulfil",
    "POST /v1/privacy/requests/{request}/refuse",
    "POST /v1/privacy/verifications",
}
#: where events come in; counts, definitions, runs, models: nobody is shown, and nobody is changed but by an event
OF_NOBODY = {
    "GET /.well-known/gpc.json",
    "GET /sourceConfig",
    "GET /v1/catalog",
    "GET /v1/ledger",
    "GET /v1/ledger/verify",
    "GET /v1/models",
    "GET /v1/models/runs/{run}",
    "GET /v1/previews",
    "GET /v1/privacy/verifications",
    "GET /v1/privacy/verifications/{run}",
    "GET /v1/projects/{key}/settings",
    "GET /v1/quarantine",
    "GET /v1/quarantine/inputs",
    "GET /v1/repairs",
    "GET /v1/repairs/{run}",
    "GET /v1/segments/sizes",
    "POST /api/s/s2s/{type}",
    "POST /api/s/{type}",
    "POST /v1/channels/{channel}/secrets",
    "POST /v1/models/train",
    "POST /v1/webhooks/{source}",
    *(f"{method} /v1/definitions/{{kind}}/{{id}}" for method in ("GET", "PUT", "DELETE")),
    "GET /v1/definitions/{kind}",
    "GET /v1/definitions/{kind}/{id}/versions",
    *("GET /v1/sources/{source}/keys", "POST /v1/sources/{source}/keys", "DELETE /v1/sources/{source}/keys/{key}"),
    "PUT /v1/sources/{source}/secrets",
    *(f"POST /v1/{name}" for name in ("batch", "import", "track", "identify", "page", "screen", "group", "alias")),
    *(f"POST /v1/{letter}" for letter in "abgipst"),
    "$default",
}
ONLY_ACCESS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["access#*"]}}


def routes(templates: Templates) -> dict[str, str]:
    """Which function answers which route."""
    functions = {str(function): name for name, function in templates.functions().items()}
    integrations: dict[str, str] = {}
    for integration in templates.of("AWS::ApiGatewayV2::Integration"):
        target = templates.target(integration.properties["IntegrationUri"], integration.stack)
        integrations[integration.logical_id] = functions[target]
    found: dict[str, str] = {}
    for route in templates.of("AWS::ApiGatewayV2::Route"):
        named = [name for name in integrations if name in str(route.properties["Target"])]
        found[route.properties["RouteKey"]] = integrations[max(named, key=len)]
    return found


def writes(templates: Templates, function: str) -> list[Statement]:
    statements = templates.statements(templates.role_of(templates.functions()[function]))
    return [
        one
        for one in statements
        if any("TablesLedger" in str(resource) for resource in one.resources)
        and one.actions & {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    ]


def test_every_route_is_recorded_or_about_nobody(templates: Templates) -> None:
    assert not RECORDED & OF_NOBODY
    assert set(routes(templates)) - OF_NOBODY - RECORDED == set(), "say whether it shows or changes a person"


def test_who_answers_for_a_person_may_add_access_records_and_change_none(templates: Templates) -> None:
    answering = {name for route, name in routes(templates).items() if route in RECORDED}
    for name in answering:
        [statement] = writes(templates, name)
        assert (set(statement.actions), statement.condition) == ({"dynamodb:PutItem"}, ONLY_ACCESS), name
        environment: dict[str, Any] = templates.functions()[name].properties["Environment"]["Variables"]
        assert "LEDGER_TABLE" in environment, name


def test_nobody_else_writes_the_ledger_but_the_processor_and_the_seal(templates: Templates) -> None:
    answering = {name for route, name in routes(templates).items() if route in RECORDED}
    writing = {name for name in templates.functions() if writes(templates, name)}
    assert writing - answering <= {"process_events", "digest_access"}


@pytest.mark.parametrize("function", ["digest_access"])
def test_who_seals_writes_the_head_and_no_record(templates: Templates, function: str) -> None:
    [statement] = writes(templates, function)
    assert statement.actions == {"dynamodb:PutItem"}
    assert statement.condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["digest#access"]}}


def test_who_checks_writes_nothing_at_all(templates: Templates) -> None:
    statements = templates.statements(templates.role_of(templates.functions()["verify_ledger"]))
    actions = {action for one in statements for action in one.actions if not action.startswith(("xray:", "logs:"))}
    assert not [action for action in actions if any(word in action for word in ("Put", "Update", "Delete", "Encrypt"))]


def test_the_days_are_sealed_every_night(templates: Templates) -> None:
    [rule] = [
        one
        for one in templates.of("AWS::Events::Rule")
        if one.properties.get("ScheduleExpression") == "cron(10 1 * * ? *)"
    ]
    [target] = rule.properties["Targets"]
    assert templates.target(target["Arn"], rule.stack) == str(templates.functions()["digest_access"])
