"""A source's events in the form that its definition asks for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.checks.definitions import check
from attune.domain.collection import ecommerce
from attune.domain.collection.normalising import Normaliser
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
from attune.domain.events import Event
from attune.domain.identifiers import Identifier, by_strength
from attune.sources.content import read_identifiers
from tests.builders import definitions, identifiers, source
from tests.cpu import HANG, timed

RULES = Normalisation(
    region="DE",
    currency="EUR",
    email="mailbox",
    ecommerce=True,
    events={"checkout done": "Order Completed"},
    traits={"first_name": "firstName"},
    values={
        "traits.country": CountryValue(),
        "traits.billing.email": EmailValue(),
        "traits.gender": CategoryValue(mapping={"m": "male", "Herr": "male", "f": "female"}),
        "properties.currency": CurrencyValue(),
        "properties.total": MoneyValue(decimal_comma=True),
        "properties.tax": MoneyValue(minor_units=True),
        "properties.products.*.price": MoneyValue(decimal_comma=True),
        "properties.weight": UnitValue(said_in="lb", kept_in="kg"),
        "properties.colour": CategoryValue(mapping={"red": "red"}, others="omit"),
    },
)


def pseudonym(text: str) -> str:
    return f"<{len(text)}>"


def event(**fields: Any) -> Event:
    said: dict[str, Any] = {
        "type": "track",
        "message_id": "m",
        "time": 1,
        "name": "Viewed",
        "identifiers": identifiers(user_id="u"),
    }
    return Event(**(said | fields))


def normal(said: Event, rules: Normalisation = RULES) -> Event:
    return Normaliser(rules, pseudonym)(said)


def test_what_is_in_order_stays_the_same_object() -> None:
    said = event(properties={"total": 5, "currency": "EUR"}, traits={"country": "DE"})
    assert normal(said) is said


def test_values_are_brought_into_one_form_and_each_change_is_noted() -> None:
    said = event(
        properties={
            "total": "1.299,00 €", "tax": 1999, "currency": "eur", "weight": 2, "colour": "mauve", "other": "x",
            "products": [{"price": "5,50", "sku": "a"}, {"sku": "b"}, 3],
        },
        traits={"country": "deu", "gender": "HERR", "billing": {"email": " Ada@X.example"}},
    )  # fmt: skip
    found = normal(said)
    assert found.properties == {
        "total": 1299, "tax": 19.99, "currency": "EUR", "weight": 0.907185, "other": "x",
        "products": [{"price": 5.5, "sku": "a"}, {"sku": "b"}, 3],
    }  # fmt: skip
    assert found.traits == {"country": "DE", "gender": "male", "billing": {"email": "ada@x.example"}}
    assert set(found.notes) == {f"normalised:{path}" for path in RULES.values}
    assert said.properties["products"][0]["price"] == "5,50"


def test_what_cannot_be_read_stays_as_it_came_and_is_noted() -> None:
    said = event(properties={"total": "1.299.00", "weight": "heavy"}, traits={"country": "Germany", "gender": "x"})
    found = normal(said)
    assert (found.properties, found.traits) == (said.properties, said.traits)
    assert set(found.notes) == {
        "not_normalised:properties.total", "not_normalised:properties.weight",
        "not_normalised:traits.country", "not_normalised:traits.gender",
    }  # fmt: skip


def test_an_amount_is_in_the_currency_that_the_event_says() -> None:
    assert normal(event(properties={"tax": 500, "currency": "JPY"})).properties["tax"] == 500
    assert normal(event(properties={"tax": 500})).properties["tax"] == 5
    assert normal(event(properties={"tax": 500, "currency": "Mark"})).properties["tax"] == 500


def test_telephone_numbers_become_e164_with_the_region_of_the_source() -> None:
    said = event(identifiers=identifiers(phone="0301234567", user_id="u"), traits={"phone": "030 / 123 45 67"})
    found = normal(said, Normalisation(region="DE"))
    assert found.identifiers == identifiers(phone="+49301234567", user_id="u")
    assert found.traits == {"phone": "+49301234567"}
    assert set(found.notes) == {"normalised:identifiers.phone", "normalised:traits.phone"}
    short = normal(event(identifiers=identifiers(phone="12345")), Normalisation(region="DE"))
    assert (short.identifiers, short.notes) == (identifiers(phone="12345"), ("not_normalised:identifiers.phone",))


@pytest.mark.parametrize(
    ("said", "region", "number"),
    [
        ("030/1234567 ext. 5", "DE", "+49301234567"),
        ("(212) 555-0123 x12", "US", "+12125550123"),
        ("tel:+1-212-555-0123;ext=9", "US", "+12125550123"),
    ],
)
def test_a_number_with_an_extension_identifies_as_the_number(said: str, region: str, number: str) -> None:
    named, _ = read_identifiers([("phone", said)])
    found = normal(event(identifiers=named, traits={"phone": said}), Normalisation(region=region))
    assert (found.identifiers, found.traits["phone"]) == (identifiers(phone=number), number)


def test_a_hashed_number_is_nowhere_with_its_extension_either() -> None:
    said = "030/1234567 ext. 5"
    named, _ = read_identifiers([("phone", said)])
    heard = event(identifiers=named, traits={"phone": said}, properties={"call": said, "from": "+49 30 1234567"})
    found = normal(heard, Normalisation(region="DE", hash=("identifiers.phone",)))
    assert [found.traits["phone"], *found.properties.values()] == [pseudonym("+49301234567")] * 3


def test_mailboxes_identify_while_the_trait_stays_the_address() -> None:
    said = event(identifiers=identifiers(email="a.da+x@gmail.com"), traits={"email": "A.da+x@gmail.com"})
    found = normal(said, Normalisation(email="mailbox"))
    assert found.identifiers == identifiers(email="ada@gmail.com")
    assert found.traits == {"email": "A.da+x@gmail.com"}


def test_identifiers_that_turn_out_to_be_one_are_one_and_the_strongest_stays_first() -> None:
    said = event(identifiers=by_strength([Identifier("email", "a.da@gmail.com"), Identifier("email", "ada@gmail.com")]))
    assert normal(said, Normalisation(email="mailbox")).identifiers == identifiers(email="ada@gmail.com")


def test_names_of_traits_change_unless_there_is_one_already() -> None:
    rules = Normalisation(traits={"first_name": "firstName"})
    assert normal(event(traits={"first_name": "Ada", "age": 1}), rules).traits == {"firstName": "Ada", "age": 1}
    both = event(traits={"first_name": "Ada", "firstName": "Augusta"})
    assert normal(both, rules) is both


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("order completed", "Order Completed"),
        ("orderCompleted", "Order Completed"),
        ("ORDER_COMPLETED", "Order Completed"),
        ("Completed Order", "Order Completed"),
        ("completed_order", "Order Completed"),
        ("order-canceled", "Order Cancelled"),
        ("product added to wishlist", "Product Added to Wishlist"),
        ("checkout done", "Order Completed"),
        ("Order Completed", "Order Completed"),
        ("Orders Completed", "Orders Completed"),
        ("My Order Completed", "My Order Completed"),
        ("", ""),
    ],
)
def test_event_names_of_the_e_commerce_spec(said: str, name: str) -> None:
    assert normal(event(name=said)).name == name


def test_every_name_of_the_spec_is_its_own() -> None:
    for name in ecommerce.EVENTS:
        assert ecommerce.canonical_name(name) == name
        assert ecommerce.canonical_name(name.upper().replace(" ", "_")) == name


def test_properties_of_the_spec_get_their_names_and_others_keep_theirs() -> None:
    said = event(
        name="order_completed",
        properties={
            "orderId": "o1", "order_id": "o2", "cartId": "c", "Total": 5, "myField": 1, "products": [{"productId": 1}],
        },
    )  # fmt: skip
    found = normal(said)
    assert found.properties == {
        "orderId": "o1", "order_id": "o2", "cart_id": "c", "total": 5, "myField": 1, "products": [{"product_id": 1}],
    }  # fmt: skip
    assert set(found.notes) == {"normalised:name", "normalised:properties"}
    other = event(name="Lesson Finished", properties={"orderId": "o1"})
    assert normal(other) is other


def test_chosen_fields_are_hashed_wherever_they_lie() -> None:
    rules = Normalisation(hash=("traits.ssn", "context.ip", "properties.card"))
    said = event(
        traits={"ssn": "123-45"}, context={"ip": "10.0.0.1"}, properties={"card": {"no": 5, "ok": True}, "a": 1}
    )
    found = normal(said, rules)
    assert (found.traits, found.context) == ({"ssn": "<6>"}, {"ip": "<8>"})
    assert found.properties == {"card": {"no": "<1>", "ok": True}, "a": 1}
    assert set(found.notes) == {"hashed:traits.ssn", "hashed:context.ip", "hashed:properties.card", "hashed:event"}


def test_a_hashed_identifier_is_nowhere_in_the_event_any_more() -> None:
    rules = Normalisation(region="DE", email="mailbox", hash=("identifiers.email", "identifiers.phone"))
    said = event(
        identifiers=identifiers(user_id="u", email="a.da@gmail.com", phone="0301234567"),
        traits={"email": "A.Da@Gmail.com", "phone": "030 1234567", "age": 36},
        context={"traits": {"email": "ada@gmail.com"}, "externalIds": [{"id": " a.da@GMAIL.com", "type": "email"}]},
        properties={"contacts": ["+49 30 1234567"], "by": {"A.Da@gmail.com": 1}},
    )
    found = normal(said, rules)
    assert found.identifiers == by_strength(
        [Identifier("user_id", "u"), Identifier("email_hash", "<13>"), Identifier("phone_hash", "<12>")]
    )
    said_now = msgspec.json.encode(found).lower()
    for clear in (b"gmail", b"1234567"):
        assert clear not in said_now
    assert found.traits["age"] == 36


def test_nothing_is_left_of_a_hashed_field_however_much_of_it_there_is_and_however_it_is_spelt() -> None:
    rules = Normalisation(
        ecommerce=True,
        traits={"mail": "email"},
        hash=("traits.email", "properties.order_id", "properties.patients.*.name"),
    )
    said = event(
        name="Order Completed",
        traits={"mail": "ada@x.example", "email": "ada@y.example"},
        properties={
            "orderId": "secret-1",
            "order_id": "secret-2",
            "patients": [{"name": f"secret-{number}"} for number in range(600)],
        },
    )
    found = msgspec.json.encode(normal(said, rules))
    assert b"secret" not in found
    assert b"x.example" not in found


def test_what_was_made_of_the_content_is_under_our_key_too() -> None:
    """Else an address could be tried out: the fingerprint of an event that holds it is no secret."""
    rules = Normalisation(hash=("traits.ssn",))
    one = event(
        traits={"ssn": "1"}, fingerprint="0123456789abcdef", notes=("message_id_derived",), message_id="derived-1"
    )
    found = Normaliser(rules, lambda text: f"<under our key {text}>")(one)
    assert found.fingerprint == "<under our key 0123456789abcdef>"[:16]
    assert found.message_id == "derived-<under our key d"
    told = Normaliser(rules, pseudonym)(event(message_id="a client's own", traits={"ssn": "1"}))
    assert told.message_id == "a client's own"


def test_many_values_at_a_path_are_changed_as_far_as_time_allows() -> None:
    rules = Normalisation(region="DE", values={"traits.phones.*": PhoneValue()})
    said = event(traits={"phones": [f"030 {number:07}" for number in range(1_000_000, 1_002_500)]})
    found, spent = timed(lambda: normal(said, rules))
    assert spent < HANG
    assert found.traits["phones"][0] == "+49301000000"
    assert found.traits["phones"][-1] == "030 1002499"
    assert set(found.notes) == {"normalised:traits.phones.*", "not_normalised:traits.phones.*"}


def test_what_was_hashed_is_looked_for_among_thousands_of_values_in_time() -> None:
    rules = Normalisation(region="DE", hash=("identifiers.phone", "identifiers.email"))
    said = event(
        identifiers=identifiers(phone="0301234567", email="ada@x.example"),
        properties={"numbers": list(range(10_000, 15_000)), "last": 301234567},
    )
    found, spent = timed(lambda: normal(said, rules))
    assert spent < HANG
    assert (found.properties["numbers"][0], found.properties["last"]) == (10_000, "<12>")


def test_a_hashed_identifier_keeps_its_namespace_where_any_text_may_be_one() -> None:
    found = normal(
        event(identifiers=identifiers(user_id="ada@x.example")), Normalisation(hash=("identifiers.user_id",))
    )
    assert found.identifiers == identifiers(user_id="<13>")


def of(path: str, rule: Rule, **fields: Any) -> Normalisation:
    return Normalisation(values={path: rule}, **fields)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (Normalisation(region="XX"), "region: there is no country `XX`"),
        (Normalisation(region="UK"), "region: there is no country `UK`"),
        (Normalisation(currency="XXX"), "currency: there is no currency `XXX`"),
        (of("price", CountryValue()), "values.price: must be a path such as "),
        (of("traits", CountryValue()), "values.traits: must be a path such as "),
        (of("traits.a..b", CountryValue()), "values.traits.a..b: must be a path such as "),
        (of("traits.p", PhoneValue()), "values.traits.p: needs $.normalise.region"),
        (of("traits.p", MoneyValue()), "values.traits.p: needs $.normalise.currency"),
        (of("traits.p", UnitValue(said_in="lb", kept_in="stone")), "values.traits.p: `stone` is no unit"),
        (of("traits.p", UnitValue(said_in="lb", kept_in="m")), "values.traits.p: `lb` cannot become `m`"),
        (of("traits.p", CategoryValue(mapping={})), "values.traits.p: its mapping must name values"),
        (of("traits.p", CategoryValue(mapping={"M": "a", "m": "b"})), "values.traits.p: its mapping must name"),
        (of("traits.p", CategoryValue(mapping={"a": "b", "b": "c"})), "values.traits.p: `b` is kept for one"),
        (Normalisation(hash=("email",)), "hash[0]: must be a path such as "),
        (Normalisation(hash=("identifiers.E-Mail",)), "hash[0]: must be a path such as "),
        (Normalisation(events={"a": "$consent"}), "events.a: `$consent` is no name"),
        (Normalisation(traits={"a": "b", "b": "c"}), "traits.a: must become a name that is not itself another"),
    ],
)
def test_rules_that_cannot_be_used_are_refused_with_the_place(rules: Normalisation, problem: str) -> None:
    [found] = check(source(normalise=rules), definitions())
    assert found.startswith(f"$.normalise.{problem}")


def test_sound_rules_have_no_problems() -> None:
    hashed = msgspec.structs.replace(RULES, hash=("identifiers.email", "context.ip"))
    assert check(source(normalise=hashed), definitions()) == []


_SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["1.299,00", "EUR", "deu", "m", "red", "2 lb", "030 1234567", "a.da+x@gmail.com", ""])
    | st.text(max_size=6)
)  # fmt: skip
_NAMES = st.sampled_from(
    ["total", "tax", "currency", "weight", "colour", "products", "price", "country", "gender", "first_name",
     "firstName", "phone", "email", "billing", "orderId", "order_id", "ssn"]
) | st.text(max_size=4)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=10,
)
_EVENTS = st.builds(
    event,
    name=st.sampled_from(["Order Completed", "order_completed", "checkout done", "x"]) | st.text(max_size=8),
    properties=st.dictionaries(_NAMES, _VALUES, max_size=6),
    traits=st.dictionaries(_NAMES, _VALUES, max_size=6),
    identifiers=st.sampled_from(
        [identifiers(user_id="u"), identifiers(email="a.da@gmail.com", phone="0301234567"), identifiers(phone="12345")]
    ),
)


@settings(max_examples=200)
@given(_EVENTS, st.sampled_from([(), ("traits.ssn", "identifiers.email", "identifiers.user_id")]))
def test_normalising_twice_is_normalising_once(said: Event, hashed: tuple[str, ...]) -> None:
    before = msgspec.json.encode(said)
    rules = msgspec.structs.replace(RULES, hash=hashed)
    once = normal(said, rules)
    assert normal(once, rules) == once
    assert msgspec.json.encode(said) == before
    assert once.identifiers
    assert once == said or once.notes
