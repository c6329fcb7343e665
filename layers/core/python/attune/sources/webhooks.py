"""What senders of webhooks have in common: a call, proof of where it comes from, what it says, how it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from attune.domain.events import Event, Rejected
from attune.domain.privacy.requests import PrivacyRequest

if TYPE_CHECKING:
    from attune.domain.definitions.sources import Source


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it came: header names in lower case, the raw body, the query as it was written and as read.

    `item`: what comes out of quarantine may be one of the several things that a body held; then `body` is that alone.
    """

    method: str = "POST"
    headers: dict[str, str] = {}
    raw_query: str = ""
    query: dict[str, str] = {}
    body: bytes = b""
    item: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a call says. `made`: internal events of ours, such as statements of consent; they come before the events.

    `raws`: the bytes of each event, where the body holds several; else the body is each one's. What is refused is kept
    by these, and read again as an `item`. `requests`: what somebody asks for about their data; the call is acknowledged
    once these are stored too.
    """

    events: tuple[Event, ...] = ()
    raws: tuple[bytes, ...] = ()
    made: tuple[Event, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    requests: tuple[PrivacyRequest, ...] = ()


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 200 as its sender wants it."""

    text: str
    content_type: str


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One sender's ways.

    `proves`: whether a call comes from the source, given its live secrets and the time (ms); it answers for any bytes
    and never raises. `read` gets a proven call and never raises either: what it cannot read is `rejected`.
    `reads`: the headers that it looks at, in lower case: what is refused is kept together with them.
    `accepted`: how the sender hears that everything is stored; without it, `{"success": true}`.
    """

    proves: Callable[[Call, Source, Sequence[str], int], bool]
    read: Callable[[Call, Source, int], Reading]
    reads: frozenset[str] = frozenset()
    accepted: Acknowledgement | None = None
