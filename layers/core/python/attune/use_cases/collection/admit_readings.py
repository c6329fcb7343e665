"""A reading of a webhook, or of what came back out of quarantine: which of its events are admitted, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune.domain.events import Event, Rejected

if TYPE_CHECKING:
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
    from attune.sources.webhooks import Call, Format, Reading
    from attune.use_cases.collection.admit_events import AdmitEvents


class Admitted(NamedTuple):
    """`made`: internal events of ours, such as statements of consent, also of what is refused."""

    made: list[Event]
    events: list[Event]
    rejected: list[Rejected]


def admit_reading(admit: AdmitEvents, said: Reading, body: bytes, source: Source, definitions: Definitions) -> Admitted:
    """Events in their final form, and what is refused: by the reader, or now. Of several each has its own bytes."""
    made = [admit.form(one, source) for one in said.made]
    events: list[Event] = []
    rejected: list[Rejected] = list(said.rejected)
    several = len(said.raws) == len(said.events)
    for number, one in enumerate(said.events):
        match admit(one, said.raws[number] if several else body, source, definitions):
            case Event() as event:
                events.append(event)
            case Rejected() as refused:
                rejected.append(kept_with(refused, {"item": True}) if several else refused)
                made += admit.words(one, source)
    return Admitted(made, events, rejected)


def kept_with(refused: Rejected, how: Mapping[str, Any]) -> Rejected:
    """With more of what reading it again takes."""
    return msgspec.structs.replace(refused, how={**how, **refused.how}) if how else refused


def webhook_how(call: Call, sender: Format) -> dict[str, Any]:
    """What reading a webhook again takes beside its bytes: the headers that its format looks at."""
    headers = {name: call.headers[name] for name in sorted(sender.reads) if name in call.headers}
    return {"headers": headers} if headers else {}
