"""Merging two profiles, whoever absorbs whom and however it is grouped, makes the same of all they hold.

What a profile is called, how often it was merged, the key that seals its rows and its ledger's chain are its own.
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from attune.domain.events import short_hash
from attune.domain.identifiers import Identifier
from attune.domain.profiles import memory
from attune.domain.profiles.activity import Activity
from attune.domain.profiles.carts import fold_cart
from attune.domain.profiles.consent import NEVER, Consent
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import (
    FINGERPRINT,
    Link,
    Membership,
    Position,
    Profile,
    Score,
    Timer,
    Trait,
    cause_of,
)
from attune.domain.profiles.windows import Mark, Sample, Samples, Sessions, add_sample, add_to_sessions
from tests.builders import MINUTE, NOW, event
from tests.faults.effort import examples

fixed = settings(
    derandomize=True,
    max_examples=examples(60, long=5_000),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

#: how many marks each slot needs, and how many samples; the first letter says which are kept
MARKED = {"n-three": 3, "n-one": 1, "o-two": 2}
SAMPLED = {"a-two": 2, "b-two": 2, "e-two": 2, "t-two": 2, "f-one": 1, "u-two": 2}
CAPACITIES = MARKED | SAMPLED
OWN = {"profile_id", "generation", "first", "merges", "data_key", "ledger_length", "ledger_head"}
#: what adds up, so that merging the same twice would count it twice
SUMS = {"events", "activity", "samples"}

#: few, so that both sides know something of the same
names = st.sampled_from(["a", "b", "c"])
instants = st.integers(NOW, NOW + 5)
orders = st.sampled_from([short_hash(name) for name in "xyz"])
some = st.sets(names)
small = st.integers(1, 3)
#: an identity key stands for one identifier
links = {"a": Identifier("email", "a"), "b": Identifier("anonymous_id", "b"), "c": Identifier("cart_token", "c")}
#: of one (time, order) there is one value
traits = st.builds(lambda time, order: Trait(f"{time}{order.hex()}", time, order), instants, orders)


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """A grant, which may have ended a withdrawal, or a withdrawal, which may have been repeated."""
    at, granted = draw(instants), draw(st.booleans())
    since = draw(st.sampled_from([0, NOW - 2, NOW - 1] if granted else [NOW - 1, at]))
    return Consent(granted, at, draw(st.sampled_from(["shop", "app"])), not granted or draw(st.booleans()), since)


@st.composite
def carts(draw: st.DrawFn) -> dict[str, Any]:
    """What any events make of a few carts."""
    made: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(["Product Added", "Product Removed", "Cart Viewed"]))
        properties: dict[str, Any] = {"cart_id": draw(names)}
        if name == "Cart Viewed":
            properties["products"] = [{"product_id": draw(names), "quantity": draw(small)}]
            properties |= draw(st.dictionaries(st.sampled_from(["currency", "value", "checkout_url"]), names))
        else:
            properties |= {"product_id": draw(names), "quantity": draw(small)}
        number = draw(st.integers(0, 30))
        one = event(name, message_id=f"m{number}", time=NOW + number * MINUTE, properties=properties)
        # one message id is one content
        fold_cart(made, one, short_hash(str(number), name, str(properties)))
    return made


@st.composite
def stays(draw: st.DrawFn) -> Membership:
    entered = draw(instants)
    left = draw(st.none() | st.integers(entered, NOW + 9))
    return Membership(entered, left, draw(st.booleans()))


@st.composite
def timers(draw: st.DrawFn) -> Timer:
    return Timer(*(draw(st.none() | instants) for _ in range(3)))


@st.composite
def samples(draw: st.DrawFn, slot: str, most: int) -> Samples:
    """What any events leave in a slot. An event counts for one person: where sums are kept no two have the same."""
    found = None
    for _ in range(draw(st.integers(1, most + 2))):
        own = draw(st.binary(min_size=8, max_size=8)) if slot.startswith("b") else draw(orders)
        time = draw(instants)
        found = add_sample(found, Sample(time, own, (time - NOW + own[0]) % 4), slot, most)
    assert found is not None
    return found


@st.composite
def sessions(draw: st.DrawFn) -> Sessions:
    found = None
    for minutes in draw(st.lists(st.integers(0, 300), min_size=1, max_size=6)):
        found = add_to_sessions(found, NOW + minutes * MINUTE)
    assert found is not None
    return found


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    permitted = draw(st.booleans())
    first = draw(instants)
    return Profile(
        profile_id=draw(names),
        events=draw(st.integers(0, 9)),
        first_seen=first,
        last_seen=draw(instants),
        as_of=draw(instants),
        links={name: Link(links[name], draw(instants), draw(st.booleans())) for name in draw(some)},
        traits={name: draw(traits) for name in draw(some)},
        consent={name: draw(consents()) for name in draw(some)}
        | ({"personalization": Consent(True, first, "shop", stated=first % 2 == 0)} if permitted else {}),
        windows={
            slot: sorted({Mark(draw(instants), draw(orders)) for _ in range(draw(st.integers(1, most)))})
            for slot, most in MARKED.items()
        },
        samples={slot: draw(samples(slot, most)) for slot, most in SAMPLED.items() if draw(st.booleans())},
        sessions=draw(st.none() | sessions()),
        lists={name: draw(traits) for name in draw(some)},
        timers={"slot": {name: draw(timers()) for name in draw(some)}},
        carts=draw(carts()),
        activity=draw(st.none() | st.builds(Activity, instants, instants, *[st.integers(0, 3)] * 4)),
        scores={"model": Score(draw(names), draw(names), draw(instants))} if permitted and draw(st.booleans()) else {},
        memberships={name: draw(stays()) for name in draw(some)},
        cursors={
            name: Position(draw(st.integers(1, 2)), number.to_bytes(24, "big"), NOW + number)
            for name in draw(some)
            for number in [draw(st.integers(0, 5))]
        },
        seen=remembered({short_hash(name): (draw(orders), draw(instants)) for name in draw(some)}, FINGERPRINT),
        webhooks=remembered({short_hash(name): (draw(orders), draw(instants)) for name in draw(some)}, FINGERPRINT),
        seen_records=remembered({short_hash(name): (b"", draw(instants)) for name in draw(some)}, 0),
    )


def remembered(notes: dict[bytes, tuple[bytes, int]], size: int) -> bytes:
    packed = b""
    for order, (note, at) in notes.items():
        packed = memory.unite(packed, memory.remember(b"", order, note, at), size)
    return packed


def share_a_sum(*of: Profile) -> bool:
    """An event counts for one person: drawn at random, two may have the same all the same."""
    summed = [
        (s.time, s.order) for one in of for slot, kept in one.samples.items() if slot[0] == "b" for s in kept.kept
    ]
    return len(set(summed)) < len(summed)


def merged(*of: Profile) -> Profile:
    one, *others = copy.deepcopy(of)
    for other in others:
        merge_profiles(one, other, CAPACITIES)
    return one


def held(profile: Profile, *, but: set[str] = OWN) -> dict[str, Any]:
    """What it knows; a stay with whose entry was told of it, which only a merge writes down."""
    known = msgspec.structs.asdict(profile)
    known["memberships"] = {
        name: msgspec.structs.replace(stay, told=cause_of(profile, stay)) for name, stay in profile.memberships.items()
    }
    return {name: value for name, value in known.items() if name not in but}


@fixed
@given(profiles(), profiles())
def test_it_does_not_matter_who_absorbs_whom(a: Profile, b: Profile) -> None:
    assert held(merged(a, b)) == held(merged(b, a))


@fixed
@given(profiles(), profiles(), profiles())
def test_it_does_not_matter_who_is_merged_first(a: Profile, b: Profile, c: Profile) -> None:
    assume(not share_a_sum(a, b, c))
    assert held(merged(merged(a, b), c)) == held(merged(a, merged(b, c)))


@fixed
@given(profiles(), profiles())
def test_what_was_merged_before_adds_nothing_but_what_adds_up(a: Profile, b: Profile) -> None:
    once = merged(a, b)
    assert held(merged(once, b), but=OWN | SUMS) == held(once, but=OWN | SUMS)
    assert held(merged(a, a), but=OWN | SUMS) == held(a, but=OWN | SUMS)


@fixed
@given(profiles(), profiles())
def test_a_refusal_of_either_is_one_of_both(a: Profile, b: Profile) -> None:
    both = merged(a, b)
    for purpose in a.consent.keys() | b.consent.keys():
        said = [one.consent[purpose] for one in (a, b) if purpose in one.consent]
        assert both.consent[purpose].granted is all(word.granted for word in said)
        kept = both.consent[purpose]
        assert {(kept.at, kept.source, kept.until)} <= {(word.at, word.source, word.until) for word in said}
        # of those who are one now, whatever either had withdrawn was withdrawn
        for begin, end in (one for word in said for one in word.withdrawals()):
            assert kept.withdrawn(begin)
            assert end == NEVER or not kept.granted or kept.withdrawn(end - 1)
