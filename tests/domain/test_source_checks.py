"""What `attune apply` says of a source that cannot work: everything at once, each with its path."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.domain.checks.definitions import check
from attune.domain.collection.expressions import MAX_LENGTH, expression_problem
from attune.domain.definitions.kinds import Definitions, decode_definition
from attune.domain.definitions.sources import Source

MAPPING = {"event": "'Paid'", "identifiers": {"email": "email"}}
TOKEN = {"scheme": "token", "header": "X-Token"}
WORKING: dict[str, dict[str, Any]] = {
    "http": {"origins": ["https://shop.example"], "rate_limit": {"per_second": 5}},
    "shopify": {"shop_domain": "my-shop.myshopify.com"},
    "hubspot": {"url": "https://collect.example/v1/webhooks/crm"},
    "salesforce": {"organization_id": "00D000000000062EAA", "mapping": MAPPING},
    "stripe": {"mapping": MAPPING},
    "webhook": {"signature": TOKEN, "mapping": MAPPING},
    "file": {"mapping": MAPPING},
}


def problems(kind: str, **fields: Any) -> list[str]:
    definition = decode_definition({"kind": "source", "id": "one", "type": kind, **fields})
    assert isinstance(definition, Source)
    return check(definition, Definitions())


def mapped(**mapping: Any) -> list[str]:
    return problems("file", mapping={**MAPPING, **mapping})


def signed(**signature: Any) -> list[str]:
    return problems("webhook", mapping=MAPPING, signature={"scheme": "hmac", "header": "X-Sig", **signature})


@pytest.mark.parametrize("kind", WORKING)
def test_every_type_works_with_its_own_fields(kind: str) -> None:
    assert problems(kind, **WORKING[kind]) == []


@pytest.mark.parametrize("kind", WORKING)
def test_fields_of_other_types_are_refused_all_at_once(kind: str) -> None:
    everything = {name: value for fields in WORKING.values() for name, value in fields.items()}
    foreign = {name for name in everything if name not in WORKING[kind]}
    found = problems(kind, **everything)
    assert {line.partition(":")[0].removeprefix("$.") for line in found if "only a source of type" in line} == foreign


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("shopify", ["$.shop_domain"]),
        ("hubspot", ["$.url"]),
        ("salesforce", ["$.organization_id"]),
        ("webhook", ["$.signature", "$.mapping"]),
        ("file", ["$.mapping"]),
        ("stripe", []),
        ("http", []),
    ],
)
def test_what_a_type_cannot_do_without_is_asked_for(kind: str, needed: list[str]) -> None:
    assert [line.partition(":")[0] for line in problems(kind)] == needed


@pytest.mark.parametrize(
    "organization", ["", "00D", "00D00000000006", "00D000000000062E", "005000000000062EAA", "00D00000000006é"]
)
def test_an_organization_has_an_id(organization: str) -> None:
    (problem,) = problems("salesforce", organization_id=organization)
    assert problem.startswith("$.organization_id: ")


@pytest.mark.parametrize("url", ["", "http://collect.example/", "collect.example", "https://collect.example/?a=b"])
def test_hubspot_needs_the_address_that_it_signs(url: str) -> None:
    (problem,) = problems("hubspot", url=url)
    assert problem.startswith("$.url: ")


# -------------------------------------------------------------------------------------------------------------- mapping
def test_every_expression_is_read_before_it_is_applied() -> None:
    bad = "Order Completed"
    found = mapped(
        each=bad,
        type=bad,
        event=bad,
        message_id=bad,
        time=bad,
        consent_time=bad,
        identifiers={"email": bad},
        properties={"total": bad},
        traits={"name": bad},
        consent={"email": bad},
    )
    paths = ["type", "each", "event", "message_id", "time", "consent_time", "identifiers.email", "properties.total"]
    paths += ["traits.name", "consent.email"]
    assert [line.partition(": ")[0] for line in found] == [f"$.mapping.{path}" for path in paths]
    assert all(
        line.endswith("is not JMESPath (text of its own stands in single quotes: 'Order Completed')") for line in found
    )


def test_what_can_come_to_nothing_is_refused() -> None:
    assert mapped(event=None) == [
        "$.mapping.event: a track call has one; a name of your own stands in single quotes: 'Order Completed'"
    ]
    assert mapped(type="identify") == ["$.mapping.event: only a track call has one, the type is identify"]
    assert mapped(identifiers={"E-Mail": "email"})[0].startswith("$.mapping.identifiers.E-Mail: is no namespace")
    assert mapped(consent={"emails": "yes"}, time="at")[0].startswith("$.mapping.consent.emails: `emails` is not")
    assert mapped(consent={"email": "yes"})[0].startswith("$.mapping.consent: needs `time` or `consent_time`")
    assert mapped(consent={"email": "yes"}, consent_time="at") == []
    assert mapped(type="kind", event=None) == []


def test_a_mapping_names_somebody_and_is_of_bounded_size() -> None:
    wrong: dict[str, Any]
    for wrong in ({"identifiers": {}}, {"properties": {f"p{n}": "a" for n in range(201)}}, {"event": "a" * 1001}):
        with pytest.raises(msgspec.ValidationError):
            mapped(**wrong)
    with pytest.raises(msgspec.ValidationError):
        mapped(evnt="a")


def test_all_expressions_of_a_mapping_fit_into_a_definition() -> None:
    many = {f"p{number}": "a" * 1_000 for number in range(51)}
    assert mapped(properties=many) == ["$.mapping: its expressions have more than 50,000 characters together"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a.b[0] | c", ""),
        ("items[?price > `10`].{a: a, b: b.c}", ""),
        ("sort_by(items, &price)[-1].name || 'none'", ""),
        ("stripe_amount(amount, currency)", ""),
        ("", "is empty"),
        (" ", "is empty"),
        ("a" * (MAX_LENGTH + 1), "has more than 1000 characters"),
        ("(" * 13 + "a" + ")" * 13, "has more than 12 brackets in each other"),
        ("!" * 13 + "a", "has more than 12 brackets in each other"),
        ("|".join("a" * 100), "has more than 60 steps in each other"),
        ("a[", "is not JMESPath"),
        ("`{`", "is not JMESPath"),
        ("eval(a)", "calls eval(), which does not exist"),
        ("length()", "calls length() with 0 arguments, it takes 1"),
        ("not_null()", "calls not_null() with 0 arguments, it takes 1 or more"),
        ("not_null(a, b)", ""),
        ("&a", "gives no value"),
        ("`1e999`", "holds a value that JSON cannot carry"),
        ("`NaN`", "holds a value that JSON cannot carry"),
        ('`"\\ud800"`', "holds a value that JSON cannot carry"),
        ('`{"a": [1e999]}`', "holds a value that JSON cannot carry"),
    ],
)
def test_what_may_be_written(expression: str, problem: str) -> None:
    found = expression_problem(expression)
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


# ------------------------------------------------------------------------------------------------------------ signature
def test_what_is_signed_holds_the_body_once_and_the_time_where_one_is_sent() -> None:
    assert signed() == []
    assert signed(content="v0:{timestamp}:{body}", timestamp_header="X-Time") == []
    assert signed(content="{timestamp}") == [
        "$.signature.content: must hold {body} once",
        "$.signature.timestamp_header: needed, because the content holds {timestamp}",
    ]
    assert signed(content="{body}{body}") == ["$.signature.content: must hold {body} once"]
    assert signed(timestamp_header="X-Time") == [
        "$.signature.content: must hold {timestamp} once, or anybody could change the time"
    ]


@pytest.mark.parametrize("scheme", ["hmac", "standard_webhooks", "stripe"])
def test_a_tolerance_is_something_and_not_for_ever(scheme: str) -> None:
    header = {"header": "X-Sig"} if scheme == "hmac" else {}
    for tolerance in ("0s", "61m", "1d"):
        signature = {"scheme": scheme, "tolerance": tolerance, **header}
        (problem,) = problems("webhook", mapping=MAPPING, signature=signature)
        assert problem == "$.signature.tolerance: must be more than nothing and at most an hour"


@pytest.mark.parametrize(
    "signature",
    [
        {"scheme": "md5", "header": "X-Sig"},
        {"scheme": "hmac"},
        {"scheme": "hmac", "header": "X Sig"},
        {"scheme": "hmac", "header": "X-Sig", "hash": "md5"},
        {"scheme": "token", "header": "X-Token", "tolerance": "5m"},
        {"header": "X-Token"},
    ],
)
def test_a_scheme_has_its_own_fields_and_no_others(signature: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.signature"):
        problems("webhook", mapping=MAPPING, signature=signature)
