"""Rows are read as they are, piece by piece; what cannot be learned from is refused with its code."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from botocore.exceptions import EndpointConnectionError

from attune.domain.learning.features import FEATURES
from attune.domain.learning.training import MIN_HOLDOUT, MIN_TRAINING, Refusal
from attune_ml.dataset import Dataset, read_dataset
from tests.ml.shoppers import GROUPS, HEADER, csv, people, pieces

ROWS, _ = people(GROUPS, 50)
GOOD = csv(ROWS)


def read(data: bytes, size: int = 1_000) -> Dataset:
    found = read_dataset(pieces(data, size))
    assert isinstance(found, Dataset), found
    return found


def refused(data: bytes) -> str:
    found = read_dataset(pieces(data))
    assert isinstance(found, Refusal), found
    return found.code


@pytest.mark.parametrize("size", [1, 7, 64, 1_000_000])
@pytest.mark.parametrize("quoted", [True, False])
def test_numbers_come_in_bit_by_bit_however_the_text_is_cut(size: int, quoted: bool) -> None:
    data = csv(ROWS, quoted=quoted)
    found = read(data, size)
    held = np.arange(len(ROWS)) % 5 == 0
    assert (found.holdout == ROWS[held]).all()
    assert (found.training == ROWS[~held]).all()
    assert found.profiles == len(ROWS)
    assert found.digest == hashlib.sha256(data).hexdigest()


def test_columns_are_known_by_their_names_wherever_they_stand() -> None:
    lines = [line.split(",") for line in GOOD.decode().splitlines()]
    turned = "\n".join(",".join([*reversed(line), '"more"']) for line in lines).encode()
    assert (read(turned).training == read(GOOD).training).all()


def test_numbers_may_be_written_with_an_exponent() -> None:
    data = GOOD.replace(b"\n", b"\n" + b'"x","1.5E-4","2E0","1.0e3","3","4","5","0"\n', 1)
    assert read(data).training[0].tolist() == [1.5e-4, 2.0, 1_000.0, 3.0, 4.0, 5.0]


def test_every_number_is_the_one_that_python_reads_when_the_same_row_is_scored() -> None:
    """The nearest double to what is written, however it is written: there are parsers that are a last digit off."""
    rng = Random(7)
    drawn = [abs(struct.unpack("d", rng.randbytes(8))[0]) for _ in range(1_200)]
    numbers = [one if math.isfinite(one) else 1e23 for one in drawn]
    numbers += [rng.random() * 10 ** rng.randint(-6, 12) for _ in range(1_200)]
    texts = [form(one) for one in numbers for form in (repr, "{:.25e}".format)]
    rows = [texts[at : at + len(FEATURES)] for at in range(0, len(texts), len(FEATURES))]
    found = read(csv(rows, every=2))
    assert found.holdout.tolist() == [[float(text) for text in one] for one in rows[::2]]
    assert found.training.tolist() == [[float(text) for text in one] for one in rows[1::2]]


def row(*values: str) -> bytes:
    return GOOD + ",".join(values).encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "wrong_columns", id="nothing at all"),
        pytest.param(b"\n\n", "wrong_columns", id="blank lines"),
        pytest.param(GOOD.replace(b'"carts"', b'"cats"'), "wrong_columns", id="another column"),
        pytest.param(GOOD.replace(b'"holdout"', b'"held"'), "wrong_columns", id="no hold-out"),
        pytest.param(b"<html>503</html>", "wrong_columns", id="a page"),
        pytest.param(HEADER.encode(), "too_few_profiles", id="a header and no rows"),
        pytest.param(row("x", "NaN", "1", "1", "1", "1", "1", "0"), "not_finite", id="NaN"),
        pytest.param(row("x", "1", "", "1", "1", "1", "1", "0"), "not_finite", id="no value"),
        pytest.param(row("x", "1", "1", "Infinity", "1", "1", "1", "0"), "not_finite", id="infinite"),
        pytest.param(row("x", "1", "1", "1e999", "1", "1", "1", "0"), "not_finite", id="too large"),
        pytest.param(row("x", "1", "1", "1", "1", "NaN", "1", "1"), "not_finite", id="NaN held out"),
        pytest.param(row("x", "-0.001", "1", "1", "1", "1", "1", "0"), "negative_features", id="after the cut-off"),
        pytest.param(row("x", "1", "1", "1", "1", "1", "-1", "1"), "negative_features", id="negative, held out"),
        pytest.param(row("x", "many", "1", "1", "1", "1", "1", "0"), "unreadable_rows", id="a word"),
        pytest.param(row("x", "1", "1", "1", "1", "1", "1", "2"), "unreadable_rows", id="held out twice"),
        pytest.param(row("x", "1", "1", "1", "1", "1", "1", ""), "unreadable_rows", id="cut short"),
        pytest.param(GOOD + b'"x,1,1', "unreadable_rows", id="a quote that does not end"),
        pytest.param(GOOD.replace(b"0.", b"\xff\xfe", 1), "unreadable_rows", id="no text"),
    ],
)
def test_bad_input_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_as_few_as_can_be_learned_from() -> None:
    rows, _ = people(GROUPS, 50)
    few = csv(rows[: MIN_TRAINING + MIN_HOLDOUT], every=6)
    found = read(few)
    assert (len(found.training), len(found.holdout)) == (MIN_TRAINING, MIN_HOLDOUT)
    assert refused(csv(rows[: MIN_TRAINING + MIN_HOLDOUT], every=7)) == "too_few_profiles"
    assert refused(csv(rows[: MIN_TRAINING + MIN_HOLDOUT], every=5)) == "too_few_profiles"
    refusal = read_dataset([csv(rows[:30])])
    assert refusal == Refusal(code="too_few_profiles", profiles=30)


def test_a_source_that_breaks_off_is_no_fault_of_the_rows() -> None:
    def breaking() -> Iterator[bytes]:
        yield GOOD[:2_000]
        raise EndpointConnectionError(endpoint_url="https://s3.example.com")

    with pytest.raises(EndpointConnectionError):
        read_dataset(breaking())


def test_a_source_that_breaks_at_once_is_no_fault_of_the_columns() -> None:
    class Breaking:
        def __iter__(self) -> Iterator[bytes]:
            return self

        def __next__(self) -> bytes:
            raise EndpointConnectionError(endpoint_url="https://s3.example.com")

    with pytest.raises(EndpointConnectionError):
        read_dataset(Breaking())
