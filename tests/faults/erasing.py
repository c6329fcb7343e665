"""What the API puts on the stream to forget somebody, and what lies anywhere of them afterwards."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from attune.domain.events import ERASE, SUPPRESS, Event
from attune.domain.identifiers import UNLINKING, Identifier, by_strength
from attune.domain.processing.verdicts import erased_id
from attune.domain.profiles.state import decode_profile
from attune.use_cases.profiles.find_profiles import markers
from tests.builders import event
from tests.faults.world import World

#: generations that a fold which lost its race may have tried, over some lives
UNBORN = [life * UNLINKING + generation for life in range(4) for generation in range(9)]


def erase_event(*named: Identifier, suppress: bool = False, **overrides: Any) -> Event:
    """Forgets whoever these lead to."""
    return _request(ERASE, named, {"suppress": suppress}, overrides)


def suppress_event(*named: Identifier, on: bool = True, **overrides: Any) -> Event:
    """Takes nothing in of these from now on, or again."""
    return _request(SUPPRESS, named, {"on": on}, overrides)


def _request(kind: str, named: tuple[Identifier, ...], said: dict[str, Any], overrides: dict[str, Any]) -> Event:
    request = overrides.pop("request_id", "ab" * 16)
    fields = {
        "type": kind,
        "message_id": f"{kind[1:]}_{request}",
        "identifiers": by_strength(named),
        "properties": {"request_id": request, **said},
        "consent": None,
    }
    return event("", **(fields | overrides))


class Traces:
    """What of events' words lies where. Each event says a word of its own, `canary-<n>`, in a trait and a property."""

    def __init__(self, world: World) -> None:
        self.world = world

    def refused(self, events: Iterable[Event]) -> set[str]:
        """Words of events that name somebody who was erased since; written from the English of the rule."""
        keys = {world_key(self.world, one): one for event in events for one in event.identifiers}
        known = markers(self.world.profiles, keys, consistent=True)
        return {
            word_of(one)
            for one in events
            for named in one.identifiers
            if (found := known.get(world_key(self.world, named)))
            and (found.suppressed_at or one.time <= found.erased_at)
        }

    def in_profiles(self) -> set[str]:
        """In whatever is stored of anybody, live or not, and in what campaigns are told."""
        stored = [msgspec.to_builtins(item, builtin_types=(bytes,)) for item in self.world.profiles.all_items()]
        states = [decode_profile(item["state"]) for item in stored if item["state"]]
        return _words(stored) | _words(states)

    def sealed_and_open(self, *, beside: Collection[str] = ()) -> set[str]:
        """Under a seal that any key which is stored somewhere opens, over the rows of merges too.

        But for merges of these profiles, which a fold that lost its race may have archived: a sweep takes them away.
        """
        rows = [row for row in self._rows() if row.get("absorbed") not in beside]
        sealed = [(row["verdict"], b64decode(row["sealed"])) for row in rows if row.get("sealed")]
        profiles = [decode_profile(item.state) for item in self.world.profiles.all_items() if item.state]
        keys = {one.data_key for one in profiles} | {s.data_key for one in profiles for s in one.splits.values()}
        found, ahead = set[str](), keys - {b""}
        while ahead:
            opened = [(verdict, plain) for verdict, row in sealed if (plain := self._open(ahead, row)) is not None]
            found |= {word for verdict, plain in opened if verdict != "merged" for word in _words(plain)}
            merged = {plain for verdict, plain in opened if verdict == "merged"}
            keys, ahead = keys | merged, merged - keys
        return found

    def _rows(self) -> list[dict[str, Any]]:
        """Without those of events whose refusal the lake tells: a sweep knows them by it."""
        rows = [msgspec.json.decode(row) for row in self.world.lake.rows]
        told = {row["message_id"] for row in rows if row.get("reason") in {"erased", "suppressed"}}
        return [row for row in rows if row["verdict"] == "merged" or self._refused_id(row) not in told]

    def in_the_clear(self, *, beside: Collection[str] = ()) -> set[str]:
        """In the lake's clear columns, but for rows of these profiles."""
        return {
            word
            for row in self._rows()
            if row.get("profile_id", "") not in beside
            for word in _words({name: value for name, value in row.items() if name != "sealed"})
        }

    def _refused_id(self, row: dict[str, Any]) -> str:
        return erased_id(self.world.pseudonyms.key, row["source"], row["message_id"], row.get("fingerprint", ""))

    def put_aside(self) -> set[str]:
        """In quarantine."""
        return _words([kept.raw for kept in self.world.quarantine.all()])

    def graves(self, events: Iterable[Event]) -> set[str]:
        """Ids under which rows of who was erased lie: theirs, of whom they absorbed, and of folds that lost a race."""
        items = {item.profile_id: item for item in self.world.profiles.all_items()}
        keys = {world_key(self.world, one) for event in events for one in event.identifiers}
        marked = [key for key, one in markers(self.world.profiles, keys, consistent=True).items() if one.erased_at]
        found = {self.world.pseudonyms.profile_id(key, generation) for key in marked for generation in UNBORN}
        for profile_id, item in items.items():
            end = item
            while end.merged_into:
                end = items[end.merged_into]
            if end.erased_at:
                found.add(profile_id)
        return found

    def _open(self, keys: Iterable[bytes], sealed: bytes) -> bytes | None:
        for key in keys:
            try:
                return self.world.seal.open(key, sealed)
            except ValueError:
                continue
        return None


def word_of(one: Event) -> str:
    """What an event says that no other does."""
    return str(one.traits["word"])


def world_key(world: World, named: Identifier) -> str:
    """Its identity key."""
    return world.pseudonyms.key(named)


def _words(value: object) -> set[str]:
    return set(re.findall(r"canary-\d+", repr(value)))
