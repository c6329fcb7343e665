"""`DefinitionStore`: versioned, changed only from the version that was read."""

from __future__ import annotations

import msgspec
import pytest

from attune.domain.definitions.conditions import AllOf, NotOf, Performed, PropertyTest, TraitTest
from attune.ports import ConflictError
from attune.ports.editing import DefinitionStore
from tests.adapters.cloud import Cloud
from tests.adapters.stores import definition_store
from tests.builders import (
    campaign,
    cart_segment,
    channel,
    definition_list,
    definitions,
    source,
    views_segment,
)


@pytest.fixture
def store(backend: Cloud | None) -> DefinitionStore:
    return definition_store(backend)


def test_an_empty_store_holds_no_definitions(store: DefinitionStore) -> None:
    assert store.get("segment", "keen") is None
    assert store.versions("segment") == []
    assert store.current().segments == {}


def test_every_kind_comes_back_as_it_was_put(store: DefinitionStore) -> None:
    for definition in definition_list():
        assert store.put(definition, read_version=None) == 1
    assert store.get("source", "shop") == (1, source())
    assert store.get("campaign", "cart_reminder") == (1, campaign())
    assert store.get("channel", "shop_webhook") == (1, channel())
    assert msgspec.structs.replace(store.current(), since={}) == definitions()


def test_a_nested_condition_survives(store: DefinitionStore) -> None:
    viewed = Performed(event="Product Viewed", where=(PropertyTest(property="price", operator="at_least", value=9.5),))
    rich = views_segment(when=AllOf(conditions=(viewed, NotOf(condition=TraitTest(trait="vip", value=True)))))
    store.put(rich, read_version=None)
    assert store.get("segment", "keen") == (1, rich)


def test_each_change_raises_the_version(store: DefinitionStore) -> None:
    first = store.put(views_segment(), read_version=None)
    second = store.put(views_segment(name="Keen"), read_version=first)
    assert second > first
    assert store.get("segment", "keen") == (second, views_segment(name="Keen"))


def test_a_change_needs_the_version_it_was_made_from(store: DefinitionStore) -> None:
    first = store.put(views_segment(), read_version=None)
    second = store.put(views_segment(name="Keen"), read_version=first)
    for stale in (None, first, second + 1):
        with pytest.raises(ConflictError):
            store.put(views_segment(name="Stale"), read_version=stale)
    assert store.get("segment", "keen") == (second, views_segment(name="Keen"))


def test_a_change_needs_the_definition_to_be_there(store: DefinitionStore) -> None:
    with pytest.raises(ConflictError):
        store.put(views_segment(), read_version=1)
    assert store.get("segment", "keen") is None


def test_a_deleted_definition_is_gone(store: DefinitionStore) -> None:
    version = store.put(views_segment(), read_version=None)
    store.delete("segment", "keen", read_version=version)
    assert store.get("segment", "keen") is None
    assert store.versions("segment") == []
    assert store.current().segments == {}


def test_a_deletion_needs_the_version_it_was_decided_on(store: DefinitionStore) -> None:
    first = store.put(views_segment(), read_version=None)
    second = store.put(views_segment(name="Keen"), read_version=first)
    with pytest.raises(ConflictError):
        store.delete("segment", "keen", read_version=first)
    with pytest.raises(ConflictError):
        store.delete("segment", "unknown", read_version=1)
    assert store.get("segment", "keen") == (second, views_segment(name="Keen"))


def test_a_definition_put_again_after_its_deletion_goes_on_counting(store: DefinitionStore) -> None:
    version = store.put(views_segment(), read_version=None)
    store.delete("segment", "keen", read_version=version)
    assert store.put(views_segment(), read_version=None) > version


def test_ids_are_separate_between_kinds_and_in_order_within_one(store: DefinitionStore) -> None:
    for name in ("b", "c", "a", "a-1"):
        store.put(channel(id=name), read_version=None)
    store.put(cart_segment(id="a"), read_version=None)
    assert [found.id for _, found in store.versions("channel")] == ["a", "a-1", "b", "c"]
    assert [found.id for _, found in store.versions("segment")] == ["a"]


def test_current_definitions_follow_a_change(store: DefinitionStore) -> None:
    version = store.put(views_segment(), read_version=None)
    assert store.current().segments["keen"].name == ""
    store.put(views_segment(name="Keen"), read_version=version)
    assert store.current().segments["keen"].name == "Keen"
