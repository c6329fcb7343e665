"""What a person, or a shop for them, asks about their data; the law gives 30 days."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import msgspec

from attune.domain.identifiers import DAY, Identifier

#: ms from its receipt until a request must be done with
TERM: Final = 30 * DAY

#: `access`: show what is held, for people and for machines; `rectification`: correct traits; `erasure`: forget the
#: person; `shop_erasure`: forget everybody a shop sent; `restriction`: keep, and use for nothing; `suppression`: take
#: nothing in of them; the last two with their ends
type Kind = Literal[
    "access", "rectification", "erasure", "shop_erasure",
    "restriction", "restriction_end", "suppression", "suppression_end",
]  # fmt: skip
#: `received` waits for the privacy officer's word; `running` is under way; the others are over
type State = Literal["received", "running", "done", "refused"]
#: of an erasure: `anonymise` keeps what counts and tells of nobody
type Variant = Literal["delete", "anonymise"]


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as it came. `identifiers`: whom it is about, strongest first; empty where it is about all of a shop.

    `request_id`: 32 hex digits, the same whenever its sender repeats it. `reference`: the sender's own number of it.
    `orders`: the orders that it names, by their numbers at the sender. Times in ms. What is over names nobody any more:
    `identifiers`, `orders`, `traits`, `reference` are empty, `outcome` says how many there were and what was done.
    """

    request_id: str
    kind: Kind
    source: str
    received_at: int
    identifiers: tuple[Identifier, ...] = ()
    reference: str = ""
    orders: tuple[str, ...] = ()
    state: State = "received"
    variant: Variant = "delete"
    #: of an erasure: take nothing in of the person from now on, either
    suppress: bool = False
    #: of a rectification: traits as they should be, null for one that should not be there
    traits: dict[str, Any] = {}
    #: when it was begun and when it was over, ms; 0 before
    started_at: int = 0
    ended_at: int = 0
    #: what was done, in counts and keys of documents; names nobody
    outcome: dict[str, Any] = {}

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
