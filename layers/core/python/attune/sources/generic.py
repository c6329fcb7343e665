"""Webhooks of any sender that sends JSON: proof by a scheme (`sources/signed.py`), content by a mapping."""

from __future__ import annotations

from attune.domain.definitions.sources import Source
from attune.domain.events import Rejected
from attune.sources import payloads
from attune.sources.mapped import read_document
from attune.sources.payloads import UnreadableError
from attune.sources.webhooks import Call, Reading


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says, by the source's mapping; `unknown_topic` where it has none."""
    if source.mapping is None:
        return Reading(rejected=(Rejected(reason="unknown_topic", raw=call.body),))
    try:
        document = payloads.read_json(call.body)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=call.body),))
    return read_document(document, source.mapping, source, received_at, raw=call.body, item=call.item)
