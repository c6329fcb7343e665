"""repair_effects: reads all profiles, and claims and enqueues as run_campaigns does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.campaigns.read_circumstances import ReadCircumstances
from attune.use_cases.repairs.repair_effects import RepairEffects

if TYPE_CHECKING:
    from attune.runtime.settings.repairs import RepairEffectsSettings
    from attune.runtime.telemetry import Telemetry


def repair_effects(settings: RepairEffectsSettings, telemetry: Telemetry) -> RepairEffects:
    """The same adapters as those of run_campaigns, and the scan."""
    tables = client("dynamodb")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    return RepairEffects(
        everybody=DynamoProfileScan(tables, settings.profiles_table),
        circumstances=ReadCircumstances(
            profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
            holds=DynamoHolds(tables, settings.identities_table),
            definitions=definitions,
            clock=now,
        ),
        definitions=definitions,
        store=DynamoDeliveries(tables, settings.deliveries_table),
        queue=SqsDeliveries(client("sqs"), settings.delivery_queue_url),
        sleep=time.sleep,
        count=telemetry.count,
        report=telemetry.failed,
    )
