"""Who an event is about, and when two profiles may become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.identifiers import Identifier, by_strength, normalise_identifier
from attune.domain.identity import may_join
from attune.domain.profiles import Link, Profile


def person(*identifiers: Identifier, verified: bool = False) -> Profile:
    links = {f"{i.namespace}:{i.value}": Link(i, 0, verified) for i in identifiers}
    return Profile(profile_id="p", links=links)


@pytest.mark.parametrize(
    "value",
    ["", "0", "-1", "000", "0-0", "null", "None", "ANONYMOUS", "undefined", "NaN", " ", None, True, 1.5, [], "x" * 513],
)
def test_values_that_identify_nobody_are_not_identifiers(value: object) -> None:
    assert normalise_identifier("user_id", value) is None


def test_an_email_address_is_one_whatever_its_case_and_spaces() -> None:
    assert normalise_identifier("email", " Ada@Example.COM ") == Identifier("email", "ada@example.com")
    assert normalise_identifier("email", "J\u030c@x") == normalise_identifier("email", "\u01f0@x")


@pytest.mark.parametrize("value", ["ada", "@", "@example.com", "ada@", "a @ b", "a\u00a0b@c", "ada@x@y", "a\n@b"])
def test_an_address_has_one_at_something_on_both_sides_and_no_space(value: str) -> None:
    assert normalise_identifier("email", value) is None


@pytest.mark.parametrize("value", ["a@b", "o'hara+news@example.co.uk", "\u00fcmit@b\u00fccher.example", "1@2.3"])
def test_an_address_that_may_be_one_is_not_refused(value: str) -> None:
    assert normalise_identifier("email", value) == Identifier("email", value)


def test_a_phone_number_is_one_however_it_is_written() -> None:
    for written in ("+49 (30) 1234-56", " +4930123456", "+49.30.12.34.56"):
        assert normalise_identifier("phone", written) == Identifier("phone", "+4930123456")
    assert normalise_identifier("phone", 49301) == Identifier("phone", "49301")


@pytest.mark.parametrize("value", ["+", "12", "1234", "+1 2 3 4", "+0000000", "00000", "call me", " ", "\u0660" * 7])
def test_fewer_than_five_digits_or_only_zeros_are_nobodys_phone(value: str) -> None:
    assert normalise_identifier("phone", value) is None


def test_numbers_are_identifiers_as_their_digits() -> None:
    assert normalise_identifier("shopify_customer_id", 706405506930370084) == Identifier(
        "shopify_customer_id", "706405506930370084"
    )


@given(st.permutations([Identifier(n, "x") for n in ("cart_token", "anonymous_id", "crm_id", "email", "user_id")]))
def test_the_strongest_identifier_does_not_depend_on_the_order_of_claims(claims: list[Identifier]) -> None:
    namespaces = [identifier.namespace for identifier in by_strength(claims)]
    assert namespaces == ["user_id", "email", "crm_id", "anonymous_id", "cart_token"]


def test_one_profile_holds_one_user_id() -> None:
    assert not may_join([person(Identifier("user_id", "u1"))], [Identifier("user_id", "u2")])
    assert may_join([person(Identifier("user_id", "u1"))], [Identifier("email", "ada@example.com")])


def test_carts_never_keep_profiles_apart() -> None:
    carts = [Identifier("cart_token", f"t{n}") for n in range(80)]
    assert may_join([person(*carts)], [Identifier("cart_token", "another")])


def test_people_with_different_verified_addresses_stay_two() -> None:
    ada, bob = (person(Identifier("email", name), verified=True) for name in ("ada@example.com", "bob@example.com"))
    assert not may_join([ada, bob], [])
    assert may_join([ada, person(Identifier("email", "bob@example.com"))], [])
