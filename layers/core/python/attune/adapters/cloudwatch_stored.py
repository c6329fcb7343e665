"""`Stored` over what CloudWatch holds: log lines of some groups, names and dimensions of metrics."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.ports.stored import Page, Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

#: pages of one group, of at most 1 MB or 10,000 lines each, and often far less: some gigabytes
_MOST: Final = 5_000


class LogsStored:
    """All groups whose names begin with one of the prefixes. Of a group with far more than others the rest is missed.

    CloudWatch forgets lines by itself when a group's retention is over.
    """

    def __init__(self, client: CloudWatchLogsClient, prefixes: Sequence[str]) -> None:
        self._client = client
        self._prefixes = prefixes
        self._names: list[str] = []

    def page(self, position: str) -> Page:
        """The position is a group, a token in it and how many pages were before."""
        group, token, pages = msgspec.json.decode(position, type=tuple[str, str, int]) if position else ("", "", 0)
        if not group and not (group := self._after("")):
            return Page([], "")
        more: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            answer = self._client.filter_log_events(logGroupName=group, **more)
        except self._client.exceptions.ResourceNotFoundException:  # gone since, with all it held
            return Page([], self._behind(group))
        pieces = _pieces(group, answer.get("events", ()))
        token = answer.get("nextToken", "")
        if token and pages + 1 < _MOST:
            return Page(pieces, _position(group, token, pages + 1))
        return Page(pieces, self._behind(group), missed=1 if token else 0)

    def _behind(self, group: str) -> str:
        following = self._after(group)
        return _position(following, "", 0) if following else ""

    def _after(self, group: str) -> str:
        """The next group by name, or ""."""
        if not self._names:
            paginator = self._client.get_paginator("describe_log_groups")
            pages = (page for prefix in self._prefixes for page in paginator.paginate(logGroupNamePrefix=prefix))
            self._names = sorted({one["logGroupName"] for page in pages for one in page["logGroups"]})
        return next((name for name in self._names if name > group), "")


class MetricsStored:
    """All metrics of one namespace: their names, and their dimensions with the values."""

    def __init__(self, client: CloudWatchClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def page(self, position: str) -> Page:
        """The position is CloudWatch's own token."""
        more: dict[str, Any] = {"NextToken": position} if position else {}
        answer = self._client.list_metrics(Namespace=self._namespace, **more)
        pieces = [Piece(one["MetricName"], [msgspec.json.encode(one)]) for one in answer["Metrics"]]
        return Page(pieces, answer.get("NextToken", ""))


def _pieces(group: str, events: Sequence[Any]) -> list[Piece]:
    """A stream's lines together: one by one they would take far longer to look through."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        lines[event["logStreamName"]].append(event["message"])
    return [
        Piece(f"{group} {stream}", ["\n".join(told).encode("utf-8", "surrogatepass")]) for stream, told in lines.items()
    ]


def _position(group: str, token: str, pages: int) -> str:
    return msgspec.json.encode((group, token, pages)).decode()
