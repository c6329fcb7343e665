"""For how many days rows of the lake are kept, by what was said of it when."""

from __future__ import annotations

import pytest

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.past.takeovers import Version
from attune.domain.privacy.lake_retention import GRACE, days_kept
from tests.builders import DAY, NOW

#: (days, when it was said), the newest first; None: for good, "deleted": the definition went
type Said = tuple[int | str | None, int]


def version(said: int | str | None, at: int) -> Version:
    events = f"{said}d" if said else None
    defined = None if said == "deleted" else Purpose(id="analytics", retention=Retention(events=events))
    return Version(version=1, definition=defined, applied_at=at)


@pytest.mark.parametrize(
    ("past", "days"),
    [
        ([], None),
        ([(90, NOW - GRACE)], 90),
        ([(90, NOW - GRACE + 1)], None),
        ([(90, 0)], 90),
        ([(None, 0)], None),
        ([("deleted", NOW), (90, 0)], None),
        ([(90, NOW - DAY), ("deleted", NOW - 9 * DAY), (90, 0)], None),
        ([(90, NOW - DAY), (400, 0)], 400),
        ([(400, NOW - DAY), (90, 0)], 400),
        ([(90, NOW - 3 * DAY), (400, 0)], 90),
        ([(90, NOW - DAY), (400, NOW - 2 * DAY), (100, 0)], 400),
        ([(31, NOW - 1), (90, NOW - DAY), (400, NOW - 4 * DAY), (800, 0)], 400),
        ([(31, NOW - 1), (90, NOW - 3 * DAY), (400, NOW - 4 * DAY)], 90),
        ([(31, NOW + DAY), (90, 0)], 90),
    ],
)
def test_the_longest_counts_that_was_said_within_three_days(past: list[Said], days: int | None) -> None:
    assert days_kept((version(*one) for one in past), NOW) == days


def problems(purpose: str, *, messages: str | None = None, events: str | None = None) -> list[str]:
    defined = Purpose(id=purpose, retention=Retention(messages=messages, events=events))
    return check(defined, snapshot((defined,)))


def test_what_may_be_said_of_messages_and_rows() -> None:
    assert problems("analytics", messages="31d", events="31d") == problems("analytics", events="744h") == []
    assert problems("surveys", messages="400d") == problems("analytics", events="36500d") == []


@pytest.mark.parametrize(
    ("purpose", "field", "said", "problem"),
    [
        ("surveys", "messages", "0d", "must be longer than nothing"),
        ("surveys", "messages", "30d", "must be 31d or longer"),
        ("surveys", "messages", "soon", "is not a duration"),
        ("email", "events", "90d", "only `analytics`"),
        ("analytics", "events", "30d", "must be 31d or longer"),
        ("analytics", "events", "0d", "must be longer than nothing"),
        ("analytics", "events", "soon", "is not a duration"),
        ("analytics", "events", "745h", "must be whole days"),
        ("analytics", "events", "40000d", "must be 36500d at most"),
    ],
)
def test_what_may_not_says_why(purpose: str, field: str, said: str, problem: str) -> None:
    [found] = problems(purpose, **{field: said})
    assert found.startswith(f"$.retention.{field}: {problem}")
