"""backfill_segments: a rebuild, and beside it takeovers laid down in the definitions table and a scan of everybody."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.streams import pause
from attune.runtime.wiring.reading_past import read_past
from attune.runtime.wiring.rebuild_profiles import rebuild_profiles
from attune.use_cases.past.backfill_segments import BackfillSegments
from attune.use_cases.past.settle_profiles import SettleProfiles

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.past import RebuildProfilesSettings


def backfill_segments(settings: RebuildProfilesSettings, count: Count) -> BackfillSegments:
    """Everybody is scanned without a pause: a backfill is to be over soon, and the table is billed by what is read."""
    tables = client("dynamodb")
    return BackfillSegments(
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        history=read_past(settings),
        rebuild=rebuild_profiles(settings, count),
        settle=SettleProfiles(
            everybody=DynamoProfileScan(tables, settings.profiles_table),
            profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
            count=count,
            pause=pause,
        ),
        clock=now,
        sleep=time.sleep,
    )
