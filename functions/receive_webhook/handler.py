"""POST /v1/webhooks/{source}: shops' signed webhooks."""

from attune.runtime.clock import now
from attune.runtime.http import Request, Response, endpoint_handler, not_found
from attune.runtime.settings import ReceiveWebhookSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.receive_webhook import receive_webhook
from attune.use_cases.receive_webhook import Notice

telemetry = Telemetry("receive_webhook")
receive = receive_webhook(ReceiveWebhookSettings.from_env(), telemetry.count)


def answer(request: Request) -> Response:
    """200 says that the webhook is stored."""
    if request.route != "POST /v1/webhooks/{source}":
        raise not_found()
    headers = request.headers
    notice = Notice(
        source=request.parameters.get("source", ""),
        body=request.body,
        signature=headers.get("x-shopify-hmac-sha256", ""),
        topic=headers.get("x-shopify-topic", ""),
        shop=headers.get("x-shopify-shop-domain", ""),
    )
    receive(notice, now())
    return Response(body={"success": True})


handler = endpoint_handler(telemetry, answer)
