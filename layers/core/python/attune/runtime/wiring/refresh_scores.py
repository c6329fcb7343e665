"""refresh_scores: reads features and models, writes to the stream."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.s3_registry import S3Registry
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.refresh_scores import RefreshScores, pace_of

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings import RefreshScoresSettings


def refresh_scores(settings: RefreshScoresSettings, count: Count) -> RefreshScores:
    """The registry is read anew each time: the run may have moved the champion a second ago."""
    objects = client("s3")
    return RefreshScores(
        features=S3FeatureRows(objects, settings.lake_bucket),
        registry=S3Registry(objects, settings.registry_bucket),
        stream=KinesisStream(client("kinesis"), settings.stream_name),
        clock=now,
        sleep=time.sleep,
        pace=pace_of(settings.stream_shards),
        count=count,
    )
