"""A notice for every batch that a stream's consumer gave up on."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.private_queue import PrivateQueue
from infra.guardrails import acknowledge


class FailedBatches(Construct):
    """A queue with one message per object in the failures bucket.

    Its alarm stays on until the batch was replayed, which removes the notice. (A bucket has no prompt metric of its
    own, and a batch that fails in part is not an error in Lambda's metrics.)
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.queue = PrivateQueue(self, "Notices", key=key, retention=Duration.days(14))
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "a queue of dead letters: a repair that a person starts empties it",
        )
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            # receipts of replayed batches lie beside them
            detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [{"prefix": "aws/lambda/"}]}},
        )
        events.Rule(
            self,
            "Arrival",
            description="A stream's consumer gave up on a batch",
            event_pattern=pattern,
            targets=[targets.SqsQueue(self.queue)],
        )
