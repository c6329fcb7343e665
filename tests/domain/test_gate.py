"""Every edge through one gate, against an oracle that spells out what was promised; expiry to the millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.consent.gate import ALLOWED, Edge, Refusal, Refused, allowed, is_closed
from attune.domain.profiles.consent import RESTRICTION, Consent
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

#: the purpose map as the manual has it
NEEDED = {
    Edge.STORE: "analytics",
    Edge.LAKE: "analytics",
    Edge.SEGMENT: "personalization",
    Edge.TRAIN: "personalization",
    Edge.RECOMMEND: "personalization",
    Edge.DECIDE: "personalization",
    Edge.SEND: "personalization",
}
EVERYTHING = {purpose: Consent(True, 1, "shop") for purpose in ("analytics", "personalization", "email")}

times = st.integers(1, 6)
records = st.builds(
    Consent, st.booleans(), times, st.just("s"), st.booleans(), st.just(0), st.one_of(st.just(0), st.integers(1, 8))
)
names = st.sampled_from(["analytics", "personalization", "email", RESTRICTION])


def promised(
    edge: Edge, consent: Mapping[str, Consent], at: int, held: Mapping[str, int], purpose: str
) -> tuple[str, str] | None:
    """Purpose and reason, or None: written from the manual, reason by reason."""

    def is_held(name: str) -> bool:
        known = consent.get(name)
        ends_it = known is not None and known.granted and known.stated and known.at > held.get(name, 0)
        return name in held and not ends_it

    restriction = consent.get(RESTRICTION)
    restricted = (restriction is not None and not restriction.granted) or is_held(RESTRICTION)
    if restricted and edge != "store":
        return "", "restricted"
    for name in [NEEDED[edge]] + ([purpose] if purpose else []):
        known = consent.get(name)
        if known is None:
            return name, "held" if name in held else "no_consent"
        if not known.granted:
            return name, "withdrawn"
        if is_held(name):
            return name, "held"
        if known.until and at >= known.until:
            return name, "expired"
    return None


@given(
    st.sampled_from(Edge),
    st.dictionaries(names, records),
    st.integers(0, 9),
    st.dictionaries(names, times),
    st.sampled_from(["", "email", "personalization"]),
)
def test_the_gate_answers_what_was_promised(
    edge: Edge, consent: dict[str, Consent], at: int, held: dict[str, int], purpose: str
) -> None:
    expected = promised(edge, consent, at, held, purpose)
    answer = allowed(edge, consent, at=at, held=held, purpose=purpose)
    assert answer == (Refused(expected[0], Refusal(expected[1])) if expected else ALLOWED)
    assert bool(answer) is (expected is None)


@pytest.mark.parametrize("edge", Edge)
def test_a_grant_lasts_to_the_millisecond_on_every_edge(edge: Edge) -> None:
    ends = NOW + 1_000
    granted = EVERYTHING | {NEEDED[edge]: Consent(True, NOW, "shop", until=ends)}
    assert allowed(edge, granted, at=ends - 1)
    for at in (ends, ends + 1):
        assert allowed(edge, granted, at=at) == Refused(NEEDED[edge], Refusal.EXPIRED)


@pytest.mark.parametrize("edge", Edge)
def test_a_restriction_closes_every_edge_but_storing(edge: Edge) -> None:
    restricted = EVERYTHING | {RESTRICTION: Consent(False, NOW, "shop")}
    refused = Refused("", Refusal.RESTRICTED)
    assert allowed(edge, restricted, at=NOW) == (ALLOWED if edge is Edge.STORE else refused)
    assert allowed(edge, EVERYTHING, at=NOW, held={RESTRICTION: NOW}) == (ALLOWED if edge is Edge.STORE else refused)
    ended = EVERYTHING | {RESTRICTION: Consent(True, NOW, "shop", since=NOW - 9)}
    assert allowed(edge, ended, at=NOW)


def test_of_a_restriction_that_nobody_knows_there_is_none() -> None:
    assert not is_closed({})
    assert not is_closed(EVERYTHING, {"email": NOW})
