"""Between the gateway's request and the call that a sender of webhooks made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune.runtime.http import Response
from attune.sources.salesforce_messages import NOT_STORED
from attune.sources.webhooks import Call

if TYPE_CHECKING:
    from attune.runtime.http import Request
    from attune.runtime.telemetry import Handler
    from attune.sources.webhooks import Acknowledgement


def call_of(request: Request) -> Call:
    """All that a signature may cover and a format may read."""
    return Call(
        method=request.method,
        headers=request.headers,
        raw_query=request.raw_query,
        query=request.query,
        body=request.body,
    )


def told(accepted: Acknowledgement | None) -> Response:
    """200: the webhook is stored."""
    if accepted is None:
        return Response(body={"success": True})
    return Response(text=accepted.text, headers={"content-type": accepted.content_type})


def in_soap(handler: Handler) -> Handler:
    """The handler, with any answer but 200 in the words of a sender that speaks SOAP: not acknowledged."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        answer: dict[str, Any] = handler(event, context)
        sent = {name.lower(): text for name, text in (event.get("headers") or {}).items()}
        if answer["statusCode"] == 200 or not sent.get("content-type", "").startswith("text/xml"):  # noqa: PLR2004
            return answer
        headers = answer["headers"] | {"content-type": NOT_STORED.content_type}
        return answer | {"body": NOT_STORED.text, "headers": headers}

    return handle
