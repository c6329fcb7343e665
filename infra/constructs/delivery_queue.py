"""The queue between a campaign's decision and the customer's endpoint."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.private_queue import PrivateQueue

# The sender's time limit; a message must stay hidden for six times as long (AWS's rule for Lambda on SQS).
SENDER_TIMEOUT = Duration.seconds(60)
MAX_ATTEMPTS = 12
# SQS hides a message for 12 hours at most, so even twelve of the longest pauses end within six days. A dead letter's
# own 14 days count from when the message was first sent, which leaves people a week.
RETENTION = Duration.days(7)


class DeliveryQueue(Construct):
    """Deliveries waiting to be sent, and after the last attempt the dead letters."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = PrivateQueue(self, "DeadLetters", key=key, retention=Duration.days(14))
        self.queue = PrivateQueue(
            self,
            "Queue",
            key=key,
            retention=RETENTION,
            visibility_timeout=Duration.seconds(6 * SENDER_TIMEOUT.to_seconds()),
            dead_letters=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_ATTEMPTS),
        )
