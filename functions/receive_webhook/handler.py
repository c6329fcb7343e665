"""POST /v1/webhooks/{source}: what shops, CRMs and others send."""

from attune.runtime.clock import now
from attune.runtime.http import Request, Response, endpoint_handler, not_found
from attune.runtime.settings.path import ReceiveWebhookSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.webhook_calls import call_of, in_soap, told
from attune.runtime.wiring.receive_webhook import receive_webhook

telemetry = Telemetry("receive_webhook")
receive = receive_webhook(ReceiveWebhookSettings.from_env(), telemetry.count)


def answer(request: Request) -> Response:
    """200 says that the webhook is stored."""
    if request.route != "POST /v1/webhooks/{source}":
        raise not_found()
    return told(receive(request.parameters.get("source", ""), call_of(request), now()))


handler = in_soap(endpoint_handler(telemetry, answer))
