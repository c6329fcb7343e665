"""Figures over events and computed traits, the slow way: after docs/segments.md, importing nothing of the code.

Times are ms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from tests.faults.segment_happenings import ORDER, History, Written, in_time, matching, past_of
from tests.faults.segment_values import DAY, MILLION, found_at, kept, millionths, milliseconds

#: the newest values of a figure, different values ever, those listed
SAMPLES, DIFFERENT, LISTED = 100, 100, 50
SESSION_GAP = 30 * 60_000
WORTH = ("total", "revenue", "value")


def computed(compute: Written, history: History, at: int) -> Any:
    """The value of a computed trait at `at`; None where it is not there."""
    return _COMPUTED[compute["function"]](compute, past_of(history, at), at)


# ---------------------------------------------------------------------------------------------------------- figures


def aggregated(function: str, condition: Written, past: History, at: int) -> float | None:
    """A figure over a property of events; None where there is no value."""
    done = in_time(condition, matching(condition, past), at)
    if function == "distinct":
        there = _values(condition["property"], done)
        return len(set(there[-SAMPLES:])) if "within" in condition else min(len(set(there)), DIFFERENT)
    numbers = [millionths(found_at(one.properties, condition["property"])) for one in done]
    return _reckoned(function, [number for number in numbers if number is not None], capped="within" in condition)


def times_ordered(condition: Written, past: History, at: int) -> int:
    """How many orders there were."""
    return len(in_time(condition, matching({"event": ORDER}, past), at))


def worth_of_orders(condition: Written, past: History, at: int) -> float:
    """The sum of what orders were worth."""
    orders = in_time(condition, matching({"event": ORDER}, past), at)
    worths = [
        next((worth for name in WORTH if (worth := millionths(one.properties.get(name))) is not None), None)
        for one in orders
    ]
    numbers = [worth for worth in worths if worth is not None]
    return sum(numbers[-SAMPLES:] if "within" in condition else numbers) / MILLION


def _reckoned(function: str, numbers: list[int], *, capped: bool) -> float | None:
    """Of millionths, in order of time."""
    seen = numbers[-SAMPLES:] if capped else numbers
    if function == "sum":
        return sum(seen) / MILLION
    if not seen:
        return None
    if function == "average":
        return round(Fraction(sum(seen), len(seen))) / MILLION
    return (min if function == "minimum" else max)(seen) / MILLION


def _values(path: str, done: History) -> list[Any]:
    found = (kept(found_at(one.properties, path)) for one in done)
    return [value for value in found if value is not None]


# -------------------------------------------------------------------------------------------------- computed traits


def _count(compute: Written, past: History, at: int) -> int:
    times = len(in_time(compute, matching(compute, past), at))
    return min(times, SAMPLES) if "within" in compute else times


def _figure(compute: Written, past: History, at: int) -> float | None:
    function = compute["function"]
    return aggregated("distinct" if function == "unique_count" else function, compute, past, at)


def _first(compute: Written, past: History, _: int) -> Any:
    return next(iter(_values(compute["property"], matching(compute, past))), None)


def _last(compute: Written, past: History, _: int) -> Any:
    return next(reversed(_values(compute["property"], matching(compute, past))), None)


def _most_frequent(compute: Written, past: History, at: int) -> Any:
    newest = _values(compute["property"], in_time(compute, matching(compute, past), at))[-SAMPLES:]
    often = Counter(newest)
    most = max(often.values(), default=0)
    return next((value for value in reversed(newest) if often[value] == most), None)


def _unique_list(compute: Written, past: History, at: int) -> Any:
    values = _values(compute["property"], in_time(compute, matching(compute, past), at))
    seen = values[-SAMPLES:] if "within" in compute else values
    return list(dict.fromkeys(seen))[:LISTED] or None


def _days_since(compute: Written, past: History, at: int) -> int | None:
    times = [one.time for one in matching(compute, past)]
    return (at - max(times)) // DAY if times else None


def _sessions(past: History) -> Iterator[tuple[int, int]]:
    """First and last instant of each, in order."""
    times = [one.time for one in past if one.name]
    begun = 0
    for index, time in enumerate(times):
        if index + 1 == len(times) or times[index + 1] - time > SESSION_GAP:
            yield times[begun], time
            begun = index + 1


def _session_count(_: Written, past: History, __: int) -> int:
    return len(list(_sessions(past)))


def _session_length(_: Written, past: History, __: int) -> int | None:
    newest = list(_sessions(past))[-1:]
    return (newest[0][1] - newest[0][0]) // 1_000 if newest else None


def _affinity(compute: Written, past: History, _: int) -> Any:
    """Sums that differ by nothing one could measure are equal."""
    found = [
        (kept(found_at(one.properties, compute["property"])), one.time, wanted.get("weight", 1))
        for one in past
        for wanted in compute["events"]
        if matching(wanted, [one])
    ]
    newest = [sample for sample in found if sample[0] is not None][-SAMPLES:]
    if not newest:
        return None
    last, half_life = newest[-1][1], milliseconds(compute["half_life"])
    shares: dict[Any, list[float]] = {}
    for value, time, weight in newest:
        shares.setdefault(value, []).append(weight * 2.0 ** ((time - last) / half_life))
    sums = {value: math.fsum(parts) for value, parts in shares.items()}
    nearly = max(sums.values()) * (1 - 1e-12)
    return next(value for value, _, _ in reversed(newest) if sums[value] >= nearly)


def _stage(compute: Written, past: History, at: int) -> str:
    times = [one.time for one in matching({"event": compute.get("event", ORDER)}, past)]
    if not times:
        return "prospect"
    if at - max(times) >= milliseconds(compute["lapsed_after"]):
        return "lapsed"
    if at - max(times) >= milliseconds(compute["at_risk_after"]):
        return "at_risk"
    return "new" if at - min(times) < milliseconds(compute["new_for"]) else "active"


_COMPUTED: dict[str, Callable[[Written, History, int], Any]] = {
    "count": _count,
    **dict.fromkeys(("sum", "average", "minimum", "maximum", "unique_count"), _figure),
    "first": _first,
    "last": _last,
    "most_frequent": _most_frequent,
    "unique_list": _unique_list,
    "recency": _days_since,
    "session_count": _session_count,
    "session_length": _session_length,
    "affinity": _affinity,
    "lifecycle": _stage,
}
