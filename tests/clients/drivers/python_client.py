"""Sends what it is told with `segment-analytics-python` or RudderStack's fork of it, and answers which errors it heard.

Argument: the package, `segment` or `rudderstack`. Scenarios come as JSON on stdin, answers go out a line each.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import import_module
from typing import Any

Client = import_module(f"{sys.argv[1]}.analytics.client").Client
NAMES = {
    "event": "event",
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "name": "name",
    "category": "category",
    "properties": "properties",
    "traits": "traits",
    "context": "context",
    "integrations": "integrations",
}


def run(scenario: dict[str, Any]) -> dict[str, Any]:
    """One client, all calls, one flush."""
    errors: list[str] = []
    client = Client(
        scenario["key"],
        host=scenario["url"],
        gzip=scenario["gzip"],
        timeout=4,
        upload_interval=0.2,
        on_error=lambda error, _: errors.append(str(error)),
    )
    kept = {}
    for call in scenario["calls"]:
        fields = {NAMES[name]: value for name, value in call.items() if name in NAMES}
        if call["type"] == "alias":
            del fields["anonymous_id"]
        if "timestamp" in call:
            fields["timestamp"] = datetime.fromisoformat(call["timestamp"])
        _, said = getattr(client, call["type"])(**fields)
        kept[call["context"]["mark"]] = said["messageId"]
    client.flush()
    client.shutdown()
    return {"name": scenario["name"], "errors": errors, "kept": kept}


if __name__ == "__main__":
    with ThreadPoolExecutor(max_workers=16) as threads:
        for answer in threads.map(run, json.load(sys.stdin)):
            print(json.dumps(answer), flush=True)  # noqa: T201
