"""API keys say what they are, and are believed only when their digest fits."""

from __future__ import annotations

import re
import secrets

import pytest

from attune.domain.collection.api_keys import digest, matches, new_key, read_key


@pytest.mark.parametrize(("key_type", "letter"), [("browser", "w"), ("server", "s")])
def test_a_new_key_reads_as_what_it_was_made_as(key_type: str, letter: str) -> None:
    key_id, key = new_key(key_type, secrets.token_bytes)  # type: ignore[arg-type]
    assert re.fullmatch(rf"atn_{letter}_{key_id}_[a-z2-7]{{52}}", key)
    parts = read_key(key)
    assert parts is not None
    assert (parts.type, parts.key_id, len(key_id)) == (key_type, key_id, 12)


def test_no_two_keys_are_alike() -> None:
    made = [new_key("server", secrets.token_bytes) for _ in range(100)]
    assert len({key_id for key_id, _ in made}) == len({key for _, key in made}) == 100


def test_only_the_key_itself_matches_its_digest() -> None:
    _, key = new_key("server", secrets.token_bytes)
    stored = digest(key)
    assert matches(stored, key)
    assert not matches(stored, key[:-1] + ("a" if key[-1] != "a" else "b"))
    assert not matches(stored, "")
    assert not matches(stored, "\udc80")
    assert key not in stored


@pytest.mark.parametrize("text", ["", "atn", "atn_x_" + "a" * 12 + "_" + "b" * 52, "atn_w_short_" + "b" * 52, "é"])
def test_what_has_no_keys_shape_is_no_key(text: str) -> None:
    assert read_key(text) is None
    _, key = new_key("browser", secrets.token_bytes)
    assert read_key(key + "\n") is None
    assert read_key(key.upper()) is None
