"""Who is in a segment: the slow way, from everything that ever happened.

Written from the English of docs/segments.md; imports nothing of the code it judges. Times are ms. Conditions are taken
as they are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.faults.segment_figures import aggregated, computed, times_ordered, worth_of_orders
from tests.faults.segment_happenings import (
    ORDER,
    Around,
    History,
    Written,
    in_time,
    last_said,
    last_words,
    matching,
    past_of,
    things,
)
from tests.faults.segment_values import (
    DAY,
    compare,
    compare_figures,
    compare_instants,
    instant,
    is_duration,
    milliseconds,
)

ALONE = Around()
#: the newest events that a sequence or a look sees
SEEN = 20
FORGOTTEN_AFTER = 30 * DAY


def holds(condition: Written, history: History, at: int, *, key: str = "", around: Around = ALONE) -> bool:
    """Whether the condition holds at `at`, for the thing `key` where it speaks of things."""
    return _holds(condition, past_of(history, at), at, key, around)


def memberships(condition: Written, history: History, at: int, around: Around = ALONE) -> set[str]:
    """The keys for which a segment of this condition is true at `at`; without keys, the empty text if it is."""
    past = past_of(history, at)
    return {key for key in keys_of(condition, past) if _holds(condition, past, at, key, around)}


def _holds(condition: Written, past: History, at: int, key: str, around: Around) -> bool:
    match condition["type"]:
        case "all":
            return all(_holds(part, past, at, key, around) for part in condition["conditions"])
        case "any":
            return any(_holds(part, past, at, key, around) for part in condition["conditions"])
        case "not":
            return not _holds(condition["condition"], past, at, key, around)
        case "abandoned":
            return _abandoned(condition, past, at, key)
        case "trait" | "score" | "random_bucket" | "segment":
            return _OF_SOMEBODY[condition["type"]](condition, past, at, around)
        case _:
            return _OF_EVENTS[condition["type"]](condition, past, at)


# ---------------------------------------------------------------------------------------------------- what was done


def _performed(condition: Written, past: History, at: int) -> bool:
    times = len(in_time(condition, matching(condition, past), at))
    if "exactly" in condition:
        return bool(times == condition["exactly"])
    least = condition.get("at_least", 0 if "at_most" in condition else 1)
    return bool(least <= times) and ("at_most" not in condition or bool(times <= condition["at_most"]))


def _first_performed(condition: Written, past: History, at: int) -> bool:
    time = min((one.time for one in matching(condition, past)), default=None)
    return compare_instants(condition["operator"], time, condition["value"], at)


def _last_performed(condition: Written, past: History, at: int) -> bool:
    time = max((one.time for one in matching(condition, past)), default=None)
    return compare_instants(condition["operator"], time, condition["value"], at)


def _recency(condition: Written, past: History, at: int) -> bool:
    return _last_performed({**condition, "event": ORDER}, past, at)


def _aggregate(condition: Written, past: History, at: int) -> bool:
    figure = aggregated(condition["function"], condition, past, at)
    return compare_figures(condition["operator"], figure, condition["value"])


def _frequency(condition: Written, past: History, at: int) -> bool:
    return compare_figures(condition["operator"], times_ordered(condition, past, at), condition["value"])


def _monetary(condition: Written, past: History, at: int) -> bool:
    return compare_figures(condition["operator"], worth_of_orders(condition, past, at), condition["value"])


def _sequence(condition: Written, past: History, at: int) -> bool:
    first, *others = ([one.time for one in matching(step, past)][-SEEN:] for step in condition["steps"])
    span, within = milliseconds(condition["span"]), milliseconds(condition["within"])
    for begun in first:
        reached = [begun]
        for step in others:
            reached = [time for time in step if any(time > before for before in reached)]
        if any(time - begun <= span and at - within < time for time in reached):
            return True
    return False


def _dwelled(condition: Written, past: History, at: int) -> bool:
    looks = [one.time for one in matching(condition, past)][-SEEN:]
    ends = [one.time for one in past if one.name in condition["next"]][-SEEN:]
    least, most = milliseconds(condition["at_least"]), milliseconds(condition.get("at_most", "30m"))
    for look in looks:
        later = [time for time in ends if time > look]
        if not later or len(later) == SEEN:
            continue
        if least <= later[0] - look <= most and at - milliseconds(condition["within"]) < later[0]:
            return True
    return False


def _abandoned(condition: Written, past: History, at: int, key: str) -> bool:
    def times(filters: Iterable[Written]) -> list[int]:
        return [
            one.time
            for wanted in filters
            for one in matching(wanted, past)
            if "key" not in condition or key in things(one, wanted.get("key", condition["key"]))
        ]

    last = max(times(condition["did"]), default=None)
    if last is None or any(time >= last for time in times(condition.get("without", ()))):
        return False
    return last + milliseconds(condition["after"]) <= at < last + FORGOTTEN_AFTER


def keyed_part(condition: Written) -> Written | None:
    """The `abandoned` with a key that makes the segment one of many things."""
    if condition["type"] == "all":
        return next(filter(None, map(keyed_part, condition["conditions"])), None)
    return condition if condition["type"] == "abandoned" and "key" in condition else None


def keys_of(condition: Written, history: History) -> set[str]:
    """Every thing that the history names and the condition could speak of; the empty text if it speaks of none."""
    part = keyed_part(condition)
    if part is None:
        return {""}
    paths = [(wanted, wanted.get("key", part["key"])) for wanted in (*part["did"], *part.get("without", ()))]
    return {thing for wanted, path in paths for one in matching(wanted, history) for thing in things(one, path)}


# ----------------------------------------------------------------------------------------- what was said, who it is


def _consent(condition: Written, past: History, _: int) -> bool:
    return bool(last_words(past, "consent").get(condition["purpose"]))


def _list(condition: Written, past: History, _: int) -> bool:
    return bool(last_words(past, "lists").get(condition["list"]))


def _trait(condition: Written, past: History, at: int, around: Around) -> bool:
    name = condition["trait"]
    is_computed = name in around.computed
    known = computed(around.computed[name], past, at) if is_computed else last_said(past, around.kept, at).get(name)
    return compare(condition.get("operator", "equals"), known, condition.get("value"), at)


def _score(condition: Written, past: History, at: int, _: Around) -> bool:
    kind = "percentiles" if condition.get("of") == "percentile" else "scores"
    said = last_words(past, kind).get(condition["model"])
    return compare(condition.get("operator", "equals"), said, condition.get("value"), at)


def _segment(condition: Written, past: History, at: int, around: Around) -> bool:
    other = around.segments[condition["segment"]]
    return any(_holds(other, past, at, key, around) for key in keys_of(other, past))


def _random_bucket(condition: Written, _: History, __: int, around: Around) -> bool:
    return bool(condition.get("low", 0) <= draw(condition["salt"], around.profile_id) < condition["high"])


def draw(salt: str, profile_id: str) -> float:
    """0 to 99.99."""
    digest = hashlib.sha256(f"{salt}\x1f{profile_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 / 100


_OF_EVENTS: dict[str, Callable[[Written, History, int], bool]] = {
    "performed": _performed,
    "first_performed": _first_performed,
    "last_performed": _last_performed,
    "aggregate": _aggregate,
    "sequence": _sequence,
    "dwelled": _dwelled,
    "recency": _recency,
    "frequency": _frequency,
    "monetary": _monetary,
    "consent": _consent,
    "list": _list,
}
_OF_SOMEBODY: dict[str, Callable[[Written, History, int, Around], bool]] = {
    "trait": _trait,
    "score": _score,
    "segment": _segment,
    "random_bucket": _random_bucket,
}


# --------------------------------------------------------------------------------------- when something could change


def critical_instants(history: History, written: Iterable[Written]) -> list[int]:
    """Every event, every instant at which something that is written runs out after it, and 1 ms to either side."""
    texts = {text for document in written for text in _scalars(document)}
    waits = {0, *(milliseconds(text) for text in texts if is_duration(text))}
    if "abandoned" in texts:
        waits.add(FORGOTTEN_AFTER)
    if "recency" in texts:
        waits |= {days * DAY for days in range(1, 13)}
    exact = {one.time + wait for one in history for wait in waits}
    said = {value for one in history for value in _scalars([one.traits, one.properties])}
    dates = {date for value in said if (date := instant(value)) is not None}
    exact |= {date + wait for date in dates for wait in (*waits, *(-wait for wait in waits))}
    return sorted({moment + offset for moment in exact for offset in (-1, 0, 1)})


def _scalars(written: Any) -> Iterator[Any]:
    if isinstance(written, Mapping):
        for part in written.values():
            yield from _scalars(part)
    elif isinstance(written, list | tuple):
        for part in written:
            yield from _scalars(part)
    else:
        yield written
