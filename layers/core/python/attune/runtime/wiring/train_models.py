"""train_models: the lake's features by Athena, who may be learnt from, the registry, the trainer of the handler.

The trainer is handed in because nothing in `attune` may load data science: the layer `ml` has it, and only the handler
of this function knows that layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.athena_features import AthenaFeatures
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.s3_registry import S3Registry
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.learning.permit_rows import PermitRows
from attune.use_cases.learning.train_models import TrainModels

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.ports.learning import Trainer
    from attune.runtime.settings.learning import TrainModelsSettings


def train_models(settings: TrainModelsSettings, trainer: Trainer, count: Count) -> TrainModels:
    """What Athena selects lies in the lake's bucket; models lie in one of their own."""
    objects, tables = client("s3"), client("dynamodb")
    features = AthenaFeatures(
        client("athena"),
        objects,
        workgroup=settings.lake_workgroup,
        database=settings.lake_database,
        bucket=settings.lake_bucket,
    )
    return TrainModels(
        features=features,
        rows=PermitRows(
            features=features,
            everybody=DynamoProfileScan(tables, settings.profiles_table),
            holds=DynamoHolds(tables, settings.identities_table),
            definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
            clock=now,
            count=count,
        ),
        registry=S3Registry(objects, settings.registry_bucket),
        trainer=trainer,
        clock=now,
        count=count,
    )
