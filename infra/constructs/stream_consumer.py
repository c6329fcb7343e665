"""Event source mappings: how a function reads a stream or a queue, and where a batch goes that cannot be processed.

Written as plain CloudFormation: every field is visible, and no helper adds grants of its own.
"""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from infra.config import EnvironmentConfig
from infra.constructs.python_function import PythonFunction

# A batch is retried through an outage of most of a day; then it goes to S3 in full, with its neighbours set free.
# Both bounds must lie below the retention of the source, or records would vanish unseen.
STREAM_MAX_AGE_HOURS = 48
TABLE_STREAM_MAX_AGE_SECONDS = 20 * 3600  # a table's stream keeps 24 hours
MAX_RETRIES = 1000
PARTIAL_FAILURES = ["ReportBatchItemFailures"]


def consume_stream(
    function: PythonFunction, stream: kinesis.IStream, failures: s3.Bucket, config: EnvironmentConfig
) -> None:
    """Let `function` read the event stream from its oldest record on, in order per partition key."""
    function.may(
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        on=[stream.stream_arn],
    )
    _map_stream(
        function,
        failures,
        event_source_arn=stream.stream_arn,
        batch_size=500,
        maximum_record_age_in_seconds=min(STREAM_MAX_AGE_HOURS, config.stream_retention_hours - 4) * 3600,
        parallelization_factor=config.stream_parallelization,
    )


def consume_table(function: PythonFunction, table: dynamodb.TableV2, failures: s3.Bucket, pattern: str) -> None:
    """Let `function` read the changes of `table` that match the filter `pattern` (JSON)."""
    arn = table.table_stream_arn
    if arn is None:
        raise ValueError(f"{table.node.path} has no stream")
    function.may("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", on=[arn])
    function.may("dynamodb:ListStreams", on=["*"])
    _map_stream(
        function,
        failures,
        event_source_arn=arn,
        batch_size=100,
        maximum_record_age_in_seconds=TABLE_STREAM_MAX_AGE_SECONDS,
        filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
            filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=pattern)]
        ),
    )


def consume_queue(function: PythonFunction, queue: sqs.IQueue, *, batch_size: int, max_concurrency: int) -> None:
    """Let `function` take messages from `queue`; each message fails alone, the queue's own policy retries it."""
    function.may(
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        on=[queue.queue_arn],
    )
    mapping = lambda_.CfnEventSourceMapping(
        function,
        "Queue",
        function_name=function.function_name,
        event_source_arn=queue.queue_arn,
        batch_size=batch_size,
        function_response_types=PARTIAL_FAILURES,
        scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=max_concurrency),
    )
    mapping.node.add_dependency(function.function_role)


def _map_stream(function: PythonFunction, failures: s3.Bucket, **source: object) -> None:
    function.may("s3:ListBucket", on=[failures.bucket_arn])
    function.may_put_objects(failures, "aws/lambda/", "Lambda names the object it writes a failed batch to")
    mapping = lambda_.CfnEventSourceMapping(
        function,
        "Stream",
        function_name=function.function_name,
        starting_position="TRIM_HORIZON",  # LATEST can skip what arrives while the mapping is made
        maximum_batching_window_in_seconds=1,
        maximum_retry_attempts=MAX_RETRIES,
        bisect_batch_on_function_error=True,
        function_response_types=PARTIAL_FAILURES,
        destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            # S3 receives the records themselves; a queue or topic would only be told where they were.
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=failures.bucket_arn)
        ),
        **source,  # type: ignore[arg-type]
    )
    mapping.node.add_dependency(function.function_role)
