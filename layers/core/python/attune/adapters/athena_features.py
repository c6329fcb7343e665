"""`FeatureTable` by Athena: one query over the compacted lake, its result read where Athena laid it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from attune.adapters.athena_queries import AthenaQueries

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_s3 import S3Client

FEATURES: Final = (Path(__file__).parent / "queries" / "features.sql").read_text()


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
    """As `AthenaQueries`."""

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
        self._queries = AthenaQueries(athena, workgroup=workgroup, database=database, bucket=bucket, pause=pause)

    def build(self, cutoff: int, run: str) -> str:
        """The key of the result. `QueryFailedError`, `QueryUnfinishedError`."""
        return self._queries.run(features_query(cutoff, run))


def features_query(cutoff: int, run: str) -> str:
    """`features.sql` as of `cutoff`; a parameter of Athena's own would not do, for the local cloud has none.

    The run stands above it, so that it can be told in Athena's history.
    """
    return f"-- learning run {' '.join(run.split())}\n" + FEATURES.replace(":cutoff", f"{cutoff:d}")
