"""What became of events, read from where they come to rest: the lake, the profiles, the quarantine."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import httpx

from attune.adapters.aes_seal import AesSeal
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.profiles.state import decode_profile
from local.state import client_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from local.state import Stack


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the lake with its seal open."""

    message_id: str
    verdict: str
    profile_id: str
    event: dict[str, Any]


@dataclass
class Judge:
    """Reads what arrived since `began` from some sources."""

    stack: Stack
    sources: Collection[str]
    began: datetime
    _seen: set[str] = field(default_factory=set)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        make: Any = boto3.client
        settings = client_settings(self.stack.aws_endpoint_url)
        self._s3, tables = make("s3", **settings), make("dynamodb", **settings)
        outputs = self.stack.outputs
        self._profiles = DynamoProfiles(
            tables, profiles=outputs["ProfilesTable"], identities=outputs["IdentitiesTable"]
        )
        self._api = httpx.Client(base_url=self.stack.api_url, timeout=35, trust_env=False)

    def rows(self) -> list[dict[str, Any]]:
        """The lake's rows of the sources, as Firehose laid them down."""
        for _, content in self._objects("LakeBucket", "events/"):
            lines = [json.loads(line) for line in content.splitlines()]
            self._rows += [row for row in lines if row["source"] in self.sources]
        return self._rows

    def stored(self) -> list[Stored]:
        """The rows of events, opened with the keys of whom they were applied to, over any merges."""
        keys: dict[str, bytes] = {}
        seal, rows = AesSeal(), self.rows()
        held = self._profiles.items({row["profile_id"] for row in rows if row.get("profile_id")}, consistent=True)
        keys |= {one: decode_profile(item.state).data_key for one, item in held.items() if item.merged_into is None}
        merges = [row for row in rows if row["verdict"] == "merged"]
        while found := [row for row in merges if row["profile_id"] in keys and row["absorbed"] not in keys]:
            keys |= {row["absorbed"]: seal.open(keys[row["profile_id"]], _bytes(row["sealed"])) for row in found}
        opened = []
        for row in rows:
            if row["verdict"] != "merged":
                key, sealed = keys.get(row.get("profile_id", "")), row.get("sealed")
                event = json.loads(seal.open(key, _bytes(sealed))) if key and sealed else {}
                opened.append(Stored(row["message_id"], row["verdict"], row.get("profile_id", ""), event))
        return opened

    def profile(self, user: str) -> dict[str, Any] | None:
        """A profile as the API shows it, and in `events` how many events it counts; None where there is nobody."""
        path = f"/v1/profiles/{quote(f'user_id:{user}', safe='')}"
        answer = self._api.get(path, headers={"Authorization": f"Bearer {self.stack.server_key}"})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        shown: dict[str, Any] = answer.raise_for_status().json()
        [item] = self._profiles.items([shown["profile_id"]], consistent=True).values()
        return {**shown, "events": decode_profile(item.state).events}

    def quarantined(self, marks: Collection[str]) -> dict[str, str]:
        """Which of the marks lie in quarantine: where."""
        found: defaultdict[str, str] = defaultdict(str)
        for key, content in self._objects("QuarantineBucket", ""):
            text = content.decode(errors="replace")
            found.update({mark: key for mark in marks if mark in text})
        return found

    def close(self) -> None:
        """Close the API client."""
        self._api.close()

    def _objects(self, bucket: str, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Objects that were written since it all began, each once."""
        name = self.stack.outputs[bucket]
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix):
            for entry in page.get("Contents", ()):
                known = f"{name}/{entry['Key']}"
                if known not in self._seen and entry["LastModified"] >= self.began:
                    self._seen.add(known)
                    yield entry["Key"], self._s3.get_object(Bucket=name, Key=entry["Key"])["Body"].read()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
