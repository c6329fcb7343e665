"""The HTTP API: explicit routes, one for everything else, limits, an access log without addresses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.guardrails import acknowledge

# The route, never the path: a path holds customers' identifiers. No caller's address either.
ACCESS_LOG = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_latency_ms": "$context.integrationLatency",
}
# A browser sends a call only if every header of it is named here. In order: of all clients, Segment's, RudderStack's
# (from `rsa-recovered` on: of its retries), Jitsu's.
CLIENTS_HEADERS = (
    *("authorization", "content-type"),
    "x-retry-count",
    *("anonymousid", "sentat"),
    *("rsa-recovered", "rsa-retry-attempt", "rsa-since-first-attempt", "rsa-since-last-attempt", "rsa-retry-reason"),
    *("x-write-key", "x-enable-debug", "x-ip-policy"),
)
OWN_AUTHORIZATION = (
    "the function itself checks write keys, server keys and webhook signatures: they differ by source, and a "
    "signature is over the body, which an authorizer never sees"
)


@dataclass(frozen=True, slots=True)
class Route:
    """`METHOD /path` answered by one function."""

    method: str
    path: str
    function: lambda_.IFunction


class HttpApi(Construct):
    """An API Gateway HTTP API with CORS for any origin and no credentials; the functions check the origin."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        key: kms.IKey,
        routes: Sequence[Route],
        otherwise: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._integrations: dict[str, integrations.HttpLambdaIntegration] = {}
        self.api = apigateway.HttpApi(
            self,
            "Api",
            description=f"Attune ({config.name})",
            create_default_stage=False,
            default_integration=self._to(otherwise),
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=["*"],
                allow_methods=[
                    apigateway.CorsHttpMethod.GET,
                    apigateway.CorsHttpMethod.POST,
                    apigateway.CorsHttpMethod.OPTIONS,
                ],
                allow_headers=[*CLIENTS_HEADERS],
                expose_headers=["retry-after"],
                max_age=Duration.hours(1),
            ),
        )
        for route in routes:
            self._add(route)
        self.stage = self._stage(config, key)
        acknowledge(self.api, "AwsSolutions-APIG4", OWN_AUTHORIZATION)

    @property
    def url(self) -> str:
        """Return the origin, without a slash at the end."""
        return self.api.api_endpoint

    def _add(self, route: Route) -> None:
        method = apigateway.HttpMethod(route.method)
        self.api.add_routes(path=route.path, methods=[method], integration=self._to(route.function))

    def _to(self, function: lambda_.IFunction) -> integrations.HttpLambdaIntegration:
        name = function.node.id
        return self._integrations.setdefault(name, integrations.HttpLambdaIntegration(f"{name}Call", function))

    def _stage(self, config: EnvironmentConfig, key: kms.IKey) -> apigateway.HttpStage:
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            # Under this prefix CloudWatch needs no policy entry per group; those have a size limit per account.
            log_group_name=f"/aws/vendedlogs/attune/{config.name}/api",
            encryption_key=key,
            retention=config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=config.requests_per_second, burst_limit=config.burst_requests
            ),
        )
        # The L2 destination fails through jsii (`Cannot read properties of undefined (reading 'bind')`).
        plain = stage.node.default_child
        assert isinstance(plain, apigateway.CfnStage)  # noqa: S101 - narrows jsii's type
        plain.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=json.dumps(ACCESS_LOG)
        )
        return stage
