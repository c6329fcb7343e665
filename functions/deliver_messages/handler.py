"""The delivery queue → one signed webhook each, tried again on a schedule."""

from typing import Any

from attune.runtime.queues import queue_messages
from attune.runtime.settings.path import DeliverMessagesSettings
from attune.runtime.streams import item_failures
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.deliver_messages import deliver_messages

telemetry = Telemetry("deliver_messages")
deliver = deliver_messages(DeliverMessagesSettings.from_env(), telemetry)


@telemetry.observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What is not acknowledged comes again: at its next attempt, or after the queue's visibility timeout."""
    return item_failures(deliver(queue_messages(event)))
