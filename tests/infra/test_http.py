"""The HTTP API as it is deployed."""

import json

from tests.infra.templates import Templates

CALLS = ("alias", "batch", "group", "identify", "import", "page", "screen", "track", *"abgipst")
ROUTES = {
    **{f"POST /v1/{call}": "collect_events" for call in CALLS},
    "POST /api/s/{type}": "collect_events",
    "POST /api/s/s2s/{type}": "collect_events",
    "GET /v1/projects/{key}/settings": "collect_events",
    "GET /sourceConfig": "collect_events",
    "$default": "collect_events",
    "POST /v1/webhooks/{source}": "receive_webhook",
    "GET /v1/profiles/{profile}": "manage_profiles",
    "GET /v1/profiles/{profile}/consent": "manage_profiles",
    "PUT /v1/profiles/{profile}/consent": "manage_profiles",
    "POST /v1/profiles/{profile}/unlink": "manage_profiles",
    "POST /v1/lists/{list}": "manage_profiles",
    "POST /v1/profiles/{profile}/preferences-link": "manage_profiles",
    "GET /v1/preferences/{token}": "manage_preferences",
    "POST /v1/preferences/{token}": "manage_preferences",
    "GET /.well-known/gpc.json": "manage_preferences",
    "GET /v1/segments/sizes": "manage_definitions",
    "GET /v1/ledger": "manage_definitions",
    "GET /v1/catalog": "manage_definitions",
    "GET /v1/ledger/verify": "verify_ledger",
    "GET /v1/definitions/{kind}": "manage_definitions",
    "GET /v1/definitions/{kind}/{id}": "manage_definitions",
    "GET /v1/definitions/{kind}/{id}/versions": "manage_definitions",
    "PUT /v1/definitions/{kind}/{id}": "manage_definitions",
    "DELETE /v1/definitions/{kind}/{id}": "manage_definitions",
    "POST /v1/sources/{source}/keys": "manage_definitions",
    "GET /v1/sources/{source}/keys": "manage_definitions",
    "DELETE /v1/sources/{source}/keys/{key}": "manage_definitions",
    "PUT /v1/sources/{source}/secrets": "manage_definitions",
    "POST /v1/channels/{channel}/secrets": "manage_definitions",
    "GET /v1/models": "manage_models",
    "POST /v1/models/train": "manage_models",
    "GET /v1/models/runs/{run}": "manage_models",
    "GET /v1/profiles/{profile}/segments/{segment}": "explain_segments",
    "GET /v1/privacy/requests": "manage_privacy",
    "POST /v1/privacy/requests": "manage_privacy",
    "GET /v1/privacy/requests/{request}": "manage_privacy",
    "GET /v1/privacy/requests/{request}/export": "manage_privacy",
    "GET /v1/privacy/requests/{request}/receipt": "manage_privacy",
    "POST /v1/privacy/requests/{request}/fulfil": "manage_privacy",
    "POST /v1/privacy/requests/{request}/refuse": "manage_privacy",
    "POST /v1/previews": "manage_previews",
    "GET /v1/previews": "manage_previews",
    "POST /v1/privacy/verifications": "manage_verifications",
    "GET /v1/privacy/verifications": "manage_verifications",
    "GET /v1/privacy/verifications/{run}": "manage_verifications",
    "GET /v1/previews/{run}": "manage_previews",
    "GET /v1/quarantine": "manage_quarantine",
    "GET /v1/quarantine/inputs": "manage_quarantine",
    "GET /v1/quarantine/inputs/{input}": "manage_quarantine",
    "POST /v1/quarantine/replay": "manage_quarantine",
    "POST /v1/repairs": "manage_repairs",
    "GET /v1/repairs": "manage_repairs",
    "GET /v1/repairs/{run}": "manage_repairs",
}


def test_every_route_reaches_its_function(templates: Templates) -> None:
    functions = {str(function): name for name, function in templates.functions().items()}
    integrations = {
        integration.logical_id: functions[templates.target(integration.properties["IntegrationUri"], integration.stack)]
        for integration in templates.of("AWS::ApiGatewayV2::Integration")
    }
    routes = {}
    for route in templates.of("AWS::ApiGatewayV2::Route"):
        target = templates.target(route.properties["Target"], route.stack)
        routes[route.properties["RouteKey"]] = integrations[target.rsplit("/", 1)[-1]]
    assert routes == ROUTES


def test_browsers_may_call_from_anywhere_without_credentials(templates: Templates) -> None:
    [api] = templates.of("AWS::ApiGatewayV2::Api")
    cors = api.properties["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["*"]
    assert cors.get("AllowCredentials", False) is False
    assert sorted(cors["AllowMethods"]) == ["GET", "OPTIONS", "POST"]
    assert cors["AllowHeaders"] == [
        *("authorization", "content-type", "x-retry-count", "anonymousid", "sentat", "rsa-recovered"),
        *("rsa-retry-attempt", "rsa-since-first-attempt", "rsa-since-last-attempt", "rsa-retry-reason"),
        *("x-write-key", "x-enable-debug", "x-ip-policy"),
    ]
    assert cors["ExposeHeaders"] == ["retry-after"]


def test_calls_are_throttled_and_logged_by_route_never_by_path_or_address(templates: Templates) -> None:
    [stage] = templates.of("AWS::ApiGatewayV2::Stage")
    limits = stage.properties["DefaultRouteSettings"]
    assert limits["ThrottlingRateLimit"] > 0
    assert limits["ThrottlingBurstLimit"] > 0
    logged = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert logged["route"] == "$context.routeKey"
    fields = set(logged.values())
    assert not fields & {"$context.path", "$context.identity.sourceIp", "$context.identity.userAgent"}
