"""API Gateway's HTTP API (payload 2.0): small request values in, JSON out, errors as `{code, message}`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from attune.adapters.aws_outages import is_outage
from attune.domain.errors import AttuneError
from attune.ports import StreamUnavailableError
from attune.runtime.telemetry import Handler, Telemetry

#: seconds that a client is asked to wait when what an answer takes is out of reach
RETRY_AFTER: Final = 5


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler needs of a call. `route` is the gateway's: `POST /v1/webhooks/{source}` or `$default`.

    Header names are in lower case; `body` is as it came over the wire, `raw_query` as it was written.
    """

    route: str
    method: str = ""
    path: str = ""
    parameters: dict[str, str] = {}
    raw_query: str = ""
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; `body` is encoded as JSON, unless there is a `text`, which is sent as it stands."""

    status: int = 200
    body: Any = None
    text: str | None = None
    headers: dict[str, str] = {}


type Endpoint = Callable[[Request], Response]


def endpoint_handler(telemetry: Telemetry, endpoint: Endpoint) -> Handler:
    """The Lambda handler that answers with `endpoint`: always an answer, never an exception."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 (Lambda hands it over)
        return reply(respond(event, endpoint, telemetry.failed))

    return telemetry.observed(handler)


def respond(event: Mapping[str, Any], endpoint: Endpoint, failed: Callable[[Exception], None]) -> Response:
    """Errors become answers; the unexpected one that says nothing, 503 or 500, after `failed` heard of it."""
    try:
        return endpoint(parse(event))
    except AttuneError as error:
        return refusal(error)
    except StreamUnavailableError:
        return _unavailable()
    except Exception as failure:  # noqa: BLE001 (whatever it is, the caller gets an answer)
        failed(failure)
        if is_outage(failure):
            return _unavailable()
        return refusal(AttuneError("internal", "something went wrong on our side", status=500))


def parse(event: Mapping[str, Any]) -> Request:
    """The request in an API Gateway event; `AttuneError` for a body that is not what its encoding says."""
    described = event.get("requestContext", {}).get("http", {})
    return Request(
        route=event.get("routeKey", "$default"),
        method=described.get("method", ""),
        path=event.get("rawPath", ""),
        parameters=path_parameters(event.get("pathParameters") or {}),
        raw_query=event.get("rawQueryString") or "",
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): text for name, text in (event.get("headers") or {}).items()},
        body=_body(event),
    )


def path_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The gateway has decoded the path once, every escape but `%25`: undo exactly that one.

    Unquoting again would turn a literal `%41` in a value into `A`.
    """
    return {name: text.replace("%25", "%") for name, text in parameters.items()}


def reply(response: Response) -> dict[str, Any]:
    """As API Gateway wants it."""
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **response.headers},
        "body": msgspec.json.encode(response.body).decode() if response.text is None else response.text,
    }


def refusal(error: AttuneError) -> Response:
    """`{"code", "message"}` with the error's status, and `Retry-After` where it has one."""
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return Response(status=error.status, body={"code": error.code, "message": error.message}, headers=headers)


def _unavailable() -> Response:
    message = "a service that this takes cannot be reached; send the same request again"
    return refusal(AttuneError("unavailable", message, status=503, retry_after=RETRY_AFTER))


def not_found() -> AttuneError:
    """For the `$default` route, where the gateway also sends a known path with another method."""
    return AttuneError("not_found", "no such route", status=404)


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of `Authorization: Bearer`, or None."""
    return _credentials(headers, "bearer")


def basic_user(headers: Mapping[str, str]) -> str | None:
    """The user of `Authorization: Basic`, with or without colon and password; None where there is none."""
    encoded = _credentials(headers, "basic")
    if encoded is None:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[0]


def _credentials(headers: Mapping[str, str], scheme: str) -> str | None:
    found, _, rest = headers.get("authorization", "").strip().partition(" ")
    return rest.strip() if found.lower() == scheme else None


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        # What is no UTF-8 must reach the reader as what it is, and be refused there.
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise AttuneError("invalid_body", "the body is not base64 as declared") from None
