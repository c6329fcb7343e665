"""A source is held to its limit over all containers, cheaply, and never by a limiter that is out of reach."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.adapters.memory_allowances import MemoryAllowances
from attune.domain.collection.rate_limits import Grant
from attune.domain.definitions.sources import RateLimit, Source
from attune.domain.errors import AttuneError
from attune.use_cases.collection.limit_rates import LimitRates
from tests.builders import NOW, SECOND, source


class Counts(list[tuple[str, int, dict[str, Any]]]):
    def __call__(self, name: str, value: int, dimensions: Any) -> None:
        self.append((name, value, dict(dimensions)))


class Broken(MemoryAllowances):
    def claim(self, source: str, limit: RateLimit, wanted: int, now: int) -> Grant:
        self.claims += 1
        raise TimeoutError


def limited(per_second: int, burst: int = 0) -> Source:
    return source(rate_limit=RateLimit(per_second=per_second, burst=burst))


def passes(limiter: LimitRates, of: Source, now: int) -> bool:
    try:
        limiter(of, now)
    except AttuneError:
        return False
    return True


def offered(containers: list[LimitRates], of: Source, *, per_second: int, seconds: int, seed: int = 1) -> list[int]:
    """When requests passed, of those that come at random, each to a container at random."""
    rng = Random(seed)
    instants = sorted(NOW + rng.randrange(seconds * SECOND) for _ in range(per_second * seconds))
    return [now for now in instants if passes(rng.choice(containers), of, now)]


def test_a_source_without_a_limit_asks_nobody() -> None:
    allowances = MemoryAllowances()
    limiter = LimitRates(allowances, Counts())
    assert all(passes(limiter, source(), NOW) for _ in range(1_000))
    assert allowances.claims == 0


def test_what_is_below_the_limit_passes() -> None:
    allowances = MemoryAllowances()
    containers = [LimitRates(allowances, Counts()) for _ in range(5)]
    assert len(offered(containers, limited(100), per_second=50, seconds=20)) == 50 * 20


@pytest.mark.parametrize(("per_second", "burst"), [(1, 0), (3, 0), (10, 1), (100, 0), (100, 500), (1_000, 0)])
@pytest.mark.parametrize("containers", [1, 4, 20])
def test_above_it_the_limit_passes_and_hardly_less(per_second: int, burst: int, containers: int) -> None:
    allowances, seconds = MemoryAllowances(), 10
    limiters = [LimitRates(allowances, Counts()) for _ in range(containers)]
    passed = len(offered(limiters, limited(per_second, burst), per_second=3 * per_second, seconds=seconds))
    allowed = (burst or per_second) + per_second * seconds
    assert passed <= allowed
    # what a container claimed ahead and did not use, and with one at a time what nobody happened to ask for
    assert passed >= allowed * (0.6 if (burst or per_second) == 1 else 0.9) - 1


def test_within_any_second_no_more_passes_than_the_burst_the_rate_and_what_was_claimed_ahead() -> None:
    allowances = MemoryAllowances()
    passed = offered([LimitRates(allowances, Counts()) for _ in range(10)], limited(50), per_second=500, seconds=10)
    most = max(sum(start <= now < start + SECOND for now in passed) for start in passed)
    # claimed ahead: 200 ms of 50 a second
    assert most <= 50 + 50 + 10


def test_a_busy_container_asks_for_a_part_of_its_requests_only() -> None:
    allowances = MemoryAllowances()
    limiter = LimitRates(allowances, Counts())
    passed = [now for now in range(NOW, NOW + 10 * SECOND, 20) if passes(limiter, limited(100), now)]
    assert len(passed) == 500
    assert allowances.claims < 150


def test_an_idle_container_claims_one_request_at_a_time() -> None:
    allowances = MemoryAllowances()
    limiter = LimitRates(allowances, Counts())
    assert all(passes(limiter, limited(2), NOW + second * SECOND) for second in range(100))
    assert allowances.claims == 100


def test_what_was_claimed_ahead_and_not_used_in_time_is_lost() -> None:
    allowances = MemoryAllowances()
    containers = [LimitRates(allowances, Counts()) for _ in range(20)]
    # each is left with requests that it claimed ahead
    for number, limiter in enumerate(containers):
        assert all(passes(limiter, limited(100), NOW + number * SECOND + ms) for ms in range(0, 100, 5))
    later = NOW + 60 * SECOND
    assert sum(passes(limiter, limited(100), later) for limiter in containers * 20) == 100


def test_while_there_are_none_nobody_is_asked_until_there_is_one() -> None:
    allowances, counts = MemoryAllowances(), Counts()
    limiter = LimitRates(allowances, counts)
    assert passes(limiter, limited(1), NOW)
    assert not any(passes(limiter, limited(1), NOW + ms) for ms in range(1, 1_000))
    assert allowances.claims == 2
    assert passes(limiter, limited(1), NOW + 1_000)
    assert counts == [("RequestsLimited", 1, {"source": "shop"})] * 999


def test_who_is_refused_hears_when_to_come_again() -> None:
    limiter = LimitRates(MemoryAllowances(), Counts())
    slow = limited(1, burst=1)
    limiter(slow, NOW)
    with pytest.raises(AttuneError) as refused:
        limiter(slow, NOW + 100)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "rate_limited", 1)


def test_a_limiter_out_of_reach_lets_everything_pass_and_is_left_alone_for_a_second() -> None:
    allowances, counts = Broken(), Counts()
    limiter = LimitRates(allowances, counts)
    assert all(passes(limiter, limited(1), NOW + ms) for ms in range(2_000))
    assert allowances.claims == 2
    assert counts == [("LimitsUnreachable", 1, {})] * 2


def test_a_limit_that_changes_counts_from_then_on() -> None:
    limiter = LimitRates(MemoryAllowances(), Counts())
    assert [passes(limiter, limited(1), NOW + n) for n in range(3)] == [True, False, False]
    assert passes(limiter, source(), NOW + 3)
