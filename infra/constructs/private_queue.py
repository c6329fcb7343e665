"""A queue under our own key that takes nothing in plain text."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class PrivateQueue(sqs.Queue):
    """Encrypted under `key`, TLS only. Who sends or receives needs the key on SQS's behalf (`may_use_key`)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        retention: Duration,
        visibility_timeout: Duration | None = None,
        dead_letters: sqs.DeadLetterQueue | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            enforce_ssl=True,
            retention_period=retention,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letters,
        )
        # The plain property: told of the key, the construct would let EventBridge use it, and send, for any account.
        plain = self.node.default_child
        assert isinstance(plain, sqs.CfnQueue)  # noqa: S101 - narrows jsii's type
        plain.kms_master_key_id = key.key_arn
