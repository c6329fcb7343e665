"""`FeatureTable` by Athena: one query over the compacted lake, its result read where Athena laid it.

On AWS every value of a result is in quotes, on the local cloud only those that need them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_s3 import S3Client

FEATURES: Final = (Path(__file__).parent / "queries" / "features.sql").read_text()
#: executions of one call, where Athena says that trying again may help
_TRIES: Final = 3
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
#: seconds
_PATIENCE: Final = 600.0


class QueryFailedError(Exception):
    """Athena could not run the query; the message holds its reason, which may quote a value and is not for logs."""


class QueryUnfinishedError(Exception):
    """It still runs, after all the time we wait for one."""


class S3FeatureRows:
    """`FeatureRows` where Athena laid them."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, location: str, start: int, size: int) -> bytes:
        """A range of the object."""
        if size <= 0:
            return b""
        wanted = f"bytes={start}-{start + size - 1}"
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=location, Range=wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":
                return b""
            raise
        return answer["Body"].read()


class AthenaFeatures(S3FeatureRows):
    """The tables `events` and `profiles` of `database`; the work group says where in `bucket` results are laid."""

    def __init__(
        self,
        athena: AthenaClient,
        s3: S3Client,
        *,
        workgroup: str,
        database: str,
        bucket: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(s3, bucket)
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._pause = pause

    def build(self, cutoff: int, run: str) -> str:
        """The key of the result. `QueryFailedError`, `QueryUnfinishedError`.

        A step that is tried again asks again: a token of the run's would be answered with the execution that failed.
        """
        query = features_query(cutoff, run)
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
            QueryString=query, QueryExecutionContext={"Database": self._database}, WorkGroup=self._workgroup
        )
        return answer["QueryExecutionId"]

    def _finished(self, execution_id: str) -> Any:
        for pause in _pauses():
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


def features_query(cutoff: int, run: str) -> str:
    """`features.sql` as of `cutoff`; a parameter of Athena's own would not do, for the local cloud has none.

    The run stands above it, so that it can be told in Athena's history.
    """
    return f"-- learning run {' '.join(run.split())}\n" + FEATURES.replace(":cutoff", f"{cutoff:d}")


def _pauses() -> Iterator[float]:
    pause, waited = _FIRST_PAUSE, 0.0
    while waited < _PATIENCE:
        yield pause
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE)
