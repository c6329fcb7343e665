from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from attune.domain.campaigns.templates import MAX_MESSAGE, MAX_OUTPUT, TemplateError, check, render

CONTEXT: dict[str, Any] = {
    "profile": {"profile_id": "p1", "segments": ["keen"]},
    "traits": {"first_name": "Ada", "items": 3, "age": None, "vip": True, "html": "<b>", "sizes": ["S", 42, True]},
    "campaign": {"id": "cart_reminder", "name": "Cart"},
    "cart": {
        "products": [{"name": "Tea", "price": 49.9, "quantity": 2}, {"name": "Cup", "price": 3, "quantity": 1}],
        "currency": "EUR",
    },
}


def text(template: str, **context: Any) -> Any:
    assert check({"x": template}) == []
    return json.loads(render({"x": template}, CONTEXT | context))["x"]


def failure(template: Any, **context: Any) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        render({"x": template}, CONTEXT | context)
    return caught.value


def test_strings_are_templates_and_everything_else_is_taken_as_it_is() -> None:
    message = {"a": "Hi {{ traits.first_name }}", "b": [1, 2.5, None, True, {"c": "plain {} text"}], "{{ x }}": ""}
    assert json.loads(render(message, CONTEXT)) == {
        "a": "Hi Ada",
        "b": [1, 2.5, None, True, {"c": "plain {} text"}],
        "{{ x }}": "",
    }


def test_a_value_is_replaced_as_it_is() -> None:
    message = {
        "products": {"value": "cart.products"},
        "price": {"value": "cart.products.0.price"},
        "zip": {"value": "traits.zip", "default": "?"},
        "not one": {"value": 3},
        "nor this": {"value": "12", "currency": "EUR"},
    }
    rendered = json.loads(render(message, CONTEXT))
    assert rendered["products"] == CONTEXT["cart"]["products"]
    assert (rendered["price"], rendered["zip"]) == (49.9, "?")
    assert (rendered["not one"], rendered["nor this"]) == ({"value": 3}, {"value": "12", "currency": "EUR"})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ traits.zip | default('there') }}", "there"),
        ("{{ traits.age | default('unknown') }}", "unknown"),
        ("{{ traits.items }}", "3"),
        ("{{ traits.vip }}", "true"),
        ("{{ traits.html }} {{ traits.html | escape }}", "<b> &lt;b&gt;"),
        ("{{ cart.products[1].price | decimals }} {{ 2 | decimals(1) }}", "3.00 2.0"),
        ("{{ cart.products | length }}: {{ traits.sizes | join(', ') }} {{ ['a', 1] | join }}", "2: S, 42, true a1"),
        ("{{ traits.html | urlencode }} {{ 3 | upper }} {{ 'a bc' | truncate(3, true, '.', 0) }}", "%3Cb%3E 3 a ."),
        ("{{ (cart.products | first).name | upper }}", "TEA"),
        (
            "{% for p in cart.products %}{{ loop.index }} {{ p.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1 Tea, 2 Cup",
        ),
        ("{% if traits.zip is defined %}a{% elif cart.currency in ['EUR', 'CHF'] %}b{% else %}c{% endif %}", "b"),
        ("{{ 'many' if cart.products | length > 1 else 'one' }}", "many"),
        ("{# a remark #}a\n", "a\n"),
    ],
)
def test_what_templates_can_say(template: str, expected: str) -> None:
    assert text(template) == expected


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ nobody }}", "`nobody` is not one of"),
        ("{{ loop.index }}", "`loop` is not one of"),
        ("{{ self }}", "is Jinja's own"),
        ("{{ _steps }}", "is Jinja's own"),
        ("{{ cart.__class__ }}", "begins with _"),
        ("{{ ''.__class__.__mro__ }}", "begins with _"),
        ("{{ cart.update({}) }}", "no calls"),
        ("{{ range(10) }}", "no calls"),
        ("{{ cart.products.append(1) }}", "no calls"),
        ("{{ [0] * 10**8 }}", "no arithmetic"),
        ("{{ 'a' * 10**8 }}", "no arithmetic"),
        ("{{ '%1000000000d' % 1 }}", "no arithmetic"),
        ("{{ 'a' | center(100000000) }}", "there is no filter `center`"),
        ("{{ 'a' | replace('', 'aaaa') }}", "there is no filter `replace`"),
        ("{{ traits.items | join(traits.first_name) }}", "`join` takes one constant text"),
        ("{{ cart.products | join(', ', attribute='name') }}", "`join` takes one constant text"),
        ("{{ cart.products | join(', ', 'name') }}", "`join` takes one constant text"),
        ("{{ cart.products | join(d=', ') }}", "`join` takes one constant text"),
        ("{{ cart.products | join('" + "x" * 21 + "') }}", "`join` takes one constant text"),
        ("{{ cart | attr('x') }}", "there is no filter `attr`"),
        ("{{ cart.products | map('upper') }}", "there is no filter `map`"),
        ("{{ 1 | round(9, 'ceil') }}", "there is no filter `round`"),
        ("{{ traits.items is divisibleby 3 }}", "there is no test `divisibleby`"),
        ("{{ cart.products[0:2] }}", "only a constant"),
        ("{{ traits[traits.first_name] }}", "only a constant"),
        ("{% set x = 1 %}", "no `assign`"),
        ("{% include 'x' %}", "no `include`"),
        ("{% import 'x' as y %}", "no `import`"),
        ("{% extends 'x' %}", "no `extends`"),
        ("{% macro f() %}{% endmacro %}", "no `macro`"),
        ("{% filter upper %}x{% endfilter %}", "no `filterblock`"),
        ("{% for a, b in cart.products %}{% endfor %}", "one variable"),
        ("{% for a in cart.products recursive %}{% endfor %}", "recursive"),
        (
            "{% for a in 'x' %}{% for b in 'x' %}{% for c in 'x' %}{% endfor %}{% endfor %}{% endfor %}",
            "more than 2 loops",
        ),
        ("{{ 1", "is not a template"),
        ("{{ " + "9" * 5_000 + " }}", "is not a template"),
        ("{{ " + "not " * 1_500 + "1 }}", "is not a template"),
        ("{{ " + "(" * 9_000 + " }}", "longer than"),
    ],
)
def test_what_they_cannot_say_is_refused_when_defined_and_when_rendered(template: str, problem: str) -> None:
    problems = check({"a": ["", template]})
    assert len(problems) == 1
    assert problems[0].startswith("$.message.a[1]: ")
    assert problem in problems[0]
    assert failure(template).reason == "template_error"


def test_every_problem_is_named_with_its_path() -> None:
    message = {"a": "{{ x }}", "b": {"c": [{"value": "order.id"}, "{{ y }}"]}, "d": {"value": ""}}
    assert [problem.partition(":")[0] for problem in check(message)] == [
        "$.message.a",
        "$.message.b.c[0].value",
        "$.message.b.c[1]",
        "$.message.d.value",
    ]


def test_a_message_too_long_or_too_deep_is_refused() -> None:
    assert "bytes" in check({"a": "x" * MAX_MESSAGE})[0]
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}
    assert "nests deeper" in check(deep)[0]
    assert failure(deep).reason == "template_error"


@pytest.mark.parametrize(
    "template",
    [
        "{{ traits.zip }}",
        "{{ traits.zip.code | default('x') }}",
        "{{ traits.age }}",
        "{{ traits.zip | upper }}",
        "{{ traits.zip | decimals }}",
        "{{ traits.zip | join(', ') }}",
        "{{ [traits.age] | join(', ') }}",
        "{{ traits.age | upper }}",
        "{% if traits.zip %}x{% endif %}",
        "{% for p in traits.zip %}x{% endfor %}",
        {"value": "traits.zip"},
        {"value": "traits.age"},
        {"value": "cart.products.9"},
    ],
)
def test_a_missing_value_is_an_error_of_its_own(template: Any) -> None:
    assert failure(template).reason == "missing_value"


def test_without_a_cart_what_names_it_is_missing() -> None:
    bare = {name: value for name, value in CONTEXT.items() if name != "cart"}
    for template in ("{{ cart.currency }}", {"value": "cart.products"}):
        with pytest.raises(TemplateError) as caught:
            render({"x": template}, bare)
        assert caught.value.reason == "missing_value"


@pytest.mark.parametrize(
    "template",
    [
        "{{ cart }}",
        "{{ cart.products }}",
        "{{ traits.first_name > 3 }}",
        "{{ 'a' | decimals }}",
        "{{ traits.first_name | join(', ') }}",
        "{{ cart.products | join(', ') }}",
        "{{ cart | join(', ') }}",
        "{{ [traits.first_name] | upper }}",
        "{{ cart | urlencode }}",
    ],
)
def test_unsuitable_data_is_an_error_that_quotes_no_value(template: str) -> None:
    error = failure(template)
    assert error.reason == "template_error"
    assert "Ada" not in str(error)


@pytest.mark.parametrize(
    "template", ["{{ cart.items }}", "{{ cart['__class__'] }}", "{{ traits.keys }}", "{{ cart.products.append }}"]
)
def test_nothing_of_python_can_be_named(template: str) -> None:
    assert failure(template).reason == "missing_value"


def test_a_customers_text_is_never_a_template() -> None:
    hostile = "{{ 7 }}{% for a in b %}"
    assert text("{{ traits.name }}", traits={"name": hostile}) == hostile


def test_a_loop_ends_after_a_hundred_and_loops_together_after_a_thousand() -> None:
    many = {"products": list(range(150))}
    assert text("{% for p in cart.products %}x{% endfor %}", cart=many) == "x" * 100
    nested = "{% for p in cart.products %}{% for q in cart.products %}x{% endfor %}{% endfor %}"
    assert failure(nested, cart=many).reason == "template_error"


def test_output_ends_at_64_kb() -> None:
    long = {"long": "x" * 2_000, "all": ["x" * 30_000] * 3}
    assert failure("{% for p in cart.products %}{{ traits.long }}{% endfor %}" * 30, traits=long).reason == "too_large"
    assert failure({"value": "traits.all"}, traits=long).reason == "too_large"
    wide = "\u20ac" * (MAX_OUTPUT // 3 + 1)
    assert failure("{{ traits.wide }}", traits={"wide": wide}).reason == "too_large"


@pytest.mark.parametrize(
    "template",
    [
        "{{ traits.many | join('" + "x" * 20 + "') }}",
        "{{ [" + ", ".join(["traits.long"] * 500) + "] | join | length }}",
        "{{ [" + ", ".join(["traits.odd | urlencode"] * 300) + "] | length }}",
        "{{ traits.odd" + " | urlencode" * 100 + " | length }}",
        "{{ traits.odd" + " | escape | upper" * 50 + " | length }}",
        "{{ traits.long" + " | title" * 100 + " | length }}",
        "{% for p in traits.many %}{% if traits.long | upper == 'x' %}{% endif %}{% endfor %}",
    ],
)
def test_filters_cannot_multiply_what_a_customer_sent(template: str) -> None:
    hostile = {"long": "a b" * 10_000, "odd": "&%" * 15_000, "many": [0] * 100_000}
    tracemalloc.start()
    try:
        assert failure(template, traits=hostile).reason == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_text_is_not_doubled_by_quoting_it_again_and_again() -> None:
    for name in ("upper", "lower", "trim", "escape", "urlencode", "title", "capitalize", "truncate(9999999)", "join"):
        quoted = "'\\\\'"
        for _ in range(25):
            quoted = f"[[{quoted}] | {name}]"
        assert failure("{{ " + quoted + " | length }}").reason == "template_error" or name == "join"
