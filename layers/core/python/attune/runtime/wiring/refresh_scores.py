"""refresh_scores: reads features, models and who may be told of, writes to the stream."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.s3_registry import S3Registry
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.learning.refresh_scores import RefreshScores, pace_of

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.learning import RefreshScoresSettings


def refresh_scores(settings: RefreshScoresSettings, count: Count) -> RefreshScores:
    """The registry is read anew each time: the run may have moved the champion a second ago."""
    objects, tables = client("s3"), client("dynamodb")
    return RefreshScores(
        features=S3FeatureRows(objects, settings.lake_bucket),
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=""),
        holds=DynamoHolds(tables, settings.identities_table),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        registry=S3Registry(objects, settings.registry_bucket),
        stream=KinesisStream(client("kinesis"), settings.stream_name),
        clock=now,
        sleep=time.sleep,
        pace=pace_of(settings.stream_shards),
        count=count,
    )
