"""What a masked key does not see of a person, by name and by what it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.computations import Last
from attune.domain.definitions.kinds import ComputedTrait, Definitions, snapshot
from attune.domain.definitions.sources import Source
from attune.domain.identifiers import Identifier
from attune.domain.privacy.masking import MASKED, NO_MASK, Mask, is_personal, masked

PLAIN = Mask(Definitions())


@pytest.mark.parametrize(
    ("namespace", "value", "shown"),
    [
        ("email", "ada@example.com", "a…@example.com"),
        ("phone", "+493012345678", "…78"),
        ("user_id", "ada@example.com", "a…@example.com"),
        ("user_id", "4711", "4711"),
        ("user_id", "00493012345678", MASKED),
        ("loyalty_id", "L-77", "L-77"),
        ("email_hash", "3f2a", "3f2a"),
        ("hubspot_contact_id", "1795382430572", "1795382430572"),
        ("salesforce_contact_id", "0035g00000T5QrsAAF", "0035g00000T5QrsAAF"),
        ("whatsapp_number", "3012345678", MASKED),
    ],
)
def test_addresses_are_told_apart_and_not_told(namespace: str, value: str, shown: str) -> None:
    assert masked(Identifier(namespace, value)) == shown


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "firstName",
        "first_name",
        "First Name",
        "billing.zip",
        "homeAddress2",
        "BirthDate",
        "IP",
        "Geburts-Tel.",
    ],
)
def test_what_is_named_like_personal_data_is_hidden(name: str) -> None:
    assert PLAIN.value(name, "anything") == MASKED


@pytest.mark.parametrize("name", ["loyalty_tier", "shipping_method", "favourite_brand", "orders_count", "tags"])
def test_what_is_not_is_shown(name: str) -> None:
    assert PLAIN.value(name, "gold") == "gold"
    assert PLAIN.value(name, 7) == 7


@pytest.mark.parametrize(
    "value",
    [
        "write to ada@example.com, please",
        "https://shop.example/unsubscribe?who=ada%40example.com",
        "call +49 (30) 1234-5678",
        "0049 30 12345678",
    ],
)
def test_an_address_is_hidden_wherever_it_stands(value: str) -> None:
    assert PLAIN.value("remark", value) == MASKED
    assert PLAIN.value("remarks", [{"text": value}]) == [{"text": MASKED}]
    assert PLAIN.value("remarks", {value: 1}) == {MASKED: 1}
    assert (PLAIN.name(value), PLAIN.name("remarks")) == (MASKED, "remarks")


def test_somebody_s_own_number_is_hidden_however_it_is_written() -> None:
    mask = Mask(Definitions(), [Identifier("phone", "+493012345678")])
    assert mask.value("remark", "030 / 12 34 56 78") == MASKED
    assert mask.value("remark", 3012345678) == MASKED
    assert mask.value("remark", "12345") == "12345"
    assert mask.identifier(Identifier("user_id", "03012345678")) == MASKED
    assert mask.identifier(Identifier("user_id", "12345")) == "12345"


def test_what_a_source_marks_is_hidden_whoever_says_it() -> None:
    mask = Mask(snapshot((Source(id="shop", personal=("shoe_size", "badge")), Source(id="till"))))
    assert mask.value("shoe_size", 44) == mask.value("feet.shoe_size", 44) == MASKED
    assert mask.identifier(Identifier("badge", "7")) == MASKED
    assert PLAIN.value("shoe_size", 44) == 44


@pytest.mark.parametrize("read", ["first_name", "customer.city", "shoe_size"])
def test_a_computed_trait_does_not_tell_what_is_hidden_where_it_was_said(read: str) -> None:
    computed = ComputedTrait(id="newest", compute=Last(event="Seen", property=read))
    mask = Mask(snapshot((Source(id="shop", personal=("shoe_size",)), computed)))
    assert mask.value("newest", "Ada") == MASKED


def test_yes_no_and_nothing_are_shown() -> None:
    assert PLAIN.value("email_verified", value := True) is value
    assert PLAIN.value("email", None) is None


def test_without_a_mask_all_is_shown() -> None:
    assert NO_MASK.value("email", "ada@example.com") == NO_MASK.name("ada@example.com") == "ada@example.com"
    assert NO_MASK.identifier(Identifier("phone", "+493012345678")) == "+493012345678"


PLAIN_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
VALUES = st.recursive(
    PLAIN_VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def placed(value: Any, secret: str, where: int) -> Any:
    """The value with a text somewhere in it."""
    if isinstance(value, dict):
        return {**value, "deep": secret} if where % 2 else {**value, secret: 1}
    return [*value, secret] if isinstance(value, list) else f"{value} {secret} {value}"


@given(st.text(max_size=10), VALUES, st.integers(0, 9))
def test_no_address_gets_through_whatever_it_lies_in(name: str, value: Any, where: int) -> None:
    assert "ada@example.com" not in str(PLAIN.value(name, placed(value, "ada@example.com", where)))


@given(st.text(max_size=10), VALUES)
def test_masking_twice_is_masking_once(name: str, value: Any) -> None:
    once = PLAIN.value(name, value)
    assert PLAIN.value(name, once) == once


def test_words_count_as_wholes() -> None:
    assert not is_personal("shipping")  # `ip` in it
    assert not is_personal("relation")  # `lat` in it
    assert is_personal("client_ip")
