"""One value into one form: telephone numbers, addresses, codes, amounts, quantities, categories.

Each function answers the value itself where nothing is to be changed, and raises ValueError for what it cannot read
without guessing; that is left as it came.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attune.domain.collection.places import COUNTRIES, CURRENCIES, UNITS
from attune.domain.identifiers import normalise_identifier

#: six decimals are what segments reckon with; beyond the largest they count nothing
_FINEST: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10) ** 12
_MAX_TEXT: Final = 64
_SPACES: Final = re.compile(r"[\s'\u2019_]")
_POINT: Final = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?", re.ASCII)
_QUANTITY: Final = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([A-Za-z_]+[23]?)?", re.ASCII)

#: providers whose mailboxes have several addresses: their own domain, what begins a tag, what they ignore
_PROVIDERS: Final = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), ("gmail.com", "+", ".")),
    **{domain: (domain, "+", "") for domain in (
        "outlook.com", "hotmail.com", "live.com", "msn.com", "icloud.com", "me.com", "mac.com", "fastmail.com",
        "fastmail.fm", "hey.com", "zoho.com",
    )},
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), ("proton.me", "+", ".-_")),
}  # fmt: skip


def phone(value: Any, region: str) -> str:
    """E.164. `region`: whose numbers have no country code."""
    # Loaded by the first number: it brings a table for each country that comes up.
    import phonenumbers

    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError
    try:
        number = phonenumbers.parse(value, region or None)
    except phonenumbers.NumberParseException:
        raise ValueError from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def email(value: Any) -> str:
    """As identifiers are written."""
    identifier = normalise_identifier("email", value)
    if identifier is None:
        raise ValueError
    return identifier.value


def mailbox(address: str) -> str:
    """The one address of all that reach the same mailbox, by what its provider says of them; domains as they travel.

    Takes an address as identifiers are written.
    """
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return address
    own, tag, ignored = _PROVIDERS.get(domain, (domain, "", ""))
    if tag:
        local = local.partition(tag)[0] or local
    for character in ignored:
        local = local.replace(character, "") or local
    return f"{local}@{own}"


def country(value: Any) -> str:
    """Alpha-2."""
    code = COUNTRIES.get(value.strip().upper()) if isinstance(value, str) else None
    if code is None:
        raise ValueError
    return code


def currency(value: Any) -> str:
    """ISO 4217 in capitals."""
    code = value.strip().upper() if isinstance(value, str) else ""
    if code not in CURRENCIES:
        raise ValueError
    return code


def money(value: Any, code: str, *, decimal_comma: bool = False, minor_units: bool = False) -> int | float:
    """A number of the main unit of the currency `code`."""
    if code not in CURRENCIES:
        raise ValueError
    amount = _amount(value, code, decimal_comma=decimal_comma)
    if minor_units:
        if amount != amount.to_integral_value():
            raise ValueError
        amount = amount.scaleb(-CURRENCIES[code])
    elif isinstance(value, int | float):
        return value
    return _number(amount)


def quantity(value: Any, said_in: str, kept_in: str) -> int | float:
    """A number of `kept_in`: the value is of `said_in` unless it is a text with a unit of its own (`2.5 lb`)."""
    unit = said_in
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value.strip()) if len(value) <= _MAX_TEXT else None
        if match is None:
            raise ValueError
        amount, unit = Decimal(match[1]), match[2] or said_in
    else:
        amount = _decimal(value)
    measure, size = UNITS.get(unit) or UNITS.get(unit.lower(), ("", Decimal(1)))
    wanted, kept = UNITS[kept_in]
    if measure != wanted:
        raise ValueError
    if not isinstance(value, str) and size == kept:
        return value  # type: ignore[no-any-return] # a number, as _decimal has found
    return _number(amount * size / kept)


def folded(text: str) -> str:
    """How categories are compared."""
    return text.strip().casefold()


def _amount(value: Any, code: str, *, decimal_comma: bool) -> Decimal:
    if not isinstance(value, str):
        return _decimal(value)
    if len(value) > _MAX_TEXT:
        raise ValueError
    text = _SPACES.sub("", value)
    symbols = text.strip("+-0123456789.,")
    if symbols and symbols.upper() != code and symbols not in _SYMBOLS.get(code, ()):
        raise ValueError
    text = text.replace(symbols, "") if symbols else text
    if (_COMMA if decimal_comma else _POINT).fullmatch(text) is None:
        raise ValueError
    text = text.replace(".", "").replace(",", ".") if decimal_comma else text.replace(",", "")
    return Decimal(text)


_SYMBOLS: Final = {
    "EUR": ("€",), "USD": ("$", "US$"), "GBP": ("£",), "JPY": ("¥",), "CHF": ("Fr", "SFr"), "INR": ("₹",),
    "PLN": ("zł",), "CZK": ("Kč",), "SEK": ("kr",), "NOK": ("kr",), "DKK": ("kr",), "KRW": ("₩",), "TRY": ("₺",),
}  # fmt: skip


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - one error for all that cannot be read
    try:
        number = Decimal(repr(value))
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise ValueError
    return number


def _number(amount: Decimal) -> int | float:
    if abs(amount) > _LARGEST:
        raise ValueError
    rounded = amount.quantize(_FINEST)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)
