"""Whether bytes name somebody: in every spelling that formats give to a value, and never somebody else's."""

from __future__ import annotations

import base64
import gzip
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.erasure.mentions import Mentions

ANN = ("ann@example.com", "+491701234567", "42", "gid://shopify/Customer/77", "dev-123456", "Jürgen@exämple.de")
NAMED: tuple[bytes, ...] = (
    b'{"email":"Ann@Example.com"}',
    b"Ann <ann@example.com>, Bob",
    b"mailto:ann@example.com.",
    b"a=1&email=ann%40example.com&b",
    b'{"page":"https:\\/\\/shop.example\\/?e=ann\\u0040example.com"}',
    b"<Email>ann&#64;example.com</Email>",
    base64.b64encode(b'{"x":"ann@example.com"}'),
    b'{"data":"' + base64.b64encode(b'{"raw":"' + base64.b64encode(b'{"x":"ann@example.com"}') + b'"}') + b'"}',
    b'"0170 123 45 67"',
    b"tel: +49 (170) 1234567",
    b"0170-1234567, 3 pieces",
    b"0170 1234567 42 91",
    b'{"userId":"42"}',
    b'{"customer":{"id":42,"name":"A"}}',
    b"customer_id=42&x=1",
    "jürgen@exämple.de".encode(),
    json.dumps({"email": "JÜRGEN@exämple.de"}).encode(),
    b'{"customer_gid":"gid:\\/\\/shopify\\/Customer\\/77"}',
    b'[["anonymous_id","dev-123456"]]',
    b'{"namespace":"user_id","value":"42"}',
    b"?anonymous_id=dev-123456&x",
    b"<sf:userId>42</sf:userId>",
    b"<customer>\n<id>7</id><userId> dev-123456</userId></customer>",
    b"anonymousId: dev-123456",
    b"https://shop.example/?u=https%3A%2F%2Fother.example%3Fe%3Dann%2540example.com",
    b'{"document":"{\\"email\\":\\"ann\\\\u0040example.com\\"}"}',
    gzip.compress(b'{"email":"ann@example.com"}', mtime=0),
    base64.b64encode(gzip.compress(b'{"email":"ann@example.com"}', mtime=0)),
    "email\nann@example.com\n".encode("utf-16"),
    "x,ann@example.com\n".encode("utf-16-le")[1:-1],
    b"bob\0ann@example.com\0bob",
    b"\xfe\x01 not text ann@example.com \x00",
)
OTHERS: tuple[bytes, ...] = (
    b"joann@example.com",
    b"ann@example.community",
    b"x.ann@example.com",
    b'{"quantity":42,"price":"42"}',
    b'{"userId":"421"}',
    b"dev-1234567",
    b"xdev-123456",
    b"1234567",
    b"+49 170 1234568",
    b"",
    # what anybody may call themselves stands in everybody's input
    b'{"dev-123456":1,"event":"dev-123456","properties":{"sku":"dev-123456"}}',
    b"user_id,dev-123456,timestamp",
    b'{"order_id":"42","orderId":42,"checkout_id":"dev-123456"}',
    b'{"customer":"Ann","42":1}',
    b"<userId>421</userId><user>b</user><quantity>42</quantity>",
)


@pytest.mark.parametrize("data", NAMED)
def test_somebody_is_found_however_the_value_is_spelled(data: bytes) -> None:
    assert Mentions(ANN)(data)


@pytest.mark.parametrize("data", OTHERS)
def test_nobody_is_taken_for_somebody_else(data: bytes) -> None:
    assert not Mentions(ANN)(data)


def test_nobody_is_named_by_nothing() -> None:
    assert not any(Mentions(values)(b"ann@example.com ") for values in ((), ("",), (" ",), ("@",)))


@pytest.mark.parametrize(
    ("number", "text", "is_named"),
    [
        ("+4512345678", '{"phone":"12 34 56 78"}', True),
        ("+4512345678", "call me, tel 12345678, thanks", True),
        ("+4512345678", '{"traits":{"mobile_number": 12345678}}', True),
        ("+4512345678", "<sf:Phone>12 34 56 78</sf:Phone>", True),
        ("+4512345678", "said 0045 12345678", True),
        ("+4512345678", "phone=%2B45+12+34+56+78", True),
        ("+6561234567", "phone: 6123 4567", True),
        ("+3545812345", '"whatsapp":"581-2345"', True),
        ("+85261234567", "phone 061234567", True),
        ("+4520250615", '{"timestamp":"2025-06-15","order":20250615,"at":1720250615}', False),
        ("+4512345678", '{"phone":"12 34 56 78 90"}', False),
        ("+4512345678", '{"phone":"+49 151 12345678"}', False),
        ("+4512345678", '{"phone":"12345679"}', False),
        ("+33612345678", '{"phone":"12345678"}', False),
    ],
)
def test_a_number_of_few_digits_counts_with_its_country_or_behind_a_key_of_telephones(
    number: str, text: str, *, is_named: bool
) -> None:
    assert Mentions([number])(text.encode()) is is_named


def test_an_order_counts_behind_a_key_of_orders() -> None:
    mentions = Mentions(["104223"], ["104224"])
    assert mentions(b'{"order_id":"104224"}')
    assert mentions(b'{"order":{"id":104224,"total":1}}')
    assert not mentions(b'{"order_id":"104223","user_id":"104224"}')


@pytest.mark.parametrize("word", ["anonymousId", "userId", "timestamp", "properties", "Order Completed", "mozilla/5.0"])
def test_whoever_is_called_as_a_word_of_everybodys_input_is_not_in_it(word: str) -> None:
    data = {
        "type": "track", "anonymousId": "bob", "userId": "b-1", "event": "Order Completed", "timestamp": "x",
        "properties": {"timestamp": "timestamp", "name": word}, "context": {"userAgent": "Mozilla/5.0 (X11)"},
    }  # fmt: skip
    assert not Mentions([word])(json.dumps(data).encode())


_value = st.one_of(
    st.uuids().map(str),
    st.binary(min_size=16, max_size=32).map(bytes.hex),
    st.from_regex(r"[a-zäß0-9][a-zäß0-9._+]{0,20}@[a-zäß0-9]{1,20}\.[a-z]{2,8}", fullmatch=True).filter(
        lambda text: ".@" not in text
    ),
)


@given(_value, st.sampled_from(("json", "ascii", "form", "html", "base64", "quoted", "plain")))
def test_a_value_that_nobody_else_writes_is_found_in_any_spelling(value: str, spelling: str) -> None:
    spelled = {
        "json": json.dumps({"a": [value]}, ensure_ascii=False),
        "ascii": json.dumps({"a": value}),
        "form": f"a={quote(value, safe='')}&b=1",
        "html": f"<a>{html.escape(value)}</a>",
        "base64": base64.b64encode(f'{{"some longer text": "{value}"}}'.encode()).decode(),
        "quoted": f'1,"{value}",2',
        "plain": f"said {value}, then",
    }[spelling]
    assert Mentions([value])(spelled.encode())
