"""What the AWS adapters remember, for how long, and that nobody can make them remember without bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from attune.adapters import dynamodb_keys
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.secrets_manager import SecretMap, SecretPseudonyms, SecretText
from attune.domain.identifiers import Identifier, identity_key, profile_id_for
from attune.ports import ConflictError, Key
from tests.adapters.cloud import Cloud
from tests.builders import NOW, channel, definition_list, views_segment


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Counted:
    """A client that counts its calls and can do something before each."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **arguments: Any) -> Any:
            self.calls.append(name)
            self.before(name)
            return method(*args, **arguments)

        return call


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tables(moto_cloud: Cloud) -> Counted:
    return Counted(moto_cloud.client("dynamodb"))


@pytest.fixture
def vault(moto_cloud: Cloud) -> Counted:
    return Counted(moto_cloud.client("secretsmanager"))


def key(number: int) -> Key:
    return Key(key_id=f"key{number:09}", source="shop", type="server", digest=f"{number:064}", created_at=NOW)


# ------------------------------------------------------------------------------------------------ definitions


def test_a_reader_asks_once_a_lifetime_and_reads_all_only_after_a_change(
    moto_cloud: Cloud, tables: Counted, time: Time
) -> None:
    table = moto_cloud.table("definitions")
    editor = DynamoDefinitions(moto_cloud.client("dynamodb"), table, clock=time)
    for definition in definition_list():
        editor.put(definition, read_version=None)
    reader = DynamoDefinitions(tables, table, clock=time, lifetime=5_000)  # type: ignore[arg-type]
    first = reader.current()
    tables.calls.clear()

    time.now += 4_999
    assert reader.current() is first
    assert tables.calls == []

    time.now += 1
    assert reader.current() is first
    assert tables.calls == ["get_item"]

    editor.put(views_segment(name="Keen"), read_version=1)
    time.now += 5_000
    assert reader.current().segments["keen"].name == "Keen"


def test_a_clock_that_goes_back_does_not_make_the_cache_last_longer(
    moto_cloud: Cloud, tables: Counted, time: Time
) -> None:
    reader = DynamoDefinitions(tables, moto_cloud.table("definitions"), clock=time)  # type: ignore[arg-type]
    reader.current()
    tables.calls.clear()
    time.now -= 60_000
    reader.current()
    assert tables.calls == ["get_item"]


def test_a_change_between_a_readers_two_reads_is_seen_at_the_next_look(
    moto_cloud: Cloud, tables: Counted, time: Time
) -> None:
    table = moto_cloud.table("definitions")
    editor = DynamoDefinitions(moto_cloud.client("dynamodb"), table, clock=time)
    editor.put(views_segment(), read_version=None)
    reader = DynamoDefinitions(tables, table, clock=time)  # type: ignore[arg-type]

    def change_once(call: str) -> None:
        if call == "get_paginator":
            tables.before = lambda _: None
            editor.put(channel(), read_version=None)
            editor.put(views_segment(name="Keen"), read_version=1)

    tables.before = change_once
    reader.current()
    time.now += 5_000
    assert reader.current().segments["keen"].name == "Keen"
    assert set(reader.current().channels) == {"shop_webhook"}


def test_every_version_stays_in_the_history(moto_cloud: Cloud, time: Time) -> None:
    table = moto_cloud.table("definitions")
    store = DynamoDefinitions(moto_cloud.client("dynamodb"), table, clock=time)
    store.put(views_segment(), read_version=None)
    store.put(views_segment(name="Keen"), read_version=1)
    store.delete("segment", "keen", read_version=2)
    assert store.put(views_segment(), read_version=None) == 4
    items = moto_cloud.client("dynamodb").scan(TableName=table)["Items"]
    history = {item["id"]["S"]: "deleted" in item for item in items if item["kind"]["S"] == "segment@history"}
    assert history == {
        "keen#00000001": False,
        "keen#00000002": False,
        "keen#00000003": True,
        "keen#00000004": False,
    }


def test_an_error_that_is_no_conflict_is_raised_as_it_is(moto_cloud: Cloud, time: Time) -> None:
    store = DynamoDefinitions(moto_cloud.client("dynamodb"), "no-such-table", clock=time)
    with pytest.raises(ClientError):
        store.put(channel(), read_version=1)


# ------------------------------------------------------------------------------------------------------- keys


def test_a_key_taken_out_of_the_table_works_for_a_minute_more(moto_cloud: Cloud, time: Time) -> None:
    client, table = moto_cloud.client("dynamodb"), moto_cloud.table("definitions")
    keys = DynamoKeys(client, table, clock=time)
    keys.add(key(1))
    assert keys.key(key(1).key_id) == key(1)
    client.delete_item(TableName=table, Key={"kind": {"S": "key"}, "id": {"S": key(1).key_id}})
    time.now += 59_999
    assert keys.key(key(1).key_id) == key(1)
    time.now += 1
    assert keys.key(key(1).key_id) is None


def test_a_key_that_is_unknown_is_asked_for_again_after_five_seconds(
    moto_cloud: Cloud, tables: Counted, time: Time
) -> None:
    table = moto_cloud.table("definitions")
    keys = DynamoKeys(tables, table, clock=time)  # type: ignore[arg-type]
    assert keys.key(key(1).key_id) is None
    assert keys.key(key(1).key_id) is None
    assert tables.calls == ["get_item"]
    DynamoKeys(moto_cloud.client("dynamodb"), table, clock=time).add(key(1))
    time.now += 5_000
    assert keys.key(key(1).key_id) == key(1)


def test_invented_keys_fill_no_memory_and_push_no_real_key_out(
    moto_cloud: Cloud, tables: Counted, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb_keys, "UNKNOWN", 10)
    monkeypatch.setattr(dynamodb_keys, "KNOWN", 2)
    keys = DynamoKeys(tables, moto_cloud.table("definitions"), clock=time)  # type: ignore[arg-type]
    for number in range(3):
        keys.add(key(number))
        keys.key(key(number).key_id)
    for number in range(100, 130):
        assert keys.key(f"invented{number:04}") is None
    tables.calls.clear()
    assert [keys.key(key(number).key_id) for number in (1, 2)] == [key(1), key(2)]
    assert tables.calls == []
    assert len(keys._unknown) == 10
    assert keys.key(key(0).key_id) == key(0)
    assert len(keys._known) == 2


def test_a_key_id_is_never_given_to_another_key(moto_cloud: Cloud, time: Time) -> None:
    keys = DynamoKeys(moto_cloud.client("dynamodb"), moto_cloud.table("definitions"), clock=time)
    keys.add(key(1))
    keys.add(key(1))
    with pytest.raises(ClientError):
        keys.add(Key(key_id=key(1).key_id, source="shop", type="server", digest="f" * 64, created_at=NOW))
    assert keys.key(key(1).key_id) == key(1)


# ---------------------------------------------------------------------------------------------------- secrets


def test_a_secret_is_read_once_a_minute(moto_cloud: Cloud, vault: Counted, time: Time) -> None:
    arn = moto_cloud.secret("first")
    secret = SecretText(vault, arn, clock=time)  # type: ignore[arg-type]
    assert secret.value() == "first"
    moto_cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="second")
    time.now += 59_999
    assert secret.value() == "first"
    time.now += 1
    assert secret.value() == "second"
    assert vault.calls == ["get_secret_value"] * 2


def test_a_name_without_a_secret_is_looked_for_again_soon(moto_cloud: Cloud, vault: Counted, time: Time) -> None:
    arn = moto_cloud.secret("{}")
    cached = SecretMap(vault, arn, clock=time)  # type: ignore[arg-type]
    assert cached.live("shop") == ()
    assert cached.live("shop") == ()
    assert vault.calls == ["get_secret_value"]
    SecretMap(moto_cloud.client("secretsmanager"), arn, clock=time).replace("shop", ("secret",))
    time.now += 2_000
    assert cached.live("shop") == ("secret",)


def test_of_two_writers_of_one_map_neither_loses(moto_cloud: Cloud, vault: Counted, time: Time) -> None:
    arn = moto_cloud.secret("{}")
    other = SecretMap(moto_cloud.client("secretsmanager"), arn, clock=time, lifetime=0)

    def interfere(call: str) -> None:
        if call == "put_secret_value":
            vault.before = lambda _: None
            other.replace("theirs", ("their secret",))

    vault.before = interfere
    ours = SecretMap(vault, arn, clock=time, lifetime=0)  # type: ignore[arg-type]
    ours.replace("ours", ("our secret",))
    assert other.live("ours") == ("our secret",)
    assert ours.live("theirs") == ("their secret",)


def test_a_map_that_never_keeps_still_is_a_conflict(moto_cloud: Cloud, vault: Counted, time: Time) -> None:
    arn = moto_cloud.secret("{}")
    other = SecretMap(moto_cloud.client("secretsmanager"), arn, clock=time, lifetime=0)
    changes = iter(range(100))

    def interfere(call: str) -> None:
        if call == "put_secret_value":
            other.replace("theirs", (f"change {next(changes)}",))

    vault.before = interfere
    with pytest.raises(ConflictError):
        SecretMap(vault, arn, clock=time, lifetime=0).replace("ours", ("our secret",))  # type: ignore[arg-type]
    assert other.live("ours") == ()


def test_pseudonyms_follow_from_the_identity_secret_which_is_read_once(moto_cloud: Cloud, vault: Counted) -> None:
    pseudonyms = SecretPseudonyms(vault, moto_cloud.secret("ü secret"))  # type: ignore[arg-type]
    ada = Identifier("email", "ada@example.com")
    secret = "ü secret".encode()
    assert pseudonyms.key(ada) == identity_key(secret, ada)
    assert pseudonyms.profile_id("first", 1) == profile_id_for(secret, "first", 1)
    assert vault.calls == ["get_secret_value"]


# ------------------------------------------------------------------------------------------------------ holds


def test_a_hold_expires_with_the_latest_of_its_withdrawals(moto_cloud: Cloud) -> None:
    client, table = moto_cloud.client("dynamodb"), moto_cloud.table("identities")
    holds = DynamoHolds(client, table)
    holds.place("a" * 32, {"email": NOW}, 2_000)
    holds.place("a" * 32, {"email": NOW - 1}, 1_000)
    item = client.get_item(TableName=table, Key={"identity_key": {"S": "hold#" + "a" * 32}})["Item"]
    assert item["expires_at"] == {"N": "2000"}


def test_what_a_batch_leaves_unread_is_asked_for_again(moto_cloud: Cloud) -> None:
    table = moto_cloud.table("identities")
    DynamoHolds(moto_cloud.client("dynamodb"), table).place("a" * 32, {"email": NOW}, 2_000)

    class Reluctant:
        """Leaves everything unread the first time."""

        asked = 0

        def batch_get_item(self, **request: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
            return moto_cloud.client("dynamodb").batch_get_item(**request)

    reluctant = Reluctant()
    assert DynamoHolds(reluctant, table).held(["a" * 32]) == {"email": NOW}  # type: ignore[arg-type]
    assert reluctant.asked == 2
