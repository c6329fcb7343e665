"""import_files: reads the imports bucket and definitions, writes to the stream and its reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.s3_imports import S3ImportBucket
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.scratch import own_folder
from attune.use_cases.collection.import_files import ImportFiles
from attune.use_cases.collection.pace_stream import PaceStream
from attune.use_cases.collection.take_rows import TakeRows
from attune.use_cases.collection.take_turns import TakeTurns

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.path import ImportFilesSettings


def import_files(settings: ImportFilesSettings, count: Count) -> ImportFiles:
    """A chunk of rows is in memory at a time; what a killed invocation left on the disk is cleared by the next."""
    bucket = S3ImportBucket(client("s3"), settings.imports_bucket)
    stream = KinesisStream(client("kinesis"), settings.stream_name)
    return ImportFiles(
        bucket=bucket,
        tables=DuckTables(own_folder("import-files")),
        turns=TakeTurns(bucket, now),
        definitions=DynamoDefinitions(client("dynamodb"), settings.definitions_table, clock=now),
        take=TakeRows(
            pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
            pace=PaceStream(stream, shards=settings.stream_shards, clock=now, sleep=time.sleep),
            count=count,
        ),
        clock=now,
    )
