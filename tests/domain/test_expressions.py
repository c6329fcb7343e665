"""That an evaluation ends: every way of making much of little is counted. Sizes are small, so is what is allowed."""

from __future__ import annotations

import pytest

from attune.domain.collection.expressions import Evaluation, ExpressionError

DOCUMENT = {"a": {"b": {"c": 1}}, "long": "x" * 64_000, "list": [1] * 100, "name": "n"}


def test_an_expression_gives_what_it_finds() -> None:
    assert Evaluation().of("a.b.c", DOCUMENT) == 1
    assert Evaluation().of("a.b.d", DOCUMENT) is None


MUCH = {
    "a projection": ("list[*]", 100),
    "a filter": ("list[?@ > `5`]", 300),
    "lists of lists": ("|".join(["a"] + ["[@,@]"] * 8), 500),
    "objects of objects": ("|".join(["a"] + ["{a: @, b: @}"] * 8), 500),
    "a long text twice": ("[long, long]", 2_000),
    "a document as text": ("to_string(@)", 2_000),
    "a long text between others": ("join(long, ['a', 'b', 'c'])", 3_000),
    "what is compared": ("list == list", 200),
    "what a function takes": ("length(list)", 100),
}


@pytest.mark.parametrize("much", MUCH)
def test_everything_that_makes_much_of_little_is_counted(much: str) -> None:
    expression, work = MUCH[much]
    assert Evaluation().of(expression, DOCUMENT) is not None
    with pytest.raises(ExpressionError):
        Evaluation(work).of(expression, DOCUMENT)


def test_all_expressions_of_a_document_share_what_it_may_take() -> None:
    evaluation = Evaluation(100)
    for _ in range(25):
        evaluation.of("name", DOCUMENT)
    assert evaluation.of("list[0:60]", DOCUMENT) == [1] * 60
    with pytest.raises(ExpressionError):
        evaluation.of("list[0:60]", DOCUMENT)


@pytest.mark.parametrize("expression", ["length(name, name)", "nothing(name)", "a[", "`1", "sum(name)", "ceil(long)"])
def test_whatever_fails_is_one_error_that_holds_nothing_of_the_document(expression: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        Evaluation().of(expression, DOCUMENT)
    assert "x" * 10 not in str(raised.value)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1999", "'usd'", 19.99),
        ("1999", "'JPY'", 1999.0),
        ("1999", "'kwd'", 1.999),
        ("-5", "'eur'", -0.05),
        ("null", "'eur'", None),
    ],
)
def test_an_amount_of_stripe_is_said_in_the_currency_itself(amount: str, currency: str, said: float | None) -> None:
    assert Evaluation().of(f"stripe_amount(`{amount}`, {currency})", {}) == said
    assert Evaluation().of("stripe_amount(a, b)", {"a": 1}) is None
