"""Every query is Trino's and can be said in DuckDB's words; what the features' query selects, asked of DuckDB here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot.errors import ErrorLevel

from attune.adapters import athena_features
from attune.adapters.athena_features import features_query
from attune.adapters.lake_tables import EVENTS, PROFILES
from attune.domain.learning.features import FEATURES, features_at
from attune.domain.learning.models import MODELS, SHOPPER_CLUSTERS
from attune.domain.profiles.activity import observe
from attune.domain.profiles.profile import Score, spell_score
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.ports import ProfileItem
from tests.builders import DAY, HOUR, NOW, event, profile_id
from tests.faults.effort import examples
from tests.lakes import AFTER, FIELDS, LakeOfTests, live, row, tombstone

QUERIES = sorted((Path(athena_features.__file__).parent / "queries").glob("*.sql"))


@pytest.fixture(scope="module")
def one_lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


@pytest.fixture
def lake(one_lake: LakeOfTests) -> LakeOfTests:
    one_lake.empty()
    return one_lake


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_query_is_trinos_and_can_be_said_to_duckdb(path: Path) -> None:
    for dialect in ("trino", "athena"):
        [said] = sqlglot.transpile(
            path.read_text(), read=dialect, write="duckdb", error_level=ErrorLevel.RAISE,
            unsupported_level=ErrorLevel.RAISE,
        )  # fmt: skip
        assert said


def test_the_query_asks_for_the_features_in_their_order_of_columns_that_exist() -> None:
    selected = sqlglot.parse_one(features_query(NOW, "run"), read="trino")
    assert isinstance(selected, sqlglot.exp.Select)
    assert tuple(selected.named_selects) == FIELDS == ("profile_id", *FEATURES, "holdout", *MODELS)
    known = {name for name, _ in (*EVENTS, *PROFILES)} | {"amount"}
    assert {column.name for column in selected.find_all(sqlglot.exp.Column)} <= known


def test_the_cutoff_is_a_number_or_nothing_is_asked() -> None:
    assert ":cutoff" not in features_query(NOW, "run")
    assert features_query(NOW, "run\nSELECT 1").splitlines()[0] == "-- learning run run SELECT 1"
    injected: Any = "0 OR true"
    with pytest.raises(ValueError, match="format code"):
        features_query(injected, "run")


def test_what_a_profile_did_is_counted(lake: LakeOfTests) -> None:
    lake.store(live())
    ago = {"received_at": NOW - HOUR}
    lake.arrive(
        row(message_id="1", time=NOW - 3 * DAY, **ago),
        row(message_id="2", time=NOW - DAY, event="Product Added", **ago),
        row(message_id="3", time=NOW - DAY, event="Cart Viewed", **ago),
        row(message_id="4", time=NOW - DAY, event="Order Completed", properties={"total": "19.99"}, **ago),
        row(message_id="5", time=NOW - DAY, event="Order Completed", properties={"total": "?", "value": 5}, **ago),
        row(message_id="6", time=NOW - 12 * HOUR, type="page", event="Order Completed", **ago),
        row(message_id="7", time=NOW - HOUR, type="$consent", event="", **ago),
    )
    lake.compact()
    holdout = 1 if profile_id()[0] in "012" else 0
    assert lake.features() == {profile_id(): (0.5, 2.0, 24.99, 3.0, 1.0, 2.0, holdout, "", "")}


def test_the_holdout_is_told_by_the_first_digit_of_the_id(lake: LakeOfTests) -> None:
    lake.store(*(live(number) for number in range(60)))
    lake.arrive(*(row(message_id=str(number), profile_id=profile_id(number)) for number in range(60)))
    lake.compact()
    told = {found: values[FIELDS.index("holdout") - 1] for found, values in lake.features().items()}
    assert told == {profile_id(number): int(profile_id(number)[0] in "012") for number in range(60)}


def test_events_after_the_cutoff_change_nothing(lake: LakeOfTests) -> None:
    lake.store(live(1), live(2))
    lake.arrive(row(message_id="then", event="Order Completed", properties={"total": 10}))
    lake.compact()
    before = lake.features(NOW)
    assert list(before) == [profile_id(1)]
    bought = {"event": "Order Completed", "properties": {"total": 1_000}}
    lake.arrive(
        row(message_id="happened later", time=NOW + 1, received_at=NOW + 1, **bought),
        row(message_id="arrived later", time=NOW, received_at=NOW + 1, **bought),
        row(message_id="says it happens later", time=NOW + 1, received_at=NOW, **bought),
        row(message_id="who came later", profile_id=profile_id(2), time=NOW - DAY, received_at=NOW + 1),
        day=AFTER,
    )
    lake.compact(NOW + 1)
    assert lake.features(NOW) == before
    assert lake.features(NOW + 1) != before


@pytest.mark.parametrize("said", [False, None])
def test_who_does_not_consent_to_personalization_is_not_there(lake: LakeOfTests, said: bool | None) -> None:
    """Whatever the consent was when the rows were made: they may say yes, and the person has said no since."""
    lake.store(live(1, personalization=said), live(2))
    consent = {"analytics": True, "personalization": True}
    lake.arrive(*(row(message_id=str(n), profile_id=profile_id(n), consent=consent) for n in (1, 2)))
    lake.compact()
    assert list(lake.features()) == [profile_id(2)]


def test_who_is_not_stored_is_not_there(lake: LakeOfTests) -> None:
    lake.store(live(2))
    erased = {"profile_id": profile_id(3)}
    lake.arrive(row(message_id="never"), row(message_id="erased", **erased), row(message_id="nobody", profile_id=""))
    lake.compact()
    assert lake.features() == {}


def test_merged_profiles_are_one_row_under_who_is_left(lake: LakeOfTests) -> None:
    lake.store(live(1), tombstone(2, 1), tombstone(3, 2), live(4, personalization=False), tombstone(5, 4))
    lake.arrive(*(row(message_id=str(number), profile_id=profile_id(number)) for number in range(1, 6)))
    lake.compact()
    assert {found: values[4] for found, values in lake.features().items()} == {profile_id(1): 3.0}


@pytest.mark.parametrize("verdict", ["dropped", "conflict", "merged", "quarantined"])
def test_only_what_was_applied_counts(lake: LakeOfTests, verdict: str) -> None:
    lake.store(live())
    lake.arrive(row(verdict=verdict))
    lake.compact()
    assert lake.features() == {}


def test_an_event_that_was_applied_and_then_refused_does_not_count(lake: LakeOfTests) -> None:
    lake.store(live())
    lake.arrive(row(version=2), row(version=2, verdict="dropped", profile_id="", processed_at=NOW - 1))
    lake.compact()
    assert lake.features() == {}


AMOUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1e12),
    st.integers(-(2**63), 2**63),
    st.integers(0, 10**13),
    st.decimals(0, 10**12, places=2).map(str),
    st.from_regex(r"[0-9]{1,13}(\.[0-9]{0,40})?\n?", fullmatch=True),
    st.text(alphabet="0123456789.,-+eE \n\x00٣x", max_size=12),
    st.lists(st.integers(), max_size=2),
)
ORDERS = st.lists(
    st.dictionaries(st.sampled_from(["total", "revenue", "value"]), AMOUNTS, max_size=3), min_size=1, max_size=60
)


@settings(max_examples=examples(15), deadline=None)
@given(orders=ORDERS)
@example(
    orders=[{"total": text} for text in ("12\n", "1_0", " 1", "0.005", "1e3", "٣", "", "0.285", "999999999999.99")]
)
@example(orders=[{"total": 999_999_999_999.99}] * 300)
@example(orders=[{"total": 1e-5, "value": 3}, {"total": 1e-7, "value": 3}, {"total": 1e16, "value": 3}])
def test_what_orders_were_worth_is_reckoned_as_the_profile_does(
    one_lake: LakeOfTests, orders: list[dict[str, Any]]
) -> None:
    lake = one_lake
    lake.empty()
    lake.store(live())
    lake.arrive(*(row(message_id=str(n), event="Order Completed", properties=said) for n, said in enumerate(orders)))
    lake.compact()
    activity = None
    for said in orders:
        activity = observe(activity, event("Order Completed", properties=said))
    assert activity is not None
    assert lake.features()[profile_id()][: len(FEATURES)] == features_at(activity, NOW)


def test_the_cluster_that_a_profile_is_known_to_be_in_stands_beside_its_features(lake: LakeOfTests) -> None:
    scored = decode_profile(live(1).state)
    scored.scores = {SHOPPER_CLUSTERS: Score("vip", "run-1", NOW - DAY)}
    lake.store(ProfileItem(profile_id=profile_id(1), version=1, state=encode_profile(scored)), tombstone(2, 1), live(3))
    # nothing of the survivor's own: it is known under whom it absorbed
    lake.arrive(row(message_id="1", profile_id=profile_id(2)), row(message_id="2", profile_id=profile_id(3)))
    lake.compact()
    told = FIELDS.index(SHOPPER_CLUSTERS) - 1
    assert {found: values[told] for found, values in lake.features().items()} == {
        profile_id(1): spell_score("run-1", "vip"),
        profile_id(3): "",
    }
