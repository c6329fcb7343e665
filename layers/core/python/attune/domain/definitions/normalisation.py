"""How a source's values are brought into one form before anything is stored, as people define it.

What the rules do is in `normalising`; whether they can be used in `checks.normalisation`. What each means in plain
English: docs/collect.md.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from attune.domain.definitions.conditions import Part

Region = Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2, such as DE")]
Currency = Annotated[str, msgspec.Meta(pattern="^([A-Z]{3})?$", description="ISO 4217, such as EUR")]
#: the names that a path may begin with, and what it may be `hash`ed in besides
WHERE: Final = ("properties", "traits", "context")


class PhoneValue(Part, frozen=True, kw_only=True, tag="phone", tag_field="as"):
    """A telephone number to E.164: `+493012345678`."""


class EmailValue(Part, frozen=True, kw_only=True, tag="email", tag_field="as"):
    """An e-mail address as identifiers are written: trimmed, lower case, NFC."""


class CountryValue(Part, frozen=True, kw_only=True, tag="country", tag_field="as"):
    """A country's code of ISO 3166-1 (alpha-2, alpha-3, any case) to alpha-2."""


class CurrencyValue(Part, frozen=True, kw_only=True, tag="currency", tag_field="as"):
    """A currency's code of ISO 4217, any case, to capitals."""


class MoneyValue(Part, frozen=True, kw_only=True, tag="money", tag_field="as"):
    """An amount to a number of the currency's main unit; `currency` beside it says which.

    `decimal_comma`: texts are written 1.299,00. `minor_units`: whole numbers are of the smallest unit (cents).
    """

    decimal_comma: bool = False
    minor_units: bool = False


class UnitValue(Part, frozen=True, kw_only=True, tag="unit", tag_field="as"):
    """A quantity to a number of `kept_in`; one without a unit of its own is `said_in`."""

    said_in: str
    kept_in: str


class CategoryValue(Part, frozen=True, kw_only=True, tag="category", tag_field="as"):
    """One of several values, by what the source calls them, whatever the case. `others`: what is not among them."""

    mapping: dict[str, str]
    others: Literal["keep", "omit"] = "keep"


Rule = PhoneValue | EmailValue | CountryValue | CurrencyValue | MoneyValue | UnitValue | CategoryValue


class Normalisation(Part, frozen=True, kw_only=True):
    """What a source says of its values; what it does not say is left as it came.

    `region`: whose telephone numbers have no country code; where it is given, telephone numbers become E.164.
    `currency`: what amounts are in where an event does not say. `email`: `mailbox` makes addresses one that reach the
    same mailbox by their provider's rules. `ecommerce`: names of Segment's e-commerce spec, however they are spelt.
    `events`, `traits`: other names of events and traits. `values`: by path, such as `traits.country` or
    `properties.products.*.price`. `hash`: paths, and identifiers such as `identifiers.email`.
    """

    region: Region = ""
    currency: Currency = ""
    email: Literal["address", "mailbox"] = "address"
    ecommerce: bool = False
    events: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    traits: dict[str, str] = {}  # noqa: RUF012
    values: dict[str, Rule] = {}  # noqa: RUF012
    hash: tuple[str, ...] = ()
