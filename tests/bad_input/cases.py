"""What a named case of bad input is: a request, and what must become of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KB = 1024
TRACK: dict[str, Any] = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}
ACCEPTED = "accepted"


@dataclass(frozen=True)
class Case:
    """`refused`: the answer's status and code. Else it is answered 200, and `becomes` says of each of its calls, in
    order, `accepted` or the reason for which it lies in quarantine. `says`: fields of the stored event, as the sender
    would put them (of the first accepted one). `headers` replace those of the runner; `encoded`: the body as the
    gateway hands it over, where that is not by the book.
    """

    name: str
    body: bytes
    path: str = "track"
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[int, str] | None = None
    becomes: tuple[str, ...] = (ACCEPTED,)
    says: Mapping[str, Any] = field(default_factory=dict)
    encoded: str | None = None

    def __str__(self) -> str:
        return self.name


def dump(value: Any) -> bytes:
    """JSON in UTF-8, nothing escaped that need not be, so that bytes are what a client would send."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def track(**fields: Any) -> bytes:
    """A track call; a field that is `...` is left out."""
    return dump({name: value for name, value in (TRACK | fields).items() if value is not ...})


def spliced(field_text: str) -> bytes:
    """A track call with one more member, as JSON text."""
    return dump(TRACK)[:-1] + b"," + field_text.encode("utf-8", "surrogatepass") + b"}"


def batch(items: Iterable[bytes], more: bytes = b"") -> bytes:
    return b'{"batch":[' + b",".join(items) + b"]" + (b"," + more if more else b"") + b"}"


def sized(size: int, **fields: Any) -> bytes:
    """A track call of exactly `size` bytes."""
    empty = track(**fields, properties={"pad": ""})
    return empty.replace(b'"pad": ""', b'"pad": "' + b"x" * (size - len(empty)) + b'"')
