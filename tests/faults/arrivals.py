"""What `attune ledger` must say: reckoned from what lies on the stream and from the books, read as plain data.

It imports nothing of the code it judges. An arrival is an event, or input that is none, of a request that was received
once: the same record delivered or put twice is one. What became of an event is told by the books' rule (`books.py`),
and by what the sender knows to be unusable.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

#: an end: source, verdict, reason
type Ends = Counter[tuple[str, str, str]]


def arrivals(records: Iterable[bytes]) -> tuple[dict[tuple[Any, ...], tuple[str, str]], Ends]:
    """Of events the arrivals: by identity (source, (message id, fingerprint)); of what is none how many, by end."""
    events: dict[tuple[Any, ...], tuple[str, str]] = {}
    others: dict[tuple[Any, ...], tuple[str, str, str]] = {}
    for data in records:
        try:
            record = json.loads(data)
        except ValueError:
            others[data, len(others)] = ("stream", "quarantined", "invalid_record")
            continue
        source, received = record["source"], (record["received_at"], record.get("replayed_at", 0))
        for one in record.get("events", ()):
            message = (one["message_id"], one.get("fingerprint", ""))
            if one["type"] not in {"$wake", "$score", "$unlink"}:
                events[source, message, received, one.get("copy", 0)] = message
        for one in record.get("rejected", ()):
            others[source, one["raw"], received, one.get("copy", 0)] = (source, "rejected", one["reason"])
    return events, Counter(others.values())


def expected(
    records: Iterable[bytes],
    verdicts: Mapping[tuple[str, str], Mapping[str, Any]],
    aside: Mapping[str, str] | None = None,
) -> Ends:
    """`verdicts`: of the books. `aside`: why the processor puts a message aside, by message id.

    Whatever an event came to, one of its arrivals did, and all others are duplicates; what is put aside stays so.
    """
    events, ends = arrivals(records)
    copies: defaultdict[tuple[str, tuple[str, str]], int] = defaultdict(int)
    for (source, *_), message in events.items():
        copies[source, message] += 1
    for (source, message), count in copies.items():
        if message not in verdicts:
            ends[source, "quarantined", (aside or {})[message[0]]] += count
            continue
        row = verdicts[message]
        ends[source, row["verdict"], row.get("reason", "")] += 1
        ends[source, "duplicate", ""] += count - 1
    return Counter({end: count for end, count in ends.items() if count})


def told(answer: Mapping[str, Any]) -> Ends:
    """The same out of the API's answer, once its sums were looked at."""
    ends: Ends = Counter()
    for one in answer["sources"]:
        source = one["source"]
        plain = {verdict: one[verdict] for verdict in ("applied", "duplicate", "conflict", "erased")}
        reasoned = {verdict: one[verdict] for verdict in ("dropped", "quarantined", "rejected")}
        accepted = sum(plain.values()) + sum(sum(reasoned[end].values()) for end in ("dropped", "quarantined"))
        assert one["accepted"] == accepted
        assert one["received"] == accepted + sum(reasoned["rejected"].values())
        ends.update({(source, verdict, ""): count for verdict, count in plain.items()})
        for verdict, reasons in reasoned.items():
            ends.update({(source, verdict, reason): count for reason, count in reasons.items()})
    return Counter({end: count for end, count in ends.items() if count})
