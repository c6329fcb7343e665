"""The only maker of loggers and metrics. What is logged is chosen key by key, never a payload.

An exception's message may quote what it choked on, so failures are logged by type, place and AWS error code, and
what leaves the handler is a `FunctionFailedError` that says no more than that.
"""

from __future__ import annotations

import functools
import itertools
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from attune.runtime.clock import now

NAMESPACE: Final = "Attune"
#: unexpected failures, of all functions together and whatever the reason: an alarm cannot search over dimensions, and
#: is paid for by the metric. The name it has in place of a function's is EVERYWHERE.
FAILURES: Final = "Failures"
EVERYWHERE: Final = "attune"
#: names that are written beside a count but are no dimension: of each of their values CloudWatch would make a metric of
#: its own, at $0.30 a month. The metric is of all together; CloudWatch Logs Insights tells them apart.
PROPERTIES: Final = frozenset({"segment", "event", "action"})
#: values of one line; CloudWatch reads 100
_MAX_VALUES: Final = 99
_FRAMES: Final = 12

type Handler = Callable[[dict[str, Any], Any], Any]


class FunctionFailedError(Exception):
    """Stands for an exception that ended a handler; the log line before it says where."""


class Telemetry:
    """Logger and metrics of one function."""

    def __init__(self, function: str) -> None:
        self.logger: Final = Logger(service=function)
        self._function: Final = function
        self._counts: Final[dict[tuple[tuple[str, str], ...], Counter[str]]] = {}
        self._delays: Final[dict[str, list[int]]] = {}
        self._failures = 0

    def count(self, name: str, value: int, dimensions: Mapping[str, Any]) -> None:
        """Adds to a metric; it is sent at the end of the invocation. Matches `ports.Count`.

        Dimensions are closed sets or names that operators chose (source, reason), never data of a request. Those of
        `PROPERTIES` split no metric.
        """
        key = tuple(sorted((dimension, str(text)) for dimension, text in dimensions.items() if text != ""))
        self._counts.setdefault(key, Counter())[name] += value

    def elapsed(self, name: str, since: int) -> None:
        """Adds to a metric how long ago an instant was, ms. Matches `ports.Elapsed`."""
        self._delays.setdefault(name, []).append(max(0, now() - since))

    def observed(self, handler: Handler) -> Handler:
        """Decorates a Lambda handler: context keys in every log line, metrics also on failure."""
        return self.logger.inject_lambda_context(self._guarded(handler), log_event=False, clear_state=True)

    def failed(self, failure: BaseException) -> None:
        """Logs an unexpected exception without its message, and counts it among the `Failures`."""
        self._failures += 1
        self.logger.error("unexpected failure", **describe(failure))

    def flush(self) -> None:
        """Writes what was counted as one EMF line for each set of dimensions."""
        for dimensions, counts in self._counts.items():
            _write(self._function, dimensions, counts)
        self._counts.clear()
        for name, delays in self._delays.items():
            for chunk in itertools.batched(delays, _MAX_VALUES, strict=False):
                _write_delays(self._function, name, chunk)
        self._delays.clear()
        if self._failures:
            _write(EVERYWHERE, (), {FAILURES: self._failures})
            self._failures = 0

    def _guarded(self, handler: Handler) -> Handler:
        @functools.wraps(handler)
        def run(event: dict[str, Any], context: Any) -> Any:
            try:
                return handler(event, context)
            except Exception as failure:  # noqa: BLE001 (the outermost frame: its message must not be logged)
                self.failed(failure)
                raise FunctionFailedError(type(failure).__qualname__) from None
            finally:
                self.flush()

        return run


def _write(service: str, dimensions: Iterable[tuple[str, str]], counts: Mapping[str, int]) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    for dimension, text in dimensions:
        if dimension in PROPERTIES:
            metrics.add_metadata(dimension, text)
        else:
            metrics.add_dimension(dimension, text)
    for name, value in counts.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    metrics.flush_metrics()


def _write_delays(service: str, name: str, delays: Iterable[int]) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    for delay in delays:
        metrics.add_metric(name, MetricUnit.Milliseconds, delay)
    metrics.flush_metrics()


def describe(failure: BaseException) -> dict[str, Any]:
    """Type, innermost frames and, for an AWS error, its code: nothing that could quote a payload."""
    frames = traceback.extract_tb(failure.__traceback__)[-_FRAMES:]
    described: dict[str, Any] = {
        "error": type(failure).__qualname__,
        "at": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    response = getattr(failure, "response", None)
    if isinstance(response, dict):
        described["aws_code"] = str(response.get("Error", {}).get("Code", ""))
    return described
