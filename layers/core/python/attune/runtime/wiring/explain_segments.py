"""explain_segments: reads profiles as they are, and the compacted lake where it is asked about the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.adapters.aes_seal import AesSeal
from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.athena_history import AthenaHistory
from attune.adapters.athena_queries import AthenaQueries
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client, later
from attune.runtime.clock import now
from attune.runtime.wiring.recording import record_access
from attune.runtime.wiring.recording_people import record_people
from attune.use_cases.segments.explain_segments import ExplainSegments

if TYPE_CHECKING:
    from attune.runtime.settings.past import ExplainSegmentsSettings
    from attune.use_cases.profiles.record_people import RecordPeople

#: seconds for one query of at most two in most cases: API Gateway answers for us after 30
PATIENCE: Final = 12.0
#: minutes for which Athena hands out an answer again: the lake is compacted once a day
REUSE: Final = 30


def explain_segments(settings: ExplainSegmentsSettings) -> tuple[ExplainSegments, RecordPeople]:
    """The lake's clients are made when somebody asks about the past."""
    tables = client("dynamodb")
    queries = AthenaQueries(
        later(lambda: client("athena")),
        workgroup=settings.lake_workgroup,
        database=settings.lake_database,
        bucket=settings.lake_bucket,
        patience=PATIENCE,
        reuse=REUSE,
    )
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    explain = ExplainSegments(
        profiles=profiles,
        holds=DynamoHolds(tables, settings.identities_table),
        definitions=definitions,
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        pseudonyms=pseudonyms,
        history=AthenaHistory(queries, S3FeatureRows(later(lambda: client("s3")), settings.lake_bucket)),
        seal=AesSeal(),
        clock=now,
    )
    return explain, record_people(record_access(tables, settings.ledger_table), profiles, definitions, pseudonyms)
