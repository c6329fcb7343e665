"""What a caller did wrong, as one exception with a stable code; everything else that raises is a fault to retry."""

from __future__ import annotations


class AttuneError(Exception):
    """A caller's mistake. `code` is part of the public API and never changes; `status` is its HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        #: seconds, sent as `Retry-After`
        self.retry_after = retry_after
