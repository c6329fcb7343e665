"""Whether stored bytes hold a text: as it was said, in every spelling of the formats we store, and packed."""

from __future__ import annotations

import base64
import gzip
import html
import json
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.erasure.residue import MIN_LENGTH, Residue
from attune.domain.profiles.profile import Profile, Trait
from attune.domain.profiles.state import encode_profile

ANN = "ann+shop@example.com"
ZOE = "Zoë O'Brien & Söhne/Ltd"
LONG = "x" * 2_000


def profile(value: str, filling: str = "") -> bytes:
    return encode_profile(
        Profile(profile_id="p", traits={"name": Trait(value, 1, b""), "more": Trait(filling, 1, b"")})
    )


HOLDING: dict[str, bytes] = {
    "plain": f'{{"email": "{ANN}"}}'.encode(),
    "capitals": ANN.upper().encode(),
    "percent": f"https://shop.example/?e={quote(ANN, safe='')}".encode(),
    "percent of a form": f"e={quote_plus(ANN)}&x=1".encode(),
    "percent where it need not be": ("?e=" + "".join(f"%{byte:02X}" for byte in ANN.encode())).encode(),
    "percent twice": quote(quote(ANN, safe=""), safe="").encode(),
    "json escapes": json.dumps({"e": ANN}).replace("@", "\\u0040").replace("+", "\\u002B").encode(),
    "json within json": json.dumps({"body": json.dumps({"e": ANN})}).encode(),
    "utf-16": ANN.encode("utf-16"),
    "utf-16, the other way": ANN.encode("utf-16-be"),
    "gzip": gzip.compress(ANN.encode()),
    "base64": base64.b64encode(f'{{"e":"{ANN}"}}'.encode()),
    "base64 of urls": base64.urlsafe_b64encode(b"\xff\xfe\xff" + ANN.encode()),
    "base64 within base64": b'"' + base64.b64encode(b'{"raw":"' + base64.b64encode(ANN.encode()) + b'"}') + b'"',
    "base64 of gzip": b'"' + base64.b64encode(gzip.compress(ANN.encode())) + b'"',
    "gzip of lines with base64": gzip.compress(b'{"a":1}\n{"raw":"' + base64.b64encode(ANN.encode()) + b'"}\n'),
    "a profile": profile(ANN),
    "a deflated profile": profile(ANN, LONG),
    "a deflated profile in base64": b'{"B":"' + base64.b64encode(profile(ANN, LONG)) + b'"}',
    "msgpack": msgspec.msgpack.encode({"e": [ANN]}),
}


@pytest.mark.parametrize("name", HOLDING)
def test_a_text_is_found_however_it_is_written_and_packed(name: str) -> None:
    assert Residue([ANN])(HOLDING[name]) == {ANN}


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"name": ZOE}).encode(),
        json.dumps({"name": ZOE}, ensure_ascii=False).encode(),
        json.dumps({"name": ZOE}).replace("/", "\\/").encode(),
        ZOE.upper().encode(),
        html.escape(ZOE).encode(),
        quote_plus(ZOE).encode(),
        "Zoe\u0308 O'Brien & So\u0308hne/Ltd".encode(),
    ],
)
def test_letters_and_signs_of_all_kinds_are_found(data: bytes) -> None:
    assert Residue([ZOE])(data) == {ZOE}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd", "key_", "Bearer-", "x" * 41])
@pytest.mark.parametrize("after", ["", "q", "qr", "qrs"])
def test_base64_is_read_wherever_it_begins_among_letters(before: str, after: str) -> None:
    packed = base64.b64encode(f"mail: {ANN}".encode()).decode().rstrip("=")
    assert Residue([ANN])(f'{{"x":"{before}{packed}{after}"}}'.encode()) == {ANN}


def test_nothing_is_found_where_nothing_is() -> None:
    others = [one for data in HOLDING.values() for one in Residue(["bob@example.com"])(data)]
    assert others == []


def test_each_text_is_told_by_itself() -> None:
    assert Residue([ANN, "bob@example.com", "0170123"])(b'["0170123", "ann+shop@example.com"]') == {ANN, "0170123"}


def test_a_text_that_stands_everywhere_is_not_looked_for() -> None:
    with pytest.raises(ValueError, match=str(MIN_LENGTH)):
        Residue(["42"])


def test_what_only_looks_packed_is_looked_at_as_it_stands() -> None:
    text = ANN.encode()
    for head in (b"\x1f\x8b", b"\xc1", b"\xc1\xff\xff\xff\xff\x00", b"\xc1\x00\x00\x00\x09zz"):
        assert Residue([ANN])(head + text) == {ANN}


@given(st.binary(max_size=400), st.text(min_size=MIN_LENGTH, max_size=20), st.binary(max_size=400))
def test_any_text_is_found_among_any_bytes(before: bytes, text: str, after: bytes) -> None:
    data = before + text.encode("utf-8", "surrogatepass") + after
    assert Residue([text])(data) == {text}
