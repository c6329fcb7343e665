"""Clusters are named for where they lie, whatever order they come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.learning.features import FEATURES
from attune_ml.clusters import MOST
from attune_ml.names import ARCHETYPES, VIP, name_clusters

MONETARY = FEATURES.index("monetary")
centroids: st.SearchStrategy[np.ndarray] = st.lists(
    st.tuples(*[st.floats(-4, 4, width=32)] * len(FEATURES)), min_size=2, max_size=MOST, unique=True
).map(np.array)


@pytest.mark.parametrize("left_out", [name for name in ARCHETYPES if name != VIP])
def test_every_archetype_is_known_by_its_own_place(left_out: str) -> None:
    # vip's own money is raised a little: big_baskets have as much
    vectors = {name: np.array(vector) for name, vector in ARCHETYPES.items() if name != left_out}
    vectors[VIP] = vectors[VIP] * 1.1
    assert list(name_clusters(np.array(list(vectors.values())))) == list(vectors)


@given(found=centroids, seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_names_are_unique_known_and_follow_the_centroids_in_any_order(found: np.ndarray, seed: int) -> None:
    names = name_clusters(found)
    assert len(set(names)) == len(found)
    assert set(names) <= set(ARCHETYPES)
    order = np.random.default_rng(seed).permutation(len(found))
    assert name_clusters(found[order]) == tuple(names[row] for row in order)


@given(found=centroids)
@settings(max_examples=100, deadline=None)
def test_vip_is_for_who_spends_most_and_for_nobody_else(found: np.ndarray) -> None:
    names = name_clusters(found)
    money = found[:, MONETARY]
    if VIP in names:
        assert money[names.index(VIP)] == money.max()
        assert (money == money.max()).sum() == 1


def test_where_nobody_spends_nobody_is_a_vip() -> None:
    found = np.random.default_rng(0).normal(size=(MOST, len(FEATURES)))
    found[:, MONETARY] = 0.0
    assert VIP not in name_clusters(found)


def test_a_cluster_in_the_very_middle_has_a_name_too() -> None:
    found = np.array([[0.0] * 6, [1.0] * 6])
    assert len(set(name_clusters(found))) == 2
