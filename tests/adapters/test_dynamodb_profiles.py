"""What DynamoDB may answer to a commit by its documentation, and no emulator does."""

from __future__ import annotations

from typing import Any

import msgspec
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


class Taking:
    """A client that takes every single write, and keeps what was put."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_item(self, **request: Any) -> None:
        self.put.append(request["Item"])


@pytest.mark.parametrize("mark", ["erased_at", "suppressed_at", "released_at"])
def test_a_weak_identifier_expires_unless_it_is_marked(mark: str) -> None:
    client: Any = Taking()
    store = DynamoProfiles(client, profiles="profiles", identities="identities", ledger="ledger")
    plain = Identity(profile_id=profile_id(), at=NOW, namespace="cart_token")
    for token in (plain, msgspec.structs.replace(plain, **{mark: NOW})):
        store.commit(Commit(items=(), claims=(Claim(identity_key="k" * 32, read=None, identity=token),)))
    assert ["expires_at" in item for item in client.put] == [True, False]
