"""What DynamoDB may answer to a commit by its documentation, and no emulator does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.ports import Claim, Commit, ConflictError, Identity, UnstorableError
from tests.builders import NOW, profile_id, profile_item

CLAIM = Claim(identity_key="k" * 32, read=None, identity=Identity(profile_id=profile_id(), at=NOW))
TOGETHER = Commit(items=((None, profile_item()),), claims=(CLAIM,))


class Refusing:
    """A client to whom every transaction is cancelled, for these reasons."""

    def __init__(self, *codes: str, error: str = "TransactionCanceledException") -> None:
        reasons: Any = [{"Code": code} for code in codes]
        answer: Any = {"Error": {"Code": error, "Message": "no"}, "CancellationReasons": reasons}
        self._error = ClientError(answer, "TransactWriteItems")

    def transact_write_items(self, **_: Any) -> None:
        raise self._error


def commit(client: Any) -> None:
    DynamoProfiles(client, profiles="profiles", identities="identities", ledger="ledger").commit(TOGETHER)


@pytest.mark.parametrize(
    "reasons", [("ConditionalCheckFailed", "None"), ("None", "TransactionConflict"), ("DuplicateItem", "None")]
)
def test_a_condition_that_failed_or_another_transaction_is_a_conflict(reasons: tuple[str, ...]) -> None:
    with pytest.raises(ConflictError):
        commit(Refusing(*reasons))


def test_what_one_action_makes_impossible_is_refused_for_good() -> None:
    with pytest.raises(UnstorableError):
        commit(Refusing("None", "ValidationError"))
    with pytest.raises(UnstorableError):
        commit(Refusing(error="ValidationException"))


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded", "AccessDenied"])
def test_a_fault_beside_a_failed_condition_is_a_fault(reason: str) -> None:
    with pytest.raises(ClientError):
        commit(Refusing("ConditionalCheckFailed", reason))
