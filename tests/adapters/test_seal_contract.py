"""`Seal`: opens with its key, and with nothing else."""

from __future__ import annotations

import pytest

from attune.adapters.aes_seal import AesSeal
from attune.adapters.memory import PlainSeal
from attune.ports import Seal


@pytest.fixture(params=[PlainSeal, AesSeal])
def seal(request: pytest.FixtureRequest) -> Seal:
    made: Seal = request.param()
    return made


@pytest.mark.parametrize("plain", [b"", b"x", bytes(range(256)) * 100])
def test_what_was_sealed_opens_with_its_key(seal: Seal, plain: bytes) -> None:
    key = seal.new_key()
    assert seal.open(key, seal.seal(key, plain)) == plain


def test_keys_are_32_bytes_and_never_the_same(seal: Seal) -> None:
    keys = [seal.new_key() for _ in range(20)]
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == 20


def test_another_key_does_not_open(seal: Seal) -> None:
    sealed = seal.seal(seal.new_key(), b"secret")
    with pytest.raises(ValueError, match="seal"):
        seal.open(seal.new_key(), sealed)


def test_no_changed_bit_goes_unnoticed(seal: Seal) -> None:
    key = seal.new_key()
    sealed = seal.seal(key, b"secret")
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises(ValueError, match="seal"):
            seal.open(key, bytes(broken))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 20])
def test_bytes_that_were_cut_short_do_not_open(seal: Seal, length: int) -> None:
    key = seal.new_key()
    with pytest.raises(ValueError, match="seal"):
        seal.open(key, seal.seal(key, b"secret")[:length])


def test_aes_hides_what_it_seals_and_never_repeats_itself() -> None:
    seal = AesSeal()
    key = seal.new_key()
    one, two = seal.seal(key, b"a secret of some length"), seal.seal(key, b"a secret of some length")
    assert one != two
    assert b"secret" not in one
