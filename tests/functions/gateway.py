"""What API Gateway hands to a function (HTTP API, payload 2.0), and handlers loaded as Lambda loads them."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from botocore.exceptions import EndpointConnectionError

ROOT = Path(__file__).parents[2]
_modules = itertools.count(1)


@dataclass(frozen=True)
class Context:
    """The parts of Lambda's context that are read."""

    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@dataclass(frozen=True)
class Answer:
    """What came back, its body decoded."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return str(self.body["code"])


class OutOfReach:
    """Any port whose service does not answer."""

    def __getattr__(self, _: str) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://service")

        return call


def load(function: str) -> ModuleType:
    """A fresh copy of the function's handler module; the environment must hold what it needs."""
    path = ROOT / "functions" / function / "handler.py"
    spec = importlib.util.spec_from_file_location(f"{function}_handler_{next(_modules)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def http_event(
    route: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """As the gateway sends it: text bodies as text, all others base64; absent parts are absent."""
    method, _, path = route.partition(" ")
    for name, value in (parameters or {}).items():
        path = path.replace(f"{{{name}}}", value)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path or "/",
        "rawQueryString": "",
        "headers": {"host": "api.example", "content-length": str(len(body)), **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api1234567",
            "domainName": "api.example",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "tests",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "15/Jun/2025:15:06:40 +0000",
            "timeEpoch": 1_750_000_000_000,
        },
        "isBase64Encoded": False,
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body:
        event |= _body(body, {name.lower(): value for name, value in (headers or {}).items()})
    return event


def call(handler: Any, event: dict[str, Any]) -> Answer:
    answer = handler(event, Context())
    body = json.loads(answer["body"])
    assert answer["headers"]["content-type"] == "application/json"
    return Answer(answer["statusCode"], body, answer["headers"])


def _body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    is_text = headers.get("content-type", "application/json").startswith(("text/", "application/json"))
    if is_text and "content-encoding" not in headers:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
