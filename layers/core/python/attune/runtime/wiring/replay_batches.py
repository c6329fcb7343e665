"""replay_batches: reads the failures bucket, writes to the stream, calls run_campaigns, removes notices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.kinesis_stream import KinesisStream
from attune.adapters.lambda_consumer import LambdaConsumer, lambda_config
from attune.adapters.s3_batches import S3FailedBatches
from attune.adapters.sqs_notices import SqsNotices
from attune.runtime.clients import client
from attune.use_cases.repairs.replay_batches import ReplayBatches

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.repairs import ReplayBatchesSettings


def replay_batches(settings: ReplayBatchesSettings, count: Count) -> ReplayBatches:
    """One batch is in memory at a time."""
    return ReplayBatches(
        batches=S3FailedBatches(client("s3"), settings.failures_bucket),
        notices=SqsNotices(client("sqs"), settings.notices_queue_url),
        stream=KinesisStream(client("kinesis"), settings.stream_name),
        consumer=LambdaConsumer(client("lambda", config=lambda_config()), settings.campaigns_function),
        stream_shards=settings.stream_shards,
        sleep=time.sleep,
        count=count,
    )
