"""One value into one form; what cannot be read without guessing is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.collection import values
from attune.domain.collection.places import COUNTRIES, CURRENCIES, UNITS


@pytest.mark.parametrize(
    ("said", "region", "kept"),
    [
        ("030 1234567", "DE", "+49301234567"),
        ("+49 (0)30 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("+44 20 7946 0018", "DE", "+442079460018"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("030 1234567 ext. 5", "DE", "+49301234567"),
        (4155552671, "US", "+14155552671"),
    ],
)
def test_a_telephone_number_is_e164(said: Any, region: str, kept: str) -> None:
    assert values.phone(said, region) == kept
    assert values.phone(kept, region) == kept


@pytest.mark.parametrize("said", ["", "12", "030 12", "ada", None, True, 1.5, [], "+" + "1" * 80, "00000000000"])
def test_what_is_no_telephone_number(said: Any) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        values.phone(said, "DE")


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ada.love.lace+shop@gmail.com", "adalovelace@gmail.com"),
        ("ada.lovelace@googlemail.com", "adalovelace@gmail.com"),
        ("ada+shop@outlook.com", "ada@outlook.com"),
        ("ada.lovelace@outlook.com", "ada.lovelace@outlook.com"),
        ("a.d-a_l+x@protonmail.com", "adal@proton.me"),
        ("ada+shop@company.example", "ada+shop@company.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("+@gmail.com", "+@gmail.com"),
        ("...@gmail.com", "...@gmail.com"),
    ],
)
def test_addresses_that_reach_one_mailbox_are_one(address: str, mailbox: str) -> None:
    assert values.mailbox(address) == mailbox


@pytest.mark.parametrize(("said", "kept"), [("de", "DE"), (" DEU ", "DE"), ("UK", "GB"), ("GBR", "GB"), ("el", "GR")])
def test_a_country_is_two_letters(said: str, kept: str) -> None:
    assert values.country(said) == kept


@pytest.mark.parametrize("said", ["Germany", "", "XX", None, 49, ["DE"]])
def test_what_is_no_country(said: Any) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        values.country(said)


def test_the_tables_are_whole() -> None:
    assert (len(set(COUNTRIES.values())), len([code for code in COUNTRIES if len(code) == 3])) == (249, 249)
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert [CURRENCIES[code] for code in ("EUR", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    assert {measure for measure, _ in UNITS.values()} == {"mass", "length", "volume", "area", "time", "data"}


@pytest.mark.parametrize(
    ("said", "code", "how", "kept"),
    [
        ("19.99", "EUR", {}, 19.99),
        (" 1,299.00 ", "USD", {}, 1299),
        ("$1,299.50", "USD", {}, 1299.5),
        ("1.299,00 €", "EUR", {"decimal_comma": True}, 1299),
        ("1 299,90 EUR", "EUR", {"decimal_comma": True}, 1299.9),
        ("CHF 1\u2019299.90", "CHF", {}, 1299.9),
        ("-5", "EUR", {}, -5),
        (19.99, "EUR", {}, 19.99),
        (20.0, "EUR", {}, 20.0),
        (1999, "EUR", {"minor_units": True}, 19.99),
        ("1999", "EUR", {"minor_units": True}, 19.99),
        (1999, "JPY", {"minor_units": True}, 1999),
        (1999, "KWD", {"minor_units": True}, 1.999),
        ("0.0000001", "EUR", {}, 0),
    ],
)
def test_money_is_a_number_of_the_main_unit(said: Any, code: str, how: dict[str, bool], kept: float) -> None:
    found = values.money(said, code, **how)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("said", "code", "how"),
    [
        ("1.299,00", "EUR", {}),
        ("1,29", "EUR", {}),
        ("1,299.00", "EUR", {"decimal_comma": True}),
        ("12 USD", "EUR", {}),
        ("£12", "EUR", {}),
        ("12-13", "EUR", {}),
        ("", "EUR", {}),
        ("free", "EUR", {}),
        (19.99, "EUR", {"minor_units": True}),
        (True, "EUR", {}),
        (None, "EUR", {}),
        (float("inf"), "EUR", {}),
        (10**15, "EUR", {"minor_units": True}),
        ("12", "", {}),
        ("1" * 70, "EUR", {}),
    ],
)
def test_what_is_no_amount_or_might_be_another_is_refused(said: Any, code: str, how: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        values.money(said, code, **how)


@pytest.mark.parametrize(
    ("said", "said_in", "kept_in", "kept"),
    [
        (2, "lb", "kg", 0.907185),
        ("2.5 lb", "kg", "kg", 1.133981),
        ("2.5kg", "lb", "kg", 2.5),
        (70, "in", "cm", 177.8),
        (90, "min", "s", 5400),
        (5, "kg", "kg", 5),
        ("5", "kg", "kg", 5),
    ],
)
def test_a_quantity_is_a_number_of_one_unit(said: Any, said_in: str, kept_in: str, kept: float) -> None:
    assert values.quantity(said, said_in, kept_in) == kept


@pytest.mark.parametrize("said", ["2 m", "2 stone", "two", "", None, True, [1], "1e5 kg"])
def test_what_is_no_quantity_of_the_kind(said: Any) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        values.quantity(said, "lb", "kg")


_ANY = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.lists(st.integers(), max_size=2)
)


@given(_ANY, st.sampled_from(["EUR", "JPY", "USD", ""]), st.booleans(), st.booleans())
def test_any_value_is_read_or_refused(said: Any, code: str, comma: bool, minor: bool) -> None:
    for read in (
        lambda: values.money(said, code, decimal_comma=comma, minor_units=minor),
        lambda: values.quantity(said, "lb", "kg"),
        lambda: values.phone(said, "DE"),
        lambda: values.country(said),
        lambda: values.currency(said),
        lambda: values.email(said),
    ):
        with contextlib.suppress(ValueError):
            assert isinstance(read(), int | float | str)


@given(st.emails())
def test_a_mailbox_is_its_own(address: str) -> None:
    mailbox = values.mailbox(values.email(address))
    assert values.mailbox(mailbox) == mailbox
