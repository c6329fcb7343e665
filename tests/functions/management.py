"""The management functions as deployed, on moto: environment, tables, secrets, and API Gateway's events."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.adapters.cloud import REGION, Cloud
from tests.adapters.machines import Machine

ROOT = Path(__file__).resolve().parents[2]
ADMIN = "admin-key-of-the-tests"
ROUTES = {
    "manage_profiles": (
        "GET /v1/profiles/{profile}",
        "GET /v1/profiles/{profile}/consent",
        "PUT /v1/profiles/{profile}/consent",
        "POST /v1/profiles/{profile}/unlink",
        "POST /v1/profiles/{profile}/preferences-link",
        "POST /v1/lists/{list}",
    ),
    "manage_preferences": (
        "GET /v1/preferences/{token}",
        "POST /v1/preferences/{token}",
        "GET /.well-known/gpc.json",
    ),
    "manage_definitions": (
        "GET /v1/definitions/{kind}",
        "GET /v1/definitions/{kind}/{id}",
        "GET /v1/definitions/{kind}/{id}/versions",
        "PUT /v1/definitions/{kind}/{id}",
        "DELETE /v1/definitions/{kind}/{id}",
        "GET /v1/segments/sizes",
        "GET /v1/ledger",
        "GET /v1/catalog",
        "GET /v1/sources/{source}/keys",
        "DELETE /v1/sources/{source}/keys/{key}",
        "POST /v1/sources/{source}/keys",
        "PUT /v1/sources/{source}/secrets",
        "POST /v1/channels/{channel}/secrets",
    ),
    "manage_models": ("GET /v1/models", "POST /v1/models/train", "GET /v1/models/runs/{run}"),
    "explain_segments": ("GET /v1/profiles/{profile}/segments/{segment}",),
    "manage_previews": ("POST /v1/previews", "GET /v1/previews", "GET /v1/previews/{run}"),
    "manage_privacy": (
        "GET /v1/privacy/requests",
        "POST /v1/privacy/requests",
        "GET /v1/privacy/requests/{request}",
        "POST /v1/privacy/requests/{request}/fulfil",
        "POST /v1/privacy/requests/{request}/refuse",
        "GET /v1/privacy/requests/{request}/export",
        "GET /v1/privacy/requests/{request}/receipt",
    ),
    "manage_verifications": (
        "POST /v1/privacy/verifications",
        "GET /v1/privacy/verifications",
        "GET /v1/privacy/verifications/{run}",
    ),
    "manage_quarantine": (
        "GET /v1/quarantine",
        "GET /v1/quarantine/inputs",
        "GET /v1/quarantine/inputs/{input}",
        "POST /v1/quarantine/replay",
    ),
    "manage_repairs": ("POST /v1/repairs", "GET /v1/repairs", "GET /v1/repairs/{run}"),
    "verify_ledger": ("GET /v1/ledger/verify",),
}
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:function",
    aws_request_id="request",
)

type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller of the API sees: `body` is the JSON's value, or a page's text."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Deployment:
    """Stores of its own, and the handlers over them, reached as the gateway reaches them."""

    def __init__(self, cloud: Cloud, set_variable: Callable[[str, str], None]) -> None:
        self.cloud = cloud
        roles = ("profiles", "identities", "deliveries", "definitions", "privacy_requests", "ledger")
        self.tables = {role: cloud.table(role) for role in roles}
        self.stream = cloud.name("stream")
        cloud.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        self.registry, self.quarantine, self.audit = cloud.bucket(), cloud.bucket(), cloud.bucket()
        self.failures, self.imports = cloud.bucket(), cloud.bucket()
        self.machine, self.repairs, self.previews = Machine(cloud), Machine(cloud), Machine(cloud)
        self.verifications = Machine(cloud)
        self.privacy, self.verifications = Machine(cloud), Machine(cloud)
        variables = {f"{role.upper()}_TABLE": name for role, name in self.tables.items()} | {
            "STREAM_NAME": self.stream,
            "IDENTITY_SECRET": cloud.secret("identity secret of the tests"),
            "ADMIN_SECRET": cloud.secret(ADMIN),
            "WEBHOOK_SECRETS": cloud.secret("{}"),
            "CHANNEL_SECRETS": cloud.secret("{}"),
            "REGISTRY_BUCKET": self.registry,
            "QUARANTINE_BUCKET": self.quarantine,
            "FAILURES_BUCKET": self.failures,
            "IMPORTS_BUCKET": self.imports,
            "AUDIT_BUCKET": self.audit,
            "LEARNING_MACHINE": self.machine.arn,
            "REPAIR_MACHINE": self.repairs.arn,
            "PREVIEW_MACHINE": self.previews.arn,
            "VERIFICATION_MACHINE": self.verifications.arn,
            "STREAM_RETENTION_HOURS": "24",
            "MERGED_INDEX": "merged",
            "PRIVACY_MACHINE": self.privacy.arn,
            "LAKE_BUCKET": self.registry,
            "LAKE_DATABASE": "lake",
            "LAKE_WORKGROUP": "lake",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Attune",
        }
        for name, text in variables.items():
            set_variable(name, text)
        self._handlers: dict[str, Handler] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        raw: bytes | None = None,
        kind: str = "application/json",
        reason: str = "",
    ) -> Answer:
        """As an HTTP API with payload 2.0 does it: the path decoded once, then matched, else not found.

        `kind`: the content type of the body, which is text; `reason`: why the caller says that they ask.
        """
        path, _, query = path.partition("?")
        function, route, parameters = match(method, path)
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": decoded(path),
            "rawQueryString": query,
            "headers": {"content-type": kind, "host": "api.example"}
            | ({"authorization": f"Bearer {key}"} if key else {})
            | ({"X-Attune-Reason": reason} if reason else {}),
            "requestContext": {"http": {"method": method, "path": decoded(path), "sourceIp": "127.0.0.1"}},
            "isBase64Encoded": False,
        }
        if parameters:
            event["pathParameters"] = parameters
        if query:
            event["queryStringParameters"] = dict(parse_qsl(query, keep_blank_values=True))
        if body is not None or raw is not None:
            event["body"] = json.dumps(body) if raw is None else raw.decode("utf-8", "surrogateescape")
        if function not in self._handlers:  # most tests call one
            self._handlers[function] = load_handler(function)
        answered = self._handlers[function](event, CONTEXT)
        is_json = answered["headers"]["content-type"] == "application/json"
        answer = json.loads(answered["body"]) if is_json else answered["body"]
        return Answer(answered["statusCode"], answer, answered["headers"])

    def records(self) -> list[dict[str, Any]]:
        """What lies on the stream."""
        kinesis = self.cloud.client("kinesis")
        shard = kinesis.describe_stream(StreamName=self.stream)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        return [json.loads(record["Data"]) for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def load_handler(function: str) -> Handler:
    """The handler of a function's folder, loaded anew as a cold start does."""
    file = ROOT / "functions" / function / "handler.py"
    spec = importlib.util.spec_from_file_location(f"functions_{function}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def decoded(path: str) -> str:
    """The gateway decodes every escape but `%25`, once."""
    return "%25".join(unquote(part) for part in path.split("%25"))


def match(method: str, path: str) -> tuple[str, str, dict[str, str]]:
    """Function, route and path parameters; what no route matches belongs to another function (`$default`)."""
    for function, routes in ROUTES.items():
        for route in routes:
            verb, _, template = route.partition(" ")
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
            if verb == method and (found := re.fullmatch(pattern, decoded(path))):
                return function, route, found.groupdict()
    return "manage_definitions", "$default", {}
