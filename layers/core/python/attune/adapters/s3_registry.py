"""`Registry` in one S3 bucket; the pointer moves by conditional writes, its ETag is its tag.

`models/<name>/<version>/{model.json,metrics.json,lineage.json}` and `models/<name>/champion.json`. Readers need
`s3:ListBucket` beside `s3:GetObject`: without it S3 answers 403 for what is not there. Whatever lies there, `MAX_BYTES`
and one more come into memory at most; who decodes knows by the one that it is too much.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.learning.models import MAX_BYTES, UnusableModelError, decode_champion, decode_model
from attune.ports import ConflictError
from attune.ports.learning import Champion, Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

#: 412: another pointer lies there; 409: another write is under way; 404: it was there when it was read
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})


class S3Registry:
    """Files of a version are immutable in effect: whoever keeps them again keeps the same."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def champion(self, name: str) -> tuple[str, Champion] | None:
        """S3 reads are consistent."""
        found = self._get(champion_key(name))
        if found is None:
            return None
        tag, data = found
        return tag, decode_champion(data, name, tag=tag)

    def model(self, name: str, version: str) -> Model:
        """`UnusableModelError` if it is missing or faulty."""
        data = self.document(name, version, "model.json")
        if data is None:
            raise UnusableModelError("missing_model", f"{name} {version} is not in the registry")
        return decode_model(data, name, version)

    def document(self, name: str, version: str, file: str) -> bytes | None:
        """Any file of a version as it is, as far as it is read."""
        found = self._get(version_key(name, version, file))
        return None if found is None else found[1]

    def keep(self, name: str, version: str, files: Mapping[str, bytes]) -> None:
        """One object after the other; a crash between them leaves what nobody points to."""
        for file, data in files.items():
            self._client.put_object(
                Bucket=self._bucket, Key=version_key(name, version, file), Body=data, ContentType="application/json"
            )

    def promote(self, name: str, champion: Champion, *, read: str | None) -> None:
        """A write that boto3 repeats because its answer was lost is a conflict too: look who is champion, then."""
        condition: Any = {"IfNoneMatch": "*"} if read is None else {"IfMatch": read}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=champion_key(name),
                Body=msgspec.json.encode(champion),
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _CONFLICTS:
                raise ConflictError(f"the champion of {name} changed meanwhile") from error
            raise

    def _get(self, key: str) -> tuple[str, bytes] | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        with closing(found["Body"]) as body:
            return found["ETag"], _beginning(body)


def _beginning(body: StreamingBody) -> bytes:
    """Read until there is no more, because only then does botocore compare lengths and checksums."""
    data = b""
    while piece := body.read(MAX_BYTES + 1 - len(data)):
        data += piece
    return data


def champion_key(name: str) -> str:
    """Of the pointer."""
    return f"models/{name}/champion.json"


def version_key(name: str, version: str, file: str) -> str:
    """Of a file of one version."""
    return f"models/{name}/{version}/{file}"
