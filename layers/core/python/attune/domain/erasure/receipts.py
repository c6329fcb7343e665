"""The receipt of an erasure: what was found where and what became of it, chained to the one before. Names nobody."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

FOLDER: Final = "receipts/"
#: the newest receipt's number and digest
HEAD: Final = f"{FOLDER}head.json"
#: where the counts of a sweep lie until the receipt is written
SWEEPS: Final = "sweeps/"

#: what was looked through, in order, and what every receipt says of it
STORES: Final = {
    "profiles": (
        "tombstones without content, whose data keys are destroyed; marks on identity keys refuse what comes late"
    ),
    "deliveries": (
        "messages, with their text and their outcome; of those that others keep who were one with them, the text"
    ),
    "pages": "hashes of message ids that the profile remembered",
    "quarantine": "input that was refused, how it came, what was tried with it; found by the person's identifiers",
    "failures": "batches that a consumer gave up on: the person's records are cut out, the rest can be replayed",
    "imports": "dropped files: the person's rows are cut out of those that were read; tables that hold any are removed",
    "lake": "rows of events: kept without person and content, to be counted; rows of merges and scores are gone",
    "lake_errors": "rows that could not be laid down in the lake",
    "queries": "answers of queries over the lake",
    "exports": "what was made to be shown to the person",
    "versions": "earlier versions of objects in the lake, of its tables and of what was made to be shown",
}


#: what no sweep reaches: for how many days it may hold something of the person (0: as long as the stream), and why
LASTING: Final = {
    "stream": (0, "records cannot be taken out; whoever reads them refuses them, and keeps no refused input anew"),
    "tables": (7, "point-in-time recovery of the tables, under the company's key"),
    "inputs": (28, "input that names the person by nothing known, or was put aside after the sweep, expires by then"),
    "lake": (3, "rows that Firehose could not lay down at once: no table shows them, and they are swept by then"),
    "changes": (1, "the profile table's stream of changes"),
    "access_logs": (90, "S3's access logs hold the names of dropped files"),
    "logs": (30, "logs and metrics hold pseudonyms and no content"),
    "models": (30, "versions that may have seen the person: any sound one takes their place, and none serves longer"),
    "histories": (90, "Step Functions keeps what runs were given: pseudonyms and names of dropped files, no content"),
}


class Swept(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Of one store: objects or items in which the person was found, what became of them, what is left to be done.

    `unreadable`: objects that cannot be looked into; they stay, and whoever runs the deployment is told.
    """

    found: int = 0
    removed: int = 0
    rewritten: int = 0
    left: int = 0
    unreadable: int = 0


class SeenBy(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose training may have seen the person.

    `serves`: it is the champion, until a sound one replaces it or it expires.
    """

    model: str
    version: str
    serves: bool = False


class Sweep(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the sweeps of a request have come to so far. Times in ms."""

    stores: dict[str, Swept] = {}
    models: tuple[SeenBy, ...] = ()
    begun_at: int = 0
    ended_at: int = 0

    @property
    def left(self) -> int:
        """What another sweep must see to."""
        return sum(one.left for one in self.stores.values())


class Horizon(msgspec.Struct, frozen=True, kw_only=True):
    """Until when (ISO 8601) something of the person may still lie somewhere, and why."""

    store: str
    until: str
    why: str


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """`Swept` with what is said of the store."""

    found: int
    removed: int
    rewritten: int
    left: int
    unreadable: int
    note: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept for good. `profiles`, `identifiers`: how many the request came to. Times are ISO 8601.

    `number` counts receipts from 1; `previous` is the digest of the one before, empty of the first; `digest` covers
    everything else.
    """

    request_id: str
    kind: str
    variant: str
    suppressed: bool
    received_at: str
    erased_at: str
    swept_at: str
    issued_at: str
    profiles: int
    identifiers: int
    stores: dict[str, Store]
    models: tuple[SeenBy, ...]
    horizons: tuple[Horizon, ...]
    number: int
    previous: str
    digest: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Of the chain: its newest receipt. `number` 0: there is none yet."""

    number: int = 0
    request_id: str = ""
    digest: str = ""


def receipt_key(request_id: str) -> str:
    """Of the document."""
    return f"{FOLDER}{request_id}.json"


def sweep_key(request_id: str) -> str:
    """Of the counts."""
    return f"{SWEEPS}{request_id}.json"


def stores_of(sweep: Sweep) -> dict[str, Store]:
    """Every store that was looked through, also where nothing was found."""
    return {
        name: Store(
            found=one.found,
            removed=one.removed,
            rewritten=one.rewritten,
            left=one.left,
            unreadable=one.unreadable,
            note=note,
        )
        for name, note in STORES.items()
        for one in [sweep.stores.get(name, Swept())]
    }


def sealed(receipt: Receipt) -> Receipt:
    """With its digest: SHA-256 over its canonical JSON without it."""
    return msgspec.structs.replace(receipt, digest=digest_of(receipt))


def digest_of(receipt: Receipt) -> str:
    """What its digest must be, in hex."""
    bare = msgspec.to_builtins(receipt)
    del bare["digest"]
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()


def encode_receipt(receipt: Receipt) -> bytes:
    """JSON for people."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2)


def decode_receipt(data: bytes) -> Receipt:
    """Raises `msgspec.MsgspecError` for anything else."""
    return msgspec.json.decode(data, type=Receipt)
