"""What clients ask before they send: the answers under which they start, send to us and report to nobody else."""

from __future__ import annotations

from typing import Any

from attune.domain.definitions.sources import Source


def segment_settings(write_key: str, protocol: str, host: str) -> dict[str, Any]:
    """For analytics.js (`GET /v1/projects/{writeKey}/settings`): one integration, ours, and no remote plugin.

    `metrics`: at a sample rate of 0 the client sends no measurements to Segment.
    """
    ours: dict[str, Any] = {"apiKey": write_key, "protocol": protocol, "retryQueue": True}
    if host:
        ours["apiHost"] = f"{host}/v1"
    return {
        "integrations": {"Segment.io": ours},
        "plan": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [],
    }


def rudder_config(source: Source, write_key: str) -> dict[str, Any]:
    """For RudderStack's clients (`GET /sourceConfig`): enabled, no destinations, no statistics to RudderStack."""
    silent = {"enabled": False}
    return {
        "source": {
            "id": source.id,
            "name": source.id,
            "writeKey": write_key,
            "enabled": True,
            "config": {"statsCollection": {"errors": silent, "metrics": silent}},
            "destinations": [],
            "connections": [],
        }
    }
