"""What is read as a model or a pointer is one, within bounds; whatever else the bytes are, they are told by a code."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.learning.artefacts import MAX_NAME
from attune.domain.learning.clusters import MAX_CLUSTERS, Clusters, cluster
from attune.domain.learning.models import (
    MAX_BYTES,
    UNREADABLE,
    Champion,
    Model,
    UnusableModelError,
    decode_champion,
    decode_model,
    encode_model,
)
from tests.builders import model
from tests.faults.effort import examples

NAME = model().name
DEPTHS = (1_000, 100_000)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
#: lists of numbers as a model has them, and such as it has not
ROWS = st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5, max_size=6), max_size=3)


def read(data: bytes) -> Model | str:
    """The model, or the code."""
    try:
        return decode_model(data, NAME, "run-1")
    except UnusableModelError as error:
        return error.code


def pointed(data: bytes) -> Champion | str:
    try:
        return decode_champion(data, NAME, tag="7")
    except UnusableModelError as error:
        return error.code if error.tag == "7" else "no tag"


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("field", ["version", "labels", "centroids", "unknown"])
def test_lists_in_lists_are_no_model_and_end_nothing(field: str, depth: int) -> None:
    data = f'{{"name": "{NAME}", "{field}": {"[" * depth}{"]" * depth}}}'.encode()
    assert read(data) == "corrupt_model"


@pytest.mark.parametrize("depth", DEPTHS)
def test_lists_in_lists_end_no_reader_of_pointers(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    assert pointed(f'{{"version": {nested}}}'.encode()) == "corrupt_pointer"
    assert pointed(f'{{"version": "run-1", "more": {nested}}}'.encode()) in {
        Champion(version="run-1"),
        "corrupt_pointer",
    }


def test_a_document_may_have_its_bytes_and_not_one_more() -> None:
    assert read(encode_model(model()).ljust(MAX_BYTES)) == model()
    assert read(encode_model(model()).ljust(MAX_BYTES + 1)) == "corrupt_model"
    assert pointed(b'{"version": "run-1"}'.ljust(MAX_BYTES)) == Champion(version="run-1")
    assert pointed(b'{"version": "run-1"}'.ljust(MAX_BYTES + 1)) == "corrupt_pointer"


def test_the_largest_model_that_may_serve_has_room() -> None:
    digits = 1 / 3 * 1e-300
    largest = model(
        centroids=((-digits,) * 6,) * MAX_CLUSTERS,
        labels=tuple(f"{number:\N{GRINNING FACE}>{MAX_NAME}}" for number in range(MAX_CLUSTERS)),
    )
    assert read(encode_model(largest)) == largest


changes = st.fixed_dictionaries(
    {},
    optional={
        "features": ANYTHING,
        "trained_at": st.integers() | ANYTHING,
        "mean": ROWS | ANYTHING,
        "scale": ROWS | ANYTHING,
        "centroids": ROWS | ANYTHING,
        "labels": st.lists(st.text(max_size=2 * MAX_NAME), max_size=3) | ANYTHING,
        "more": ANYTHING,
    },
)


@settings(max_examples=examples(150), deadline=None)
@given(changed=changes)
def test_a_model_is_refused_or_can_score(changed: dict[str, Any]) -> None:
    found = read(msgspec.json.encode(msgspec.to_builtins(model()) | changed))
    if isinstance(found, Clusters):
        label = cluster(found, (0.0, 1.0, 1e9, 3.5, 0.0, 7.0))
        assert 0 < len(label) <= MAX_NAME
        assert all(math.isfinite(number) for row in found.centroids for number in row)
    else:
        assert found in {"corrupt_model", "wrong_shape", "not_finite"}


@settings(max_examples=examples(150), deadline=None)
@given(data=st.binary(max_size=60) | ANYTHING.map(msgspec.json.encode))
def test_bytes_that_are_no_pointer_are_told_by_their_code(data: bytes) -> None:
    found = pointed(data)
    if isinstance(found, Champion):
        assert 0 < len(found.version) <= MAX_NAME
    else:
        assert found == "corrupt_pointer"
    assert read(data) == "corrupt_model"


def test_all_that_a_decoder_may_raise_is_known() -> None:
    for data in (b"{", b'"\xff"', b"[" * 100_000):
        with pytest.raises(UNREADABLE):
            msgspec.json.decode(data)
