from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attune.domain.errors import AttuneError
from attune.sources.payloads import UnreadableError, compact, inflate, parse_time, read_json, require_json

LIMIT = 1_000


def refusal(body: bytes, encoding: str = "gzip") -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        inflate(body, encoding, LIMIT)
    return caught.value.status, caught.value.code


def reason(raw: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_json(raw)
    return caught.value.reason


def test_a_body_of_exactly_the_limit_passes_with_and_without_gzip() -> None:
    body = b"x" * LIMIT
    assert inflate(body, "", LIMIT) == inflate(gzip.compress(body), "gzip", LIMIT) == body


def test_one_byte_more_than_the_limit_is_too_large_with_and_without_gzip() -> None:
    body = b"x" * (LIMIT + 1)
    assert refusal(body, "") == refusal(gzip.compress(body)) == (413, "too_large")


def test_gzip_is_known_by_its_first_bytes_where_no_header_says_so() -> None:
    assert inflate(gzip.compress(b"{}"), "", LIMIT) == b"{}"


def test_a_bomb_is_refused_by_the_size_it_would_have_and_never_has_it() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    tracemalloc.start()
    try:
        assert refusal(bomb) == (413, "too_large")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000


def test_damaged_gzip_is_refused() -> None:
    whole = gzip.compress(b"hello hello hello")
    wrong_sum = whole[:-8] + bytes(4) + whole[-4:]
    damaged = [whole[:-1], whole[:5], wrong_sum, whole + whole, whole + b"rest", b"no gzip", b"", zlib.compress(b"{}")]
    assert [refusal(body) for body in damaged] == [(400, "invalid_gzip")] * len(damaged)


def test_other_encodings_are_refused_by_name() -> None:
    assert refusal(b"{}", "br") == (415, "unsupported_encoding")
    assert inflate(b"{}", " Identity ", LIMIT) == b"{}"


@given(st.binary(max_size=200), st.sampled_from(["", "gzip"]))
def test_any_bytes_are_inflated_or_refused(body: bytes, encoding: str) -> None:
    with contextlib.suppress(AttuneError):
        assert len(inflate(body, encoding, LIMIT)) <= LIMIT


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"NaN", b"[Infinity]", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'"\xff"', b'"\\ud800"'),
        *(b"[1,]", b"[" * 100_000 + b"]" * 100_000, b"{} {}", b"'a'", b'{"a" 1}', b'"\x01"', b"01"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(AttuneError, match="not valid JSON") as caught:
        require_json(body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


def test_the_space_around_a_value_is_dropped_and_nothing_within() -> None:
    assert require_json(b'\n {"a" :  "\xc3\xa9"} \t') == b'{"a" :  "\xc3\xa9"}'


def test_a_key_that_occurs_twice_makes_an_object_unreadable() -> None:
    assert reason(b'{"a":1,"a":1}') == "duplicate_keys"
    assert reason(b'{"a":1,"\\u0061":2}') == "duplicate_keys"
    assert reason(b'[{"b":{"a":"\\":","a" : null}}]') == "duplicate_keys"


def test_a_key_that_occurs_twice_is_seen_whatever_the_space_between() -> None:
    assert read_json(b' {"a" : 1,\n "b": [1, {"a": "\xc3\xa9 "}]} ') == {"a": 1, "b": [1, {"a": "\u00e9 "}]}
    assert reason(b'{"a": 1, "a": 1}') == reason(b'{"b": [{"a": 1,\n"a" : 2}]}') == "duplicate_keys"


def test_space_is_taken_out_between_parts_only_and_not_of_what_is_too_deep_for_it() -> None:
    assert compact(b'{ "a b" : [ 1, " ]" ] }') == b'{"a b":[1," ]"]}'
    deep = b" [" * 100_000 + b"]" * 100_000
    assert compact(deep) == deep


def test_text_that_looks_like_keys_is_none() -> None:
    assert read_json(b'{"a":"\\":","b":["\\" :"]}') == {"a": '":', "b": ['" :']}


def test_sixteen_levels_can_be_read_and_seventeen_are_too_deep() -> None:
    assert read_json(b"[" * 16 + b"]" * 16)
    assert reason(b"[" * 17 + b"]" * 17) == reason(b'{"a":' * 17 + b"1" + b"}" * 17) == "too_deep"


@pytest.mark.parametrize("number", ["1e400", str(2**64), str(-(2**63) - 1), "1" * 5_000, "-1e999"])
def test_numbers_that_no_store_can_hold_are_refused(number: str) -> None:
    assert reason(f'{{"a":[{number}]}}'.encode()) == "invalid_number"


def test_the_largest_numbers_that_stores_hold_are_read() -> None:
    assert read_json(f"[{2**64 - 1},{-(2**63)},1e308]".encode()) == [2**64 - 1, -(2**63), 1e308]


words = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(['":', '\\":', "\\"])
objects = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(objects, st.booleans())
def test_every_unambiguous_value_is_read_as_it_was_written(value: object, ascii_only: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    "said",
    [
        *("2025-06-15T15:06:40Z", "2025-06-15T15:06:40.000Z", "2025-06-15T17:06:40+02:00", "2025-06-15 15:06:40"),
        *("2025-06-15t15:06:40z", "20250615T150640Z", "2025-06-15T15:06:40.0000001Z", " 2025-06-15T15:06:40Z "),
        *(1_750_000_000_000, 1_750_000_000, 1_750_000_000.0, "1750000000000", "1750000000", "2025-06-15T10:06:40-0500"),
    ],
)
def test_every_notation_of_a_time_means_the_same_instant(said: object) -> None:
    assert parse_time(said) == 1_750_000_000_000


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "now",
        "yesterday",
        True,
        [],
        {},
        1e300,
        "9" * 30,
        "2025-13-01",
        "2025-02-30T00:00:00Z",
        "\u0662\u0660\u0662\u0665-01-01",
    ],
)
def test_what_is_no_time_is_none(said: object) -> None:
    assert parse_time(said) is None


def test_fractions_finer_than_milliseconds_are_cut() -> None:
    assert parse_time("2025-06-15T15:06:40.1239999Z") == 1_750_000_000_123


@example(float("nan"))
@given(st.text(max_size=30) | st.floats() | st.integers() | st.none())
def test_any_value_is_a_time_or_none(value: object) -> None:
    assert parse_time(value) is None or isinstance(parse_time(value), int)
