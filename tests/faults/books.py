"""Do the books balance: every accepted event is applied, duplicate, conflicting, dropped, quarantined or in flight.

Judged from what the sender kept of its own events, against what lies in the stores, read as plain data. This module
imports nothing of the code it judges, and knows of it only what is documented for readers of the lake: a verdict
counts by the highest version per message and content; at the same version a drop counts, since what was archived
before it was never committed.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: what rows of events say; others are of merges, or are there to be counted (`arrivals.py`)
ENDS = {"applied", "dropped", "conflict"}


@dataclass
class Sender:
    """What a careful sender keeps: for each send the message id and the content, and the ids that were refused."""

    sends: list[tuple[str, str]] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    def sent(self, message_id: str, content: object) -> None:
        """An event that was accepted with 200."""
        self.sends.append((message_id, json.dumps(content, sort_keys=True, default=str)))

    def sent_unusable(self, message_id: str) -> None:
        """Accepted with 200 too, but the sender knows that it is no event."""
        self.unusable.append(message_id)


@dataclass(frozen=True)
class Balance:
    """How many accepted events came to what."""

    accepted: int
    applied: int
    duplicate: int
    conflict: int
    dropped: int
    quarantined: int
    in_flight: int

    def check(self) -> None:
        """The sum of all ends is what was accepted, and no end is negative."""
        parts = (self.applied, self.duplicate, self.conflict, self.dropped, self.quarantined, self.in_flight)
        assert min(parts) >= 0, self
        assert sum(parts) == self.accepted, self


class Books:
    """`rows`: the lake's lines; `quarantined`: kept bytes; `profiles`: states of live profiles as plain maps;
    `tombstones`: from absorbed profile ids to what absorbed them."""

    def __init__(
        self,
        sender: Sender,
        *,
        rows: Iterable[bytes],
        quarantined: Iterable[bytes],
        profiles: Iterable[Mapping[str, Any]],
        tombstones: Mapping[str, str],
        opens: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        self._opens = opens
        self._sender = sender
        self._rows = [json.loads(row) for row in rows]
        self._quarantined = list(quarantined)
        self._profiles = {str(profile["profile_id"]): profile for profile in profiles}
        self._tombstones = tombstones

    def verdicts(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The row that counts, by message id and fingerprint; merges and wake-ups are no events of a sender."""
        counting: dict[tuple[str, str], Mapping[str, Any]] = {}
        for row in self._rows:
            if row["verdict"] not in ENDS or not self._is_stored(row) or not self._opens(row):
                continue
            key = (row["message_id"], row.get("fingerprint", ""))
            known = counting.get(key)
            if known is None or _weight(row) > _weight(known):
                counting[key] = row
        return counting

    def _is_stored(self, row: Mapping[str, Any]) -> bool:
        return row.get("profile_id", "") in {"", *self._profiles, *self._tombstones}

    def balance(self) -> Balance:
        """Counts every send once. What has left no trace anywhere is in flight."""
        contents: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for message_id, content in self._sender.sends:
            contents[message_id][content] += 1
        ends: Counter[str] = Counter()
        by_message: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (message_id, _), row in self.verdicts().items():
            by_message[message_id][row["verdict"]] += 1
        for message_id, copies in contents.items():
            told = by_message[message_id]
            kept = self._is_quarantined(message_id)
            assert sum(told.values()) <= len(copies), f"{message_id} has more verdicts than contents: {told}"
            ends.update(told)
            ends["quarantined"] += kept
            ended = sum(told.values()) + kept
            # Once one copy of a content has ended, the other copies are its duplicates.
            ends["duplicate" if ended == len(copies) else "in flight"] += copies.total() - ended
        ends["quarantined"] += sum(self._is_quarantined(message_id) for message_id in self._sender.unusable)
        ends["in flight"] += sum(not self._is_quarantined(message_id) for message_id in self._sender.unusable)
        return Balance(
            accepted=len(self._sender.sends) + len(self._sender.unusable),
            applied=ends["applied"],
            duplicate=ends["duplicate"],
            conflict=ends["conflict"],
            dropped=ends["dropped"],
            quarantined=ends["quarantined"],
            in_flight=ends["in flight"],
        )

    def check(self, *, in_flight: int | None = 0) -> Balance:
        """The sums, and every profile's own count against the rows that claim to have been applied to it."""
        balance = self.balance()
        balance.check()
        if in_flight is not None:
            assert balance.in_flight == in_flight, balance
            self._check_profiles()
        return balance

    def _check_profiles(self) -> None:
        archived: Counter[str] = Counter()
        for row in self.verdicts().values():
            if row["verdict"] == "applied" and not row.get("type", "").startswith("$"):
                archived[self._survivor(row["profile_id"])] += 1
        counted = {profile_id: profile.get("events", 0) for profile_id, profile in self._profiles.items()}
        assert dict(archived) == {profile_id: events for profile_id, events in counted.items() if events}

    def _survivor(self, profile_id: str) -> str:
        while profile_id in self._tombstones:
            profile_id = self._tombstones[profile_id]
        return profile_id

    def _is_quarantined(self, message_id: str) -> bool:
        return any(f'"{message_id}"'.encode() in raw for raw in self._quarantined)


def _weight(row: Mapping[str, Any]) -> tuple[int, bool, int]:
    return (row.get("version", 0), row["verdict"] == "dropped", row["processed_at"])
