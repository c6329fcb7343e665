"""From what the runs of the process topic answer to its figures, each beside its baseline and its bar."""

from __future__ import annotations

from typing import Any, Final

from benchmarks import costs

COMMAND: Final = "make bench TOPIC=process"
LOOP_BAR: Final = 2.0
DEFINITIONS_BAR: Final = 2.5
UNITS_BAR: Final = 0.8
MEDIAN_BAR, P99_BAR = 2_048, 4_096
NAIVE_BAR: Final = 4.0
#: with a profile of a KB: a put of it and one that remembers the event, after an eventually consistent read
NAIVE: Final = 2 * costs.WRITE + costs.READ / 2


def check(answer: dict[str, Any]) -> None:
    """Every event but the repeated ones was applied, once."""
    outcomes = answer["outcomes"]
    applied = outcomes.get("Events applied track", 0) + outcomes.get("Events applied page", 0)
    repeated = sum(number for name, number in outcomes.items() if name.startswith("Events duplicate"))
    unexpected = [name for name in outcomes if not name.startswith(("Events applied", "Events duplicate", "Segment"))]
    waking = outcomes.get("Events duplicate wake", 0)
    if applied + repeated - waking != answer["events"] or unexpected:
        raise RuntimeError(f"the books do not balance: {outcomes}")


def speed(answer: dict[str, Any]) -> float:
    """Events a CPU second."""
    return float(answer["events"] / answer["cpu"])


def rate(
    name: str, answer: dict[str, Any], baseline: float | None, bar: float | None, lacking: str | None = None
) -> dict[str, Any]:
    """A speed, and how many times the CPU of the baseline that is."""
    ratio = None if baseline is None else round(baseline / speed(answer), 2)
    return figure(
        name,
        round(speed(answer)),
        "events a CPU second",
        baseline=lacking if baseline is None else round(baseline),
        ratio=ratio,
        bar=bar,
        holds=None if bar is None or ratio is None else ratio <= bar,
    )


def bill(name: str, stream: str, batch: int, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """What DynamoDB would charge, and how large items are; judged at what the event source mapping asks for."""
    judged = stream == "sessions" and batch == 500  # noqa: PLR2004
    found = [*_units(name, answer, judged=judged), *_dollars(name, answer, judged=judged)]
    return [*found, *_sizes(answer)] if judged else found


def _units(name: str, answer: dict[str, Any], *, judged: bool) -> list[dict[str, Any]]:
    events = answer["events"]
    writes = sum(answer["writes"].values()) / events
    return [
        figure(
            f"{name}: write units",
            round(writes, 2),
            "units an event",
            bar=UNITS_BAR if judged else None,
            holds=writes <= UNITS_BAR if judged else None,
        ),
        *(
            figure(f"  of these: {part}", round(units / events, 3), "units an event")
            for part, units in answer["writes"].items()
        ),
        figure("  profile writes", round(answer["written"]["number"] / events, 3), "writes an event"),
        figure("  size of an item when it is written, mean", answer["written"]["mean"], "bytes"),
        figure(f"{name}: read units", round(sum(answer["reads"].values()) / events, 3), "units an event"),
    ]


def _dollars(name: str, answer: dict[str, Any], *, judged: bool) -> list[dict[str, Any]]:
    """Beside one put an event and one to remember it.

    Judged with the profiles as they are; claims, consent records and the due index cost the naive design the same.
    """
    events = answer["events"]
    writes, reads = (sum(answer[kind].values()) / events for kind in ("writes", "reads"))
    dollars = round(costs.MILLION * (writes * costs.WRITE + reads * costs.READ), 3)
    besides = sum(units for part, units in answer["writes"].items() if part != "profiles")
    naive = round(costs.MILLION * ((answer["naive"] + besides) / events * costs.WRITE + costs.READ / 2), 3)
    small = round(costs.MILLION * NAIVE, 3)
    return [
        figure(
            f"{name}: DynamoDB beside the naive design",
            dollars,
            "USD a million events",
            baseline=naive,
            ratio=round(naive / dollars, 2),
            bar=NAIVE_BAR if judged else None,
            holds=naive / dollars >= NAIVE_BAR if judged else None,
        ),
        figure(
            "  beside it with profiles of a KB and nothing else",
            dollars,
            "USD a million events",
            baseline=small,
            ratio=round(small / dollars, 2),
        ),
    ]


def _sizes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    stored = answer["stored"]
    return [
        figure(f"size of a stored item, {what}", size, "bytes", bar=bar, holds=None if bar is None else size <= bar)
        for what, size, bar in (
            ("median", stored["p50"], MEDIAN_BAR),
            ("p99", stored["p99"], P99_BAR),
            ("largest", stored["max"], None),
        )
    ]


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    baseline: float | str | None = None,
    ratio: float | None = None,
    bar: float | None = None,
    holds: bool | None = None,
) -> dict[str, Any]:
    """A record as `make bench` keeps it."""
    return {
        "figure": name,
        "value": value,
        "unit": unit,
        "baseline": baseline,
        "ratio": ratio,
        "bar": bar,
        "holds": holds,
        "command": COMMAND,
    }
