"""What types cannot say of a source's normalisation: paths that lead somewhere, codes and units that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attune.domain.collection.places import COUNTRIES, CURRENCIES, UNITS
from attune.domain.collection.values import folded
from attune.domain.definitions.normalisation import (
    WHERE,
    CategoryValue,
    MoneyValue,
    Normalisation,
    PhoneValue,
    Rule,
    UnitValue,
)

MAX_RULES: Final = 200
_STEPS: Final = re.compile(r"[^.*]+(\.(\*|[^.*]+))*")
_NAMESPACE: Final = re.compile(r"identifiers\.[a-z][a-z0-9_]{0,39}")


def normalisation_problems(rules: Normalisation) -> Iterator[str]:
    """Each as `$.normalise.values.traits.phone: what is wrong`."""
    yield from _codes(rules)
    yield from _names(rules)
    for path, rule in rules.values.items():
        if problem := _path_problem(path) or _rule_problem(rule, rules):
            yield f"$.normalise.values.{path}: {problem}"
    for index, path in enumerate(rules.hash):
        if not _NAMESPACE.fullmatch(path) and (problem := _path_problem(path)):
            yield f"$.normalise.hash[{index}]: {problem}; or identifiers.<namespace>"


def _codes(rules: Normalisation) -> Iterator[str]:
    if rules.region and COUNTRIES.get(rules.region) != rules.region:
        yield f"$.normalise.region: there is no country `{rules.region}`"
    if rules.currency and rules.currency not in CURRENCIES:
        yield f"$.normalise.currency: there is no currency `{rules.currency}`"


def _names(rules: Normalisation) -> Iterator[str]:
    if max(len(rules.values), len(rules.events), len(rules.traits), len(rules.hash)) > MAX_RULES:
        yield f"$.normalise: at most {MAX_RULES} values, events, traits and hashes are allowed"
    for said, kept in rules.events.items():
        if not kept.strip() or kept.lstrip().startswith("$"):
            yield f"$.normalise.events.{said}: `{kept}` is no name that an event can have"
    for said, kept in rules.traits.items():
        if not kept or kept in rules.traits:
            yield f"$.normalise.traits.{said}: must become a name that is not itself another"


def _path_problem(path: str) -> str:
    where, _, rest = path.partition(".")
    if where not in WHERE or not _STEPS.fullmatch(rest):
        return f"must be a path such as traits.country or properties.products.*.price, in {', '.join(WHERE)}"
    return ""


def _rule_problem(rule: Rule, rules: Normalisation) -> str:
    match rule:
        case UnitValue():
            return _unit_problem(rule)
        case CategoryValue():
            return _category_problem(rule)
        case PhoneValue() if not rules.region:
            return "needs $.normalise.region, whose numbers have no country code"
        case MoneyValue() if not rules.currency:
            return "needs $.normalise.currency, for events that do not say theirs"
    return ""


def _unit_problem(rule: UnitValue) -> str:
    unknown = [unit for unit in (rule.said_in, rule.kept_in) if unit not in UNITS]
    if unknown:
        return f"`{unknown[0]}` is no unit; known are {', '.join(UNITS)}"
    is_possible = UNITS[rule.said_in][0] == UNITS[rule.kept_in][0]
    return "" if is_possible else f"`{rule.said_in}` cannot become `{rule.kept_in}`"


def _category_problem(rule: CategoryValue) -> str:
    """What is kept must stay what it is when it is said."""
    wanted = {folded(said): kept for said, kept in rule.mapping.items()}
    if not wanted or len(wanted) < len(rule.mapping):
        return "its mapping must name values, and none twice: case does not matter"
    unsteady = sorted(kept for kept in rule.mapping.values() if wanted.get(folded(kept), kept) != kept)
    return f"`{unsteady[0]}` is kept for one value, and is itself to become another" if unsteady else ""
