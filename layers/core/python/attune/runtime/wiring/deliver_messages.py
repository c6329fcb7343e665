"""deliver_messages: the only function that talks to addresses which others chose."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.http_webhooks import HttpWebhooks
from attune.adapters.secrets_manager import SecretMap
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.adapters.standard_webhooks import sign
from attune.runtime.clients import client, later
from attune.runtime.clock import now
from attune.use_cases.campaigns.deliver_messages import DeliverMessages
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances

if TYPE_CHECKING:
    from attune.runtime.settings.path import DeliverMessagesSettings
    from attune.runtime.telemetry import Telemetry


def deliver_messages(settings: DeliverMessagesSettings, telemetry: Telemetry) -> DeliverMessages:
    """`allowed_addresses` is empty on AWS: nothing but public addresses is reached."""
    tables = client("dynamodb")
    return DeliverMessages(
        circumstances=ReadCircumstances(
            profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
            holds=DynamoHolds(tables, settings.identities_table),
            definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
            clock=now,
        ),
        store=DynamoDeliveries(tables, settings.deliveries_table),
        secrets=SecretMap(client("secretsmanager"), settings.channel_secrets, clock=now),
        sign=sign,
        sender=HttpWebhooks(settings.allowed_addresses.split(",")),
        put_back=SqsDeliveries(later(lambda: client("sqs")), settings.delivery_queue_url).put_back,
        clock=now,
        jitter=random.random,
        holder=lambda: secrets.token_hex(8),
        count=telemetry.count,
        report=telemetry.failed,
    )
