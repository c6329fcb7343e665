"""What a person, or a shop for them, asks about their data; the law gives 30 days."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import msgspec

from attune.domain.identifiers import DAY, Identifier

#: ms from its receipt until a request must be done with
TERM: Final = 30 * DAY

#: `access`: show what is held; `erasure`: forget the person; `shop_erasure`: forget everybody a shop sent
type Kind = Literal["access", "erasure", "shop_erasure"]
type State = Literal["received"]


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as it came. `identifiers`: whom it is about, strongest first; empty where it is about all of a shop.

    `request_id`: 32 hex digits, the same whenever its sender repeats it. `reference`: the sender's own number of it.
    `orders`: the orders that it names, by their numbers at the sender. Times in ms.
    """

    request_id: str
    kind: Kind
    source: str
    received_at: int
    identifiers: tuple[Identifier, ...] = ()
    reference: str = ""
    orders: tuple[str, ...] = ()
    state: State = "received"

    @property
    def due_at(self) -> int:
        """When it must be done with."""
        return self.received_at + TERM


def request_id(*parts: str | bytes) -> str:
    """Of everything that tells a request from others: two of one id would be one request lost, so 128 bits."""
    framed: list[bytes] = []
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        framed += (len(data).to_bytes(4, "big"), data)
    return hashlib.blake2b(b"".join(framed), digest_size=16).hexdigest()
