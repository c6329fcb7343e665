"""What AWS says when it is out of reach or cannot keep up: the same call, sent again later, may well succeed."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 (botocore's name for it)

_SERVER_ERROR: Final = 500
_THROTTLED: Final = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class ThrottledError(Exception):
    """The table kept leaving keys of a batch unread."""


def is_outage(error: Exception) -> bool:
    """Throttling, faults of the service, silence. A missing permission or table does not pass by itself: it is ours."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR or error.response.get("Error", {}).get("Code") in _THROTTLED
    return isinstance(error, (ConnectionError, HTTPClientError, ThrottledError))
