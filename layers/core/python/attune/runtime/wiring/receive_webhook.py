"""receive_webhook: definitions and webhook secrets to read, the stream and the privacy requests to add to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretMap, SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.collection.receive_webhook import ReceiveWebhook

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.path import ReceiveWebhookSettings


def receive_webhook(settings: ReceiveWebhookSettings, count: Count) -> ReceiveWebhook:
    """Of the secrets it reads, one names people (the identity secret), the other proves shops."""
    vault = client("secretsmanager")
    return ReceiveWebhook(
        definitions=DynamoDefinitions(client("dynamodb"), settings.definitions_table, clock=now),
        secrets=SecretMap(vault, settings.webhook_secrets, clock=now),
        pseudonyms=SecretPseudonyms(vault, settings.identity_secret),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        requests=DynamoPrivacyRequests(client("dynamodb"), settings.privacy_requests_table),
        count=count,
    )
