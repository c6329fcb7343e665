"""The profiles table's stream events as the records that `run_campaigns` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune.use_cases.campaigns.run_campaigns import OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Iterator


def outbox_records(event: dict[str, Any]) -> list[OutboxRecord]:
    """Those that carry an outbox, in the order of the shard; a deletion has no new image and causes nothing."""
    return list(_records(event))


def _records(event: dict[str, Any]) -> Iterator[OutboxRecord]:
    for record in event["Records"]:
        change = record["dynamodb"]
        image = change.get("NewImage", {})
        if "S" in image.get("outbox", {}) and "S" in image.get("profile_id", {}):
            yield OutboxRecord(
                profile_id=image["profile_id"]["S"], sequence=change["SequenceNumber"], outbox=image["outbox"]["S"]
            )
