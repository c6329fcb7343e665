"""The DynamoDB tables and their keys."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import EnvironmentConfig

# Where erased data could come back, recovery ends after a week; the same for all, so that they restore to one instant.
RECOVERY_DAYS = 7
DUE_INDEX = "due"
MERGED_INDEX = "merged"
STATE_INDEX = "by_state"
SUBJECT_INDEX = "by_subject"


class CustomerTables(Construct):
    """What is known of customers, and what is declared: on demand, recoverable, under our own key."""

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self._config, self._key = config, key
        self.profiles = self._table(
            "Profiles",
            {"profile_id": "S"},
            dynamo_stream=dynamodb.StreamViewType.NEW_IMAGE,
            global_secondary_indexes=[
                # Sparse: only profiles with a timer carry these attributes.
                _index(DUE_INDEX, {"due_shard": "S", "due_at": "N"}, dynamodb.ProjectionType.KEYS_ONLY),
                # Sparse: only tombstones of merges have become somebody.
                _index(MERGED_INDEX, {"merged_into": "S"}, dynamodb.ProjectionType.KEYS_ONLY),
            ],
        )
        self.identities = self._table("Identities", {"identity_key": "S"}, time_to_live_attribute="expires_at")
        self.ledger = self._table(
            "Ledger",
            {"profile_id": "S", "entry": "S"},
            global_secondary_indexes=[
                # Sparse: only access records have a subject.
                _index(SUBJECT_INDEX, {"subject": "S", "entry": "S"}, dynamodb.ProjectionType.ALL)
            ],
        )
        self.deliveries = self._table(
            "Deliveries", {"profile_id": "S", "delivery_id": "S"}, time_to_live_attribute="expires_at"
        )
        self.definitions = self._table("Definitions", {"kind": "S", "id": "S"})
        # One number a source; apart from the definitions, so that the entrance for all the world writes nothing there.
        self.limits = self._table("Limits", {"bucket": "S"}, time_to_live_attribute="expires_at")
        self.privacy_requests = self._table(
            "PrivacyRequests",
            {"request_id": "S"},
            global_secondary_indexes=[
                # What waits, in the order in which the law wants it done.
                _index(STATE_INDEX, {"state": "S", "due_at": "N"}, dynamodb.ProjectionType.ALL)
            ],
        )

    def _table(self, name: str, keys: Mapping[str, str], **more: Any) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            name,
            **_keys(keys),
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self._key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True, recovery_period_in_days=RECOVERY_DAYS
            ),
            deletion_protection=self._config.deletion_protection,
            removal_policy=self._config.removal_policy,
            **more,
        )


def _index(
    name: str, keys: Mapping[str, str], projected: dynamodb.ProjectionType
) -> dynamodb.GlobalSecondaryIndexPropsV2:
    return dynamodb.GlobalSecondaryIndexPropsV2(index_name=name, projection_type=projected, **_keys(keys))


def _keys(keys: Mapping[str, str]) -> dict[str, Any]:
    """The partition key, and the sort key if there is a second attribute: each with its type, `S` or `N`."""
    types = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}
    attributes = [dynamodb.Attribute(name=attribute, type=types[kind]) for attribute, kind in keys.items()]
    return dict(zip(("partition_key", "sort_key"), attributes, strict=False))
