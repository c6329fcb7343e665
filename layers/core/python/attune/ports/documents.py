"""Documents that are written once and shown to people: receipts, digests, exports."""

from __future__ import annotations

from typing import IO, Protocol


class Documents(Protocol):
    """By key, such as `receipts/<request>.json`; written whole."""

    def put(self, key: str, data: bytes | IO[bytes], content_type: str = "application/json") -> None:
        """In place of what lay there; versions before are kept. A file is read from where it stands to its end."""
        ...

    def get(self, key: str) -> bytes | None:
        """None where there is none."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """All that begin so, in order."""
        ...

    def url(self, key: str, seconds: int) -> str:
        """An address that shows the document to whoever has it, for so long; whether it exists is not asked."""
        ...
