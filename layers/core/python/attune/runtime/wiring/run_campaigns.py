"""run_campaigns: reads profiles, claims deliveries, enqueues them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances
from attune.use_cases.campaigns.run_campaigns import RunCampaigns

if TYPE_CHECKING:
    from attune.runtime.settings.path import RunCampaignsSettings
    from attune.runtime.telemetry import Telemetry


def run_campaigns(settings: RunCampaignsSettings, telemetry: Telemetry) -> RunCampaigns:
    """One definition cache for both questions: which campaigns start, and whether they may."""
    tables = client("dynamodb")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    return RunCampaigns(
        circumstances=ReadCircumstances(
            profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
            holds=DynamoHolds(tables, settings.identities_table),
            definitions=definitions,
            clock=now,
        ),
        definitions=definitions,
        store=DynamoDeliveries(tables, settings.deliveries_table),
        queue=SqsDeliveries(client("sqs"), settings.delivery_queue_url),
        count=telemetry.count,
        report=telemetry.failed,
    )
