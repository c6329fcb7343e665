"""`Documents` in memory."""

from __future__ import annotations

from typing import IO


class MemoryDocuments:
    """By key."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[bytes, str]] = {}

    def put(self, key: str, data: bytes | IO[bytes], content_type: str = "application/json") -> None:
        """In place of what lay there."""
        self.documents[key] = (data if isinstance(data, bytes) else data.read(), content_type)

    def get(self, key: str) -> bytes | None:
        """None where there is none."""
        found = self.documents.get(key)
        return found[0] if found else None

    def keys(self, prefix: str) -> list[str]:
        """In order."""
        return sorted(key for key in self.documents if key.startswith(prefix))

    def url(self, key: str, seconds: int) -> str:
        """Leads nowhere."""
        return f"memory:{key}?seconds={seconds}"
