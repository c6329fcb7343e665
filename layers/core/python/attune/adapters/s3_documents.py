"""`Documents` in one S3 bucket."""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def documents_config() -> Config:
    """For who makes addresses: S3 shows what lies under our own key to nobody who signs in the old way."""
    return Config(signature_version="s3v4")


class S3Documents:
    """Readers need `s3:ListBucket` beside `s3:GetObject`: without it S3 answers 403 for what is not there."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, data: bytes | IO[bytes], content_type: str = "application/json") -> None:
        """One request."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def get(self, key: str) -> bytes | None:
        """S3 reads are consistent."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        with closing(found["Body"]) as body:
            return body.read()

    def keys(self, prefix: str) -> list[str]:
        """One listing, a request for every 1,000."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def url(self, key: str, seconds: int) -> str:
        """Signed with the caller's own credentials; it ends with them, if they end sooner."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
        )
