"""Rules of a source's values as functions."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from attune.domain.collection import values
from attune.domain.collection.drafts import OMITTED, Change
from attune.domain.definitions.normalisation import (
    CategoryValue,
    CountryValue,
    CurrencyValue,
    EmailValue,
    MoneyValue,
    Normalisation,
    PhoneValue,
    Rule,
    UnitValue,
)

_SIMPLE: Final = {EmailValue: values.email, CountryValue: values.country, CurrencyValue: values.currency}


def change_of(rule: Rule, rules: Normalisation) -> Change:
    """The rule as a function of a value and of the currency that the event's amounts are in."""
    match rule:
        case PhoneValue():
            return lambda value, _: values.phone(value, rules.region)
        case MoneyValue(decimal_comma=comma, minor_units=minor):
            return partial(values.money, decimal_comma=comma, minor_units=minor)
        case UnitValue(said_in=said_in, kept_in=kept_in):
            return lambda value, _: values.quantity(value, said_in, kept_in)
        case CategoryValue():
            return _category(rule)
        case _:
            simple = _SIMPLE[type(rule)]
            return lambda value, _: simple(value)


def _category(rule: CategoryValue) -> Change:
    wanted = {values.folded(kept): kept for kept in rule.mapping.values()}
    wanted |= {values.folded(said): kept for said, kept in rule.mapping.items()}

    def change(value: Any, _: str) -> Any:
        said = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        kept = wanted.get(values.folded(said)) if isinstance(said, str) else None
        if kept is not None:
            return kept
        if rule.others == "omit":
            return OMITTED
        raise ValueError

    return change
