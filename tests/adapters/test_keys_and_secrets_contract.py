"""`Keys` by public id, `Secrets` by name: what is stored is found, and one name never touches another."""

from __future__ import annotations

import msgspec
import pytest

from attune.ports import Key, Keys, Secrets
from tests.adapters.cloud import Cloud
from tests.adapters.stores import keys_store, secrets_store
from tests.builders import NOW

KEY = Key(key_id="abcdefgh2345", source="shop", type="browser", digest="0f" * 32, created_at=NOW)


@pytest.fixture
def keys(backend: Cloud | None) -> Keys:
    return keys_store(backend)


@pytest.fixture
def secrets(backend: Cloud | None) -> Secrets:
    return secrets_store(backend)


def test_an_unknown_key_is_none(keys: Keys) -> None:
    assert keys.key("nobody") is None


def test_a_key_keeps_its_role(keys: Keys) -> None:
    masked = msgspec.structs.replace(KEY, type="server", role="masked")
    keys.add(masked)
    assert keys.key(KEY.key_id) == masked
    assert keys.of("shop") == [masked]


def test_a_key_comes_back_as_it_was_added(keys: Keys) -> None:
    assert keys.key(KEY.key_id) is None
    keys.add(KEY)
    assert keys.key(KEY.key_id) == KEY
    assert keys.key("abcdefgh2346") is None


def test_a_sources_keys_are_told_in_order_and_no_other_ones(keys: Keys) -> None:
    newer = msgspec.structs.replace(KEY, key_id="abcdefgh2347", type="server", created_at=NOW + 1)
    for key in (newer, msgspec.structs.replace(KEY, key_id="abcdefgh2348", source="app"), KEY):
        keys.add(key)
    assert keys.of("shop") == [KEY, newer]
    assert keys.of("nothing") == []


def test_a_key_that_was_removed_is_unknown_and_the_others_stay(keys: Keys) -> None:
    other = msgspec.structs.replace(KEY, key_id="abcdefgh2347")
    keys.add(KEY)
    keys.add(other)
    assert keys.key(KEY.key_id) == KEY
    for _ in range(2):
        keys.remove(KEY.key_id)
    assert keys.key(KEY.key_id) is None
    assert (keys.key(other.key_id), keys.of("shop")) == (other, [other])


def test_a_name_without_secrets_has_none(secrets: Secrets) -> None:
    assert secrets.live("shop") == ()


def test_the_newest_secret_stays_first(secrets: Secrets) -> None:
    secrets.replace("shop", ("new", "old"))
    assert secrets.live("shop") == ("new", "old")


def test_replacing_one_name_leaves_the_others(secrets: Secrets) -> None:
    secrets.replace("shop", ("one",))
    secrets.replace("pos", ("two",))
    secrets.replace("shop", ("three", "one"))
    assert (secrets.live("shop"), secrets.live("pos")) == (("three", "one"), ("two",))
