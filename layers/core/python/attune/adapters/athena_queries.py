"""Queries of the compacted lake by Athena, and their results where Athena lays them.

On AWS every value of a result is in quotes, on the local cloud only those that need them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from attune.ports.rebuilding import LakeSlowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_athena import AthenaClient

#: executions of one call, where Athena says that trying again may help
_TRIES: Final = 3
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
#: seconds
PATIENCE: Final = 600.0


class QueryFailedError(Exception):
    """Athena could not run the query; the message holds its reason, which may quote a value and is not for logs."""


class QueryUnfinishedError(LakeSlowError):
    """It still runs, after all the time we wait for one."""


class AthenaQueries:
    """The tables `events` and `profiles` of `database`; the work group says where in `bucket` results are laid."""

    def __init__(
        self,
        athena: AthenaClient,
        *,
        workgroup: str,
        database: str,
        bucket: str,
        pause: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
        reuse: int = 0,
    ) -> None:
        """`patience`: seconds that a query is waited for. `reuse`: minutes for which an answer of Athena's is good."""
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._bucket = bucket
        self._pause = pause
        self._patience = patience
        by_age = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": reuse}}
        self._reuse: Any = {"ResultReuseConfiguration": by_age} if reuse else {}

    def run(self, query: str) -> str:
        """The key of the result. `QueryFailedError`, `QueryUnfinishedError`.

        A step that is tried again asks again: a token of the run's would be answered with the execution that failed.
        """
        reason = ""
        for _ in range(_TRIES):
            execution = self._finished(self._start(query))
            status = execution["Status"]
            if status["State"] == "SUCCEEDED":
                return self._key(execution["ResultConfiguration"]["OutputLocation"])
            reason = f"{status['State']}: {status.get('StateChangeReason', 'no reason given')}"
            if not status.get("AthenaError", {}).get("Retryable"):
                break
        raise QueryFailedError(reason)

    def _start(self, query: str) -> str:
        answer = self._athena.start_query_execution(
            QueryString=query,
            QueryExecutionContext={"Database": self._database},
            WorkGroup=self._workgroup,
            **self._reuse,
        )
        return answer["QueryExecutionId"]

    def _finished(self, execution_id: str) -> Any:
        for pause in _pauses(self._patience):
            execution = self._athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return execution
            self._pause(pause)
        raise QueryUnfinishedError(execution_id)

    def _key(self, location: str) -> str:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if bucket != self._bucket:
            raise QueryFailedError(f"the work group lays its results in {bucket}, not in the lake")
        return key


def _pauses(patience: float) -> Iterator[float]:
    pause, waited = _FIRST_PAUSE, 0.0
    while waited < patience:
        yield pause
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE)
