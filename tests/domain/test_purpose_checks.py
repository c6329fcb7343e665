"""What is refused of a purpose's definition, and who may name a purpose that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.checks.definitions import check, users
from attune.domain.definitions.computations import Counter
from attune.domain.definitions.conditions import ConsentTest
from attune.domain.definitions.kinds import ComputedTrait, Definition, Definitions, decode_definition, snapshot
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.purposes import Notice, Purpose, Retention
from tests.builders import channel, source, views_segment

SURVEYS = Purpose(id="surveys")


def problems(definition: Definition, *others: Definition) -> list[str]:
    return check(definition, snapshot((definition, *others)))


def test_a_purpose_as_it_should_be_is_fine() -> None:
    notices = (Notice(version="1", since="2024-01-01"), Notice(version="2", since="2025-01-01", asks_again=True))
    whole = Purpose(
        id="analytics",
        policy="opt_out",
        jurisdictions={"DE": "opt_in", "US-CA": "opt_in"},
        expires_after="396d",
        notices=notices,
        without="keep_unidentified",
        signals=("gpc",),
    )
    assert problems(whole) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"jurisdictions": {"XX": "opt_out"}}, "$.jurisdictions.XX: `XX` is no country, nor a part of one"),
        ({"jurisdictions": {"": "opt_out"}}, "$.jurisdictions.: `` is no country"),
        ({"jurisdictions": {"UK-SCT": "opt_out"}}, "$.jurisdictions.UK-SCT: `UK-SCT` is no country"),
        ({"expires_after": "0d"}, "$.expires_after: must be longer than nothing"),
        ({"without": "keep_unidentified"}, "$.without: only `analytics`, which storing needs"),
        ({"signals": ("gpc", " ")}, "$.signals[1]: is no name of a signal"),
        ({"notices": (Notice(version="1", since="soon"),)}, "$.notices[0].since: needs a date"),
        (
            {"notices": (Notice(version="1", since="2024-01-01"), Notice(version="1", since="2025-01-01"))},
            "$.notices[1].version: `1` is there twice",
        ),
        (
            {"notices": (Notice(version="1", since="2024-01-01"), Notice(version="2", since="2024-01-01T00:00:00Z"))},
            "$.notices[1].since: another version begins at that instant",
        ),
        ({"retention": Retention(traits={"city": "59m"})}, "$.retention.traits.city: must be 1h or longer"),
        ({"retention": Retention(traits={"city": "0d"})}, "$.retention.traits.city: must be longer than nothing"),
        ({"retention": Retention(traits={" ": "1d"})}, "$.retention.traits. : is no name of a trait"),
        ({"retention": Retention(traits={f"t{n}": "1d" for n in range(101)})}, "$.retention.traits: more than 100"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], problem: str) -> None:
    [found] = problems(Purpose(id="surveys", **fields))
    assert found.startswith(problem)


@pytest.mark.parametrize("code", ["de", "GERMANY", "DE-", "DE_BY", "US-CALI", "1A", "DE\n"])
def test_a_jurisdiction_has_the_form_of_a_code(code: str) -> None:
    document = {"kind": "purpose", "id": "surveys", "jurisdictions": {code: "opt_out"}}
    try:
        read = decode_definition(document)
    except ValueError:
        return
    assert problems(read)


def test_a_source_is_in_a_country_that_there_is() -> None:
    assert problems(source(country="DE")) == problems(source(country="US-CA")) == problems(source()) == []
    [found] = problems(source(country="ZZ"))
    assert found.startswith("$.country: `ZZ` is no country")


MAPPING = Mapping(event="'X'", identifiers={"email": "email"}, consent={"surveys": "yes"}, time="at")
NAMING: list[Definition] = [
    source(consent={"surveys": True}),
    source(consent_categories={"research": ("surveys",)}),
    source(type="stripe", origins=(), mapping=MAPPING),
    views_segment(when=ConsentTest(purpose="surveys")),
    channel(purpose="surveys"),
]


@pytest.mark.parametrize("naming", NAMING, ids=lambda one: type(one).__name__)
def test_a_purpose_is_named_once_it_is_defined_and_stays_while_it_is_named(naming: Definition) -> None:
    known = "known are analytics, personalization, email, sms, advertising"
    assert any("`surveys` is not a consent purpose" in line and line.endswith(known) for line in problems(naming))
    assert problems(naming, SURVEYS) == []
    [using] = users("purpose", "surveys", snapshot((naming, SURVEYS)))
    assert using.split() == [str(type(naming).__struct_config__.tag), naming.id]


def test_one_of_ours_may_go_at_any_time_and_is_as_it_was_then() -> None:
    ours = Purpose(id="email", expires_after="1d")
    assert users("purpose", "email", snapshot((channel(purpose="email"), ours))) == []
    assert users("purpose", "surveys", Definitions()) == []


def test_one_purpose_says_how_long_a_trait_is_kept() -> None:
    surveys, email = (
        Purpose(id=name, retention=Retention(traits={"city": "30d", "*": "90d"})) for name in ("surveys", "email")
    )
    assert problems(email, surveys) == [
        "$.retention.traits.city: purpose `surveys` says how long that is kept",
        "$.retention.traits.*: purpose `surveys` says how long that is kept",
    ]
    assert problems(email) == []


def test_a_trait_that_is_reckoned_has_no_time_of_its_own() -> None:
    kept, views = Purpose(id="email", retention=Retention(traits={"views": "30d"})), Counter(event="Product Viewed")
    reckoned = ComputedTrait(id="views", compute=views)
    assert [one.partition(":")[0] for one in problems(kept, reckoned)] == ["$.retention.traits.views"]
    assert [one.partition(":")[0] for one in problems(reckoned, kept)] == ["$.id"]
