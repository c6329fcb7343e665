"""How often somebody who is overdue is woken again."""

from __future__ import annotations

import pytest

from attune.domain.profiles.timers import SWEEP_EVERY, is_woken_again
from tests.builders import HOUR, MINUTE, NOW


def woken_again(times: list[int]) -> list[int]:
    """At which of the sweeps, in minutes after the due time; the sweep before the first lies before it."""
    sweeps = [-1, *times]
    return [
        now
        for before, now in zip(sweeps, times, strict=False)
        if is_woken_again(NOW, NOW + before * MINUTE, NOW + now * MINUTE)
    ]


@pytest.mark.parametrize("first", [0, 1, 14])
def test_the_pause_between_two_wake_ups_doubles_up_to_four_hours(first: int) -> None:
    hours_16 = list(range(first, 16 * 60, SWEEP_EVERY // MINUTE))
    assert woken_again(hours_16) == [first + n for n in (0, 15, 45, 105, 225, 465, 705, 945)]


def test_a_sweep_that_was_missed_is_made_up_for_by_the_next() -> None:
    assert woken_again([0, 15, 100]) == [0, 15, 100]


def test_a_sweep_that_knows_of_none_before_takes_everybody() -> None:
    assert all(is_woken_again(due_at, 0, NOW) for due_at in (NOW, NOW - MINUTE, NOW - 5 * HOUR))


def test_nobody_is_taken_before_their_time() -> None:
    assert not is_woken_again(NOW + 1, NOW - HOUR, NOW)
