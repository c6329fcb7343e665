"""The ledger on the deployed stack: who looks leaves a record, the day is sealed, and whatever is done to it is named.

Everything that is tampered with is put back: the stack may serve others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.domain.privacy.access_records import AccessRecord, day_of, digest_key, partition_of
from local.demo.shop import EVERYTHING, Shop
from local.state import StateDirectory, client_settings
from tests.builders import DAY
from tests.journeys.test_rebuild import once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

ROOT = Path(__file__).parents[2]
ROUTE = "GET /v1/profiles/{profile}"

pytestmark = pytest.mark.cloud

type Verify = Callable[..., tuple[int, dict[str, Any]]]


class Vault:
    """The stack's ledger table and audit bucket, past every function."""

    def __init__(self, stack: Stack) -> None:
        make: Any = boto3.client
        settings = client_settings(stack.aws_endpoint_url)
        self.tables, self.s3, self.functions = (make(name, **settings) for name in ("dynamodb", "s3", "lambda"))
        self.table, self.bucket = stack.outputs["LedgerTable"], stack.outputs["AuditBucket"]
        self.ledger = DynamoLedger(self.tables, self.table)

    def seal(self) -> dict[str, Any]:
        """As the nightly rule does."""
        listed = [one["FunctionName"] for one in self.functions.list_functions(MaxItems=200)["Functions"]]
        [name] = [one for one in listed if "DigestAccess" in one]
        answer = self.functions.invoke(FunctionName=name, Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return dict(said)

    def take(self, partition: str, entry: str) -> dict[str, Any]:
        place = {"profile_id": {"S": partition}, "entry": {"S": entry}}
        item = self.tables.get_item(TableName=self.table, Key=place, ConsistentRead=True)["Item"]
        self.tables.delete_item(TableName=self.table, Key=place)
        return dict(item)

    def put(self, item: dict[str, Any]) -> None:
        self.tables.put_item(TableName=self.table, Item=item)


@pytest.fixture(scope="module")
def vault(stack: Stack) -> Vault:
    return Vault(stack)


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


@pytest.fixture
def verify(stack: Stack, tmp_path: Path) -> Verify:
    """`attune ledger verify --json`."""
    state = StateDirectory(tmp_path / ".local")
    state.create()
    state.write_stack(stack)

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, str(ROOT / "cli"), "ledger", "verify", "--json", *arguments]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    return run


def found(verify: Verify, about: str) -> list[tuple[str, str]]:
    code, answer = verify()
    assert code == (1 if answer["findings"] else 0)
    return [(one["what"], one["entry"]) for one in answer["findings"] if about in one["where"]]


def read_profile(stack: Stack, address: str, reason: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {stack.server_key}", "X-Attune-Reason": reason}
    answer = httpx.get(f"{stack.api_url}/v1/profiles/{address}", headers=headers, trust_env=False, timeout=35)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_person_s_consent_can_be_proved_and_what_is_done_to_it_is_named(
    stack: Stack, shop: Shop, vault: Vault, verify: Verify
) -> None:
    person = f"proved-{int(time.time() * 1_000)}"
    consent = {"consent": {"categoryPreferences": EVERYTHING}}
    call = {"type": "track", "event": "Product Viewed", "userId": person, "messageId": person, "context": consent}
    shop.send_json({"batch": [call]})
    known = once(lambda: shop.profile("user_id", person))
    shop.set_consent("user_id", person, {"email": False})

    def withdrawn() -> bool | None:
        profile = shop.profile("user_id", person) or {"consent": {"email": {"source": "hold"}}}
        said = profile["consent"]["email"]
        return True if said["source"] != "hold" and not said["granted"] else None

    once(withdrawn)
    whose = str(known["profile_id"])
    chain = vault.ledger.chain(whose)
    assert len(chain) == 4
    assert found(verify, whose) == []
    last = vault.take(whose, "consent#00000004")
    assert found(verify, whose) == [("cut_off", "consent#00000004")]
    vault.put(last | {"granted": {"BOOL": True}})
    assert found(verify, whose) == [("changed", "consent#00000004")]
    vault.put(last)
    assert found(verify, whose) == []


def test_who_looks_at_somebody_leaves_a_record(stack: Stack, shop: Shop, vault: Vault) -> None:
    person = f"looked-at-{int(time.time() * 1_000)}"
    shop.send_json(
        {"batch": [{"type": "identify", "userId": person, "context": {"consent": {"categoryPreferences": EVERYTHING}}}]}
    )
    once(lambda: shop.profile("user_id", person))
    case = f"case:{person[-12:]}"
    before = int(time.time() * 1_000)
    read_profile(stack, f"user_id:{person}", case)
    days = {day_of(before), day_of(int(time.time() * 1_000))}
    records = [one.record for day in sorted(days) for one in vault.ledger.of_day(day) if one.record.reason == case]
    [record] = records
    assert (record.route, record.who.split()[:2]) == (ROUTE, ["server", "key"])
    assert record in vault.ledger.of_subjects([record.subject])
    assert person not in json.dumps(vault.tables.scan(TableName=vault.table)["Items"], default=str)


def test_a_sealed_day_and_its_seal_can_be_proved(stack: Stack, vault: Vault, verify: Verify) -> None:
    if vault.ledger.head() is None:  # of a fresh stack the first day is two days ago
        ago = int(time.time() * 1_000) - 2 * DAY
        vault.ledger.keep(
            [
                AccessRecord(at=ago + one, record_id=f"{one:016x}", who="admin key 1", route=ROUTE, subject="ab" * 16)
                for one in range(3)
            ]
        )
        assert vault.seal()["sealed"]
    assert vault.seal() == {"sealed": []}
    head = vault.ledger.head()
    assert head is not None
    _, answer = verify()
    assert answer["newest"] == {"day": head.day, "digest": head.digest}
    assert [one for one in answer["findings"] if "consent" not in one["where"]] == []
    assert verify("--known", f"{head.day}:{'0' * 64}")[0] == 1
    for sealed in [*vault.ledger.of_day(head.first)][:1]:  # none, where a night sealed the stack before this test
        item = vault.take(partition_of(sealed.record), sealed.entry)
        named = f"{sealed.entry}#{sealed.slot}"
        assert found(verify, head.first) == [("removed", named)]
        vault.put(item | {"who": {"S": "server key somebody else's"}})
        assert found(verify, head.first) == [("changed", named)]
        vault.put(item)
    key = {"Bucket": vault.bucket, "Key": digest_key(head.day)}
    kept = vault.s3.get_object(**key)["Body"].read()
    vault.s3.delete_object(**key)
    assert ("cut_off", head.day) in found(verify, "digests")
    vault.s3.put_object(**key, Body=kept)
    assert found(verify, "digests") == []
