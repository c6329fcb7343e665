"""What is true of a customer, computed the slow way from everything that ever happened.

Written from the English of the definitions; imports nothing of the code it judges. Times are ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any

#: an abandoned cart is forgotten 30 days after it was last touched
FORGOTTEN_AFTER = 30 * 86_400_000


def did_within(times: Iterable[int], at_least: int, within: int | None, at: int) -> bool:
    """Whether at `at` it was done at least so many times in the time `within` before; exactly `within` ago is too
    long ago.
    """
    return sum(1 for time in times if time <= at and (within is None or at - time < within)) >= at_least


def is_abandoned(did: Iterable[int], without: Iterable[int], after: int, at: int) -> bool:
    """Whether at `at` the thing was done, then left alone for the time `after`, and not cancelled at or after the
    last time.
    """
    last = max((time for time in did if time <= at), default=None)
    if last is None or any(last <= time <= at for time in without):
        return False
    return last + after <= at < last + FORGOTTEN_AFTER


def true_since(truth: Any, instants: Iterable[int], at: int) -> int:
    """The first of the instants from which on `truth` held up to `at`."""
    since = at
    for instant in sorted((i for i in instants if i <= at), reverse=True):
        if not truth(instant):
            return since
        since = instant
    return since


def last_words(statements: Iterable[tuple[int, str, Any]]) -> dict[str, Any]:
    """What holds after (time, name, value) statements, each name's last one; None takes a name back."""
    latest: dict[str, tuple[int, Any]] = {}
    for time, name, value in statements:
        if name not in latest or time > latest[name][0]:
            latest[name] = (time, value)
    return {name: value for name, (_, value) in latest.items() if value is not None}


def critical_instants(times: Iterable[int], delays: Iterable[int]) -> list[int]:
    """Every event, every instant at which a delay after an event runs out, and 1 ms to either side of each."""
    known, waits = list(times), list(delays)
    exact = {time + delay for time in known for delay in (0, *waits)}
    return sorted({instant + offset for instant in exact for offset in (-1, 0, 1)})


# ------------------------------------------------------------------------------------------ what a person did and is


def counted(happened: Iterable[Happening]) -> list[int]:
    """The first and the last instant, orders, their worth in hundredths, product views, changes of a cart."""
    done = list(happened)
    times = [one.time for one in done]
    orders = [Decimal(str(one.properties.get("total", 0))) for one in done if one.name == "Order Completed"]
    views = [one for one in done if one.name == "Product Viewed"]
    carts = [one for one in done if one.name in {"Product Added", "Cart Viewed"}]
    return [min(times), max(times), len(orders), int(100 * sum(orders)), len(views), len(carts)]


@dataclass
class Scored:
    """Somebody of whom models may speak or not. A score is (as of, version, value); the last of them counts."""

    permits: bool = True
    granted_at: int = 0
    #: the grant ended a withdrawal: nothing that is older than it counts
    came_back: bool = False
    score: tuple[int, str, str] | None = None

    def told(self, at: int, version: str, value: str) -> None:
        if self.permits and not (self.came_back and at < self.granted_at):
            self.score = max((at, version, value), self.score or (0, "", ""))

    def withdraws(self) -> None:
        self.permits, self.score = False, None

    def grants(self, at: int) -> None:
        if not self.permits:
            self.permits, self.granted_at, self.came_back = True, at, True

    def absorbs(self, other: Scored) -> None:
        """Who of the two refuses speaks for both; if one of them once did, what is older than their grant is gone."""
        if not (self.permits and other.permits):
            self.withdraws()
            return
        returned = [one.granted_at for one in (self, other) if one.came_back]
        self.granted_at, self.came_back = max(returned, default=0), bool(returned)
        self.score = max(self.score or (0, "", ""), other.score or (0, "", "")) if self.score or other.score else None


# ---------------------------------------------------------------------------------------------------- condition trees

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True)
class Happening:
    """One thing a person did, and what it said of their traits; None takes a trait back.

    `scores`: it was no doing of theirs, but a model's word on them.
    """

    time: int
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)


def delays_of(condition: Mapping[str, Any]) -> set[int]:
    """Every duration that stands in a condition as it is written, in ms."""
    parts = [*condition.get("conditions", ()), *([condition["condition"]] if "condition" in condition else ())]
    found = {_milliseconds(condition[name]) for name in ("within", "after") if name in condition}
    return found.union(*map(delays_of, parts))


def condition_holds(condition: Mapping[str, Any], happened: Iterable[Happening], key: str, at: int) -> bool:
    """Whether the condition, as it is written, holds at `at`, for the cart `key` where it speaks of one."""
    past = [one for one in happened if one.time <= at]
    match condition["type"]:
        case "all":
            return all(condition_holds(part, past, key, at) for part in condition["conditions"])
        case "any":
            return any(condition_holds(part, past, key, at) for part in condition["conditions"])
        case "not":
            return not condition_holds(condition["condition"], past, key, at)
        case "performed":
            within = _milliseconds(condition["within"]) if "within" in condition else None
            return did_within(_times(past, condition), condition["at_least"], within, at)
        case "abandoned":
            of_cart = [one for one in past if one.properties.get(condition["key"]) == key]
            did = [time for part in condition["did"] for time in _times(of_cart, part)]
            without = [time for part in condition["without"] for time in _times(of_cart, part)]
            return is_abandoned(did, without, _milliseconds(condition["after"]), at)
        case "trait" | "score":
            return _compare_last(condition, past)
        case other:
            raise ValueError(other)


def _compare_last(condition: Mapping[str, Any], past: Iterable[Happening]) -> bool:
    """What was last said of a trait, or what a model last said."""
    is_trait = condition["type"] == "trait"
    said = [(one.time, name, value) for one in past for name, value in (one.traits if is_trait else one.scores).items()]
    known = last_words(said).get(condition["trait" if is_trait else "model"])
    return _compare(condition["operator"], known, condition.get("value"))


def _times(happened: Iterable[Happening], wanted: Mapping[str, Any]) -> list[int]:
    return [
        one.time
        for one in happened
        if one.name == wanted["event"]
        and all(
            _compare(test["operator"], one.properties.get(test["property"]), test["value"])
            for test in wanted.get("where", ())
        )
    ]


def _compare(operator: str, actual: Any, wanted: Any) -> bool:
    """Of whole numbers and of nothing; what is not there stands in no order to anything."""
    if operator in {"greater_than", "at_least"}:
        return actual is not None and bool(actual > wanted or (operator == "at_least" and actual == wanted))
    if operator in {"is_set", "is_not_set"}:
        return (actual is not None) == (operator == "is_set")
    return bool(actual == wanted) == (operator == "equals")


def _milliseconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


# ------------------------------------------------------------------------------------------------------------- carts


def cart_contents(happened: Iterable[Happening], cart: str) -> dict[str, int]:
    """Product → how many lie in the cart: the newest list of everything, and what was put in or taken out since.

    No two things happened in the same instant.
    """
    mine = [one for one in happened if one.properties.get("cart_id") == cart]
    lists = [one for one in mine if one.name == "Cart Viewed" and "products" in one.properties]
    newest = max(lists, key=lambda one: one.time, default=None)
    lying = {line["product_id"]: line["quantity"] for line in newest.properties["products"]} if newest else {}
    for one in mine:
        sign = {"Product Added": 1, "Product Removed": -1}.get(one.name, 0)
        if sign and (newest is None or one.time > newest.time):
            product = one.properties["product_id"]
            lying[product] = lying.get(product, 0) + sign * one.properties["quantity"]
    return {product: quantity for product, quantity in lying.items() if quantity > 0}


# ----------------------------------------------------------------------------------------------------------- consent


@dataclass(frozen=True)
class Sent:
    """What reached us under one message id. `may_grant`: from a trusted source or a device that the person holds.

    `stated`: a statement of consent and not a banner's choice that rides along; `bare`: nothing but a statement.
    `basis` is what the source vouches for where the event says nothing.
    """

    time: int
    says: Mapping[str, bool] = field(default_factory=dict)
    basis: Mapping[str, bool] = field(default_factory=dict)
    may_grant: bool = True
    stated: bool = False
    bare: bool = False


class Person:
    """What somebody known has said of consent, as it reached us; `said`: purpose → (granted, since when, stated).

    What a source vouches for is held as said at time 0. `words`: purpose → what was stated or withdrawn, by its time:
    between a withdrawal and the grant that ended it nothing is stored, however late it comes. Of grants that follow
    each other the first is kept, and of the newest ones the last as well.
    """

    STORING = "analytics"

    def __init__(self) -> None:
        self.said: dict[str, tuple[bool, int, bool]] = {}
        self.words: dict[str, dict[int, bool]] = {}

    def sends(self, sent: Sent) -> bool:
        """Whether the event is stored; what it says is heard, of a refused one only what it withdraws."""
        stored = sent.bare or self._may_be_stored(sent)
        for purpose, granted in sent.says.items():
            if granted and stored and sent.may_grant:
                self._hear_grant(purpose, sent)
            elif not granted:
                self._note(purpose, sent.time, granted=False)
        for purpose, vouched in sent.basis.items():
            if stored and vouched and purpose not in sent.says:
                self.said.setdefault(purpose, (True, 0, False))
        return stored

    def _may_be_stored(self, sent: Sent) -> bool:
        own = sent.says.get(self.STORING)
        if own is False:
            return False
        if self.STORING not in self.said:
            return (own is True and sent.may_grant) or (own is None and sent.basis.get(self.STORING, False))
        granted, since, _ = self.said[self.STORING]
        if not granted:
            return own is True and sent.may_grant and sent.stated and sent.time > since
        before = [word for time, word in self.words.get(self.STORING, {}).items() if time <= sent.time]
        if before and not before[-1]:
            return False
        return (own is True and sent.may_grant) or since <= sent.time

    def _hear_grant(self, purpose: str, sent: Sent) -> None:
        """What rides along is heard where nothing was; a statement that is newer than all words is one of them."""
        words = self.words.get(purpose, {})
        if sent.stated and sent.time > max(words, default=-1):
            self._note(purpose, sent.time, granted=True)
        elif purpose not in self.said:
            self.said[purpose] = (True, sent.time, False)

    def _note(self, purpose: str, time: int, *, granted: bool) -> None:
        words = self.words.setdefault(purpose, {})
        words[time] = granted
        runs = [(word, [at for at, _ in run]) for word, run in groupby(sorted(words.items()), lambda one: one[1])]
        *earlier, (newest, at) = runs
        kept = [(run[0], word) for word, run in earlier] + [(at[0], newest), (at[-1], newest)]
        self.words[purpose] = dict(kept)
        self.said[purpose] = (newest, at[0] if newest else at[-1], True)
