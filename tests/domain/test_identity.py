"""Who an event is about, and when two profiles may become one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.identifiers import Identifier, by_strength, normalise_identifier
from attune.domain.identity.resolution import Identity, Match, expired, is_foreign, is_worn, match, may_join
from attune.domain.profiles.profile import Link, Profile
from tests.builders import DAY, NOW, identifiers


def person(*identifiers: Identifier, verified: bool = False) -> Profile:
    links = {f"{i.namespace}:{i.value}": Link(i, 0, verified) for i in identifiers}
    return Profile(profile_id="p", links=links)


@pytest.mark.parametrize(
    "value",
    ["", "0", "-1", "000", "0-0", "null", "None", "ANONYMOUS", "undefined", "NaN", " ", None, True, 1.5, [], "x" * 513],
)
def test_values_that_identify_nobody_are_not_identifiers(value: object) -> None:
    assert normalise_identifier("user_id", value) is None


def test_an_email_address_is_one_whatever_its_case_and_spaces() -> None:
    assert normalise_identifier("email", " Ada@Example.COM ") == Identifier("email", "ada@example.com")
    assert normalise_identifier("email", "J\u030c@x") == normalise_identifier("email", "\u01f0@x")


@pytest.mark.parametrize("value", ["ada", "@", "@example.com", "ada@", "a @ b", "a\u00a0b@c", "ada@x@y", "a\n@b"])
def test_an_address_has_one_at_something_on_both_sides_and_no_space(value: str) -> None:
    assert normalise_identifier("email", value) is None


@pytest.mark.parametrize("value", ["a@b", "o'hara+news@example.co.uk", "\u00fcmit@b\u00fccher.example", "1@2.3"])
def test_an_address_that_may_be_one_is_not_refused(value: str) -> None:
    assert normalise_identifier("email", value) == Identifier("email", value)


def test_a_phone_number_is_one_however_it_is_written() -> None:
    for written in ("+49 (30) 1234-56", " +4930123456", "+49.30.12.34.56"):
        assert normalise_identifier("phone", written) == Identifier("phone", "+4930123456")
    assert normalise_identifier("phone", 49301) == Identifier("phone", "49301")


@pytest.mark.parametrize(
    "written", ["030/1234567 ext. 5", "030 1234567x5", "0301234567;ext=5", "030 1234567 Extension 5"]
)
def test_the_digits_of_an_extension_are_none_of_the_number(written: str) -> None:
    assert normalise_identifier("phone", written) == Identifier("phone", "0301234567x5")


@pytest.mark.parametrize("value", ["x12345", "1234 x567", "0000 x12345", "12345"])
def test_what_looks_like_an_extension_of_nothing_is_the_number(value: str) -> None:
    assert normalise_identifier("phone", value) == Identifier("phone", "".join(filter(str.isdigit, value)))


@given(st.text("0123456789+x#;ext=. \u0663", max_size=24))
def test_a_phone_number_that_is_stored_stays_as_it_is(written: str) -> None:
    found = normalise_identifier("phone", written)
    assert found is None or normalise_identifier("phone", found.value) == found


@pytest.mark.parametrize("value", ["+", "12", "1234", "+1 2 3 4", "+0000000", "00000", "call me", " ", "\u0660" * 7])
def test_fewer_than_five_digits_or_only_zeros_are_nobodys_phone(value: str) -> None:
    assert normalise_identifier("phone", value) is None


def test_numbers_are_identifiers_as_their_digits() -> None:
    assert normalise_identifier("shopify_customer_id", 706405506930370084) == Identifier(
        "shopify_customer_id", "706405506930370084"
    )


@given(st.permutations([Identifier(n, "x") for n in ("cart_token", "anonymous_id", "crm_id", "email", "user_id")]))
def test_the_strongest_identifier_does_not_depend_on_the_order_of_claims(claims: list[Identifier]) -> None:
    namespaces = [identifier.namespace for identifier in by_strength(claims)]
    assert namespaces == ["user_id", "email", "crm_id", "anonymous_id", "cart_token"]


def test_one_profile_holds_one_user_id() -> None:
    assert not may_join([person(Identifier("user_id", "u1"))], [Identifier("user_id", "u2")])
    assert may_join([person(Identifier("user_id", "u1"))], [Identifier("email", "ada@example.com")])


def test_carts_never_keep_profiles_apart() -> None:
    carts = [Identifier("cart_token", f"t{n}") for n in range(80)]
    assert may_join([person(*carts)], [Identifier("cart_token", "another")])


def test_people_with_different_verified_addresses_stay_two() -> None:
    ada, bob = (person(Identifier("email", name), verified=True) for name in ("ada@example.com", "bob@example.com"))
    assert not may_join([ada, bob], [])
    assert may_join([ada, person(Identifier("email", "bob@example.com"))], [])


def test_a_difference_is_seen_whoever_stands_between() -> None:
    ada, bob = Identifier("email", "ada@example.com"), Identifier("email", "bob@example.com")
    people = [person(*known, verified=True) for known in ((ada,), (bob,), (ada, bob), (ada, bob))]
    for order in itertools.permutations(people):
        assert not may_join(order, [])
    assert may_join([people[0], people[2], people[3]], [])


# ------------------------------------------------------------------------------------------- whom an event is about


class Known:
    """Profiles, and who holds which identifier."""

    def __init__(self, *profiles: Profile) -> None:
        self._profiles = {profile.profile_id: profile for profile in profiles}
        self._owners = {key: profile.profile_id for profile in profiles for key in profile.links}

    def match(self, **claims: str) -> Match:
        keyed = [(keyed_as(identifier), identifier) for identifier in identifiers(**claims)]
        return match(keyed, self._owners.get, self._profiles.__getitem__)


def keyed_as(identifier: Identifier) -> str:
    return f"{identifier.namespace}:{identifier.value}"


def named(profile_id: str, *, first_seen: int = 0, verified: bool = False, **claims: str) -> Profile:
    links = {keyed_as(one): Link(one, 0, verified) for one in identifiers(**claims)}
    return Profile(profile_id=profile_id, first_seen=first_seen, links=links)


def kept(found: Match) -> list[str]:
    return [key for key, _ in found.kept]


def test_who_is_met_for_the_first_time_has_no_profile_yet() -> None:
    found = Known().match(user_id="u", anonymous_id="d")
    assert (found.profiles, kept(found)) == ((), ["user_id:u", "anonymous_id:d"])


def test_one_profile_that_any_identifier_leads_to_gets_the_event_and_the_new_identifiers() -> None:
    found = Known(named("p", anonymous_id="d")).match(user_id="u", anonymous_id="d")
    assert (found.profiles, kept(found)) == (("p",), ["user_id:u", "anonymous_id:d"])


def test_of_several_the_one_with_the_strongest_identifier_survives_then_who_was_seen_first() -> None:
    late, early = named("late", first_seen=9, email="e"), named("early", first_seen=1, anonymous_id="d")
    assert Known(late, early).match(email="e", anonymous_id="d").profiles == ("late", "early")
    one, other = named("a", first_seen=9, anonymous_id="d"), named("b", first_seen=1, cart_token="t", anonymous_id="x")
    assert Known(one, other).match(anonymous_id="d", cart_token="t").profiles == ("b", "a")
    twins = named("b", first_seen=5, email="e"), named("a", first_seen=5, email="f", anonymous_id="d")
    assert Known(*twins).match(email="e", anonymous_id="d").profiles == ("a", "b")


def test_who_holds_nothing_any_more_is_the_weakest() -> None:
    """A lagging read may show a profile without the identifier that leads to it."""
    known = Known(named("held", first_seen=9, cart_token="t"))
    known._profiles["bare"] = Profile(profile_id="bare", first_seen=1)
    known._owners["email:e"] = "bare"
    assert known.match(email="e", cart_token="t").profiles == ("held", "bare")


def test_what_would_join_two_users_is_dropped_from_the_event_the_weakest_first() -> None:
    known = Known(named("one", user_id="u1"), named("two", user_id="u2", email="e", anonymous_id="d"))
    found = known.match(user_id="u1", email="e", crm_id="c", anonymous_id="d")
    assert (found.profiles, kept(found)) == (("one",), ["user_id:u1"])
    assert kept(known.match(user_id="u1", crm_id="c", anonymous_id="d")) == ["user_id:u1", "crm_id:c"]


def test_the_strongest_identifier_is_never_dropped() -> None:
    crowded = Profile(profile_id="p", links=dict(named("p", user_id="u1").links | named("p", user_id="u2").links))
    found = Known(crowded).match(user_id="u1", email="new")
    assert (found.profiles, kept(found)) == (("p",), ["user_id:u1"])


def test_what_a_profile_holds_already_is_not_weighed_again() -> None:
    """A limit that was lowered takes nothing from anybody."""
    addresses = [Identifier("email", f"mail-{n}") for n in range(7)]
    crowded = Profile(profile_id="p", links={keyed_as(one): Link(one, 0) for one in addresses})
    assert not may_join([crowded], [])
    keyed = [(keyed_as(one), one) for one in addresses[:2]]
    found = match(keyed, lambda _: "p", lambda _: crowded)
    assert kept(found) == ["email:mail-0", "email:mail-1"]
    newcomer = [*keyed, ("anonymous_id:new", Identifier("anonymous_id", "new"))]
    assert kept(match(newcomer, lambda _: "p", lambda _: crowded)) == ["email:mail-0", "email:mail-1"]


# -------------------------------------------------------------------------------------- how long identifiers last


def test_a_cart_leads_to_its_owner_for_thirty_days_and_a_name_for_ever() -> None:
    cart = Identity(profile_id="p", at=NOW, namespace="cart_token")
    assert not expired(cart, NOW + 30 * DAY - 1)
    assert expired(cart, NOW + 30 * DAY)
    assert not expired(Identity(profile_id="p", at=NOW, namespace="email"), NOW + 900 * DAY)


def test_a_cart_in_use_is_renewed_once_a_day_and_a_name_never() -> None:
    cart, device = Identifier("cart_token", "t"), Identifier("anonymous_id", "d")
    assert not is_worn(cart, NOW, NOW + DAY - 1)
    assert is_worn(cart, NOW, NOW + DAY)
    assert not is_worn(device, NOW, NOW + 900 * DAY)


# ----------------------------------------------------------------------------------------- what a public key may name

VOUCHED = named("p", verified=True, user_id="u", email="e", anonymous_id="d", cart_token="t")


def test_a_name_that_the_shop_vouched_for_is_foreign_to_a_device_that_is_not_the_customers() -> None:
    for key in ("user_id:u", "email:e"):
        assert is_foreign(VOUCHED, key, identifiers(user_id="u", anonymous_id="another"))
        assert is_foreign(VOUCHED, key, identifiers(user_id="u"))
        assert not is_foreign(VOUCHED, key, identifiers(user_id="u", anonymous_id="d"))


def test_devices_and_carts_are_themselves_the_secret() -> None:
    for key in ("anonymous_id:d", "cart_token:t"):
        assert not is_foreign(VOUCHED, key, identifiers(email="mine", cart_token="t"))


def test_what_nobody_vouched_for_or_holds_is_not_foreign() -> None:
    assert not is_foreign(named("p", user_id="u"), "user_id:u", identifiers(user_id="u"))
    assert not is_foreign(VOUCHED, "user_id:new", identifiers(user_id="new"))
