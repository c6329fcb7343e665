"""What is wrong with a client and what was done to it; nothing, if every call is stored once with every field."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tests.clients.calls import missing_of
from tests.clients.documented import EVENT, PROPERTIES
from tests.clients.fault_door import mark
from tests.clients.roster import FOREIGN, GIVEN_UP

if TYPE_CHECKING:
    from tests.clients.judge import Stored
    from tests.clients.session import Scenario

#: milliseconds by which the time of an event may be off: it is corrected by when its request was sent and came
TOLERANCE: Final = 600_000


def problems_of(one: Scenario) -> list[str]:
    """In words; empty if the scenario ended as it should."""
    if one.behaviour == FOREIGN:
        return _of_foreigner(one)
    found = [f"no request met: {fault}" for fault in one.door.unmet]
    found += [f"{row.message_id} is a {row.verdict}" for row in one.stored if row.verdict in _WRONG]
    found += [f"{name} lies in quarantine: {key}" for name, key in one.quarantined.items()]
    found += [
        f"the stack answered {asked.status} to {asked.path}" for asked in one.door.asked if asked.status not in (0, 200)
    ]
    found += _of_shape(one)
    return found + (_of_snippet(one) if one.behaviour == "as documented" else _of_calls(one))


_WRONG: Final = frozenset({"conflict", "dropped", "quarantined"})


def _of_foreigner(one: Scenario) -> list[str]:
    """Of a page that the source does not know everything is refused, and nothing is stored."""
    found = [] if one.refusals() else ["it was refused nothing"]
    found += [f"{asked.path} was answered {asked.status}" for asked in one.door.asked if asked.status != 403]
    return found + (["something is stored"] if one.stored or one.profile or one.quarantined else [])


def _of_shape(one: Scenario) -> list[str]:
    """Whether requests looked as the behaviour wants it."""
    packed = {asked.headers.get("content-encoding", "") for asked in one.door.asked}
    if one.behaviour == "gzip" and packed != {"gzip"}:
        return [f"bodies were encoded as {packed}"]
    if one.behaviour == "batched" and all(len(asked.calls) == 1 for asked in one.door.asked):
        return ["no request held two calls"]
    return []


def _of_snippet(one: Scenario) -> list[str]:
    found = [f"it said: {error}" for error in (one.told or {}).get("errors", ())]
    shown = [row.event for row in _applied(one) if row.event.get("name") == EVENT]
    if [event.get("properties", {}).items() >= PROPERTIES.items() for event in shown] != [True]:
        found.append(f"{EVENT} is stored {len(shown)} times")
    return found + ([] if one.profile else ["there is no profile"])


def _of_calls(one: Scenario) -> list[str]:
    """Each call once, whole, under the id that its sender kept, and counted once by the profile."""
    rows: defaultdict[str, list[Stored]] = defaultdict(list)
    for row in _applied(one):
        rows[mark(row.event)].append(row)
    given_up = _given_up(one)
    found = [f"{name} was never sent by the application" for name in rows if name not in {mark(c) for c in one.calls}]
    for call in one.calls:
        stored, name = rows[mark(call)], mark(call)
        if name in given_up:
            found += [f"{name} was given up and is stored"] if stored else []
        elif len({row.message_id for row in stored}) != 1:
            found.append(f"{name} is stored {len({row.message_id for row in stored})} times")
        else:
            found += [f"{name}: {lack}" for lack in _lacks(one, call, stored[-1])]
    return found + _of_profile(one, len(one.calls) - len(given_up)) + _of_application(one, given_up)


def _applied(one: Scenario) -> list[Stored]:
    return [row for row in one.stored if row.verdict == "applied"]


def _given_up(one: Scenario) -> set[str]:
    """The calls of requests that were refused for good."""
    if one.behaviour not in GIVEN_UP:
        return set()
    return {mark(call) for asked in one.door.asked if asked.status == 0 for call in asked.calls}


def _lacks(one: Scenario, call: dict[str, Any], row: Stored) -> list[str]:
    """What the stored event has not: of the call as the application made it, and of the call on the wire."""
    said = {name: value for name, value in call.items() if name not in one.client.lacks}
    [*_, sent] = [each for asked in one.door.asked for each in asked.calls if mark(each) == mark(call)]
    lacks = missing_of(row.event, said) + [f"(of the wire) {lack}" for lack in missing_of(row.event, sent)]
    kept = ((one.told or {}).get("kept") or {}).get(mark(call), sent["messageId"])
    if {row.message_id, sent["messageId"]} != {kept}:
        lacks.append(f"message id {row.message_id}, sent {sent['messageId']}, kept {kept}")
    if "timestamp" in said:
        at = datetime.fromisoformat(said["timestamp"]).timestamp() * 1_000
        if abs(row.event["time"] - at) > TOLERANCE:
            lacks.append(f"its time is {(row.event['time'] - at) / 1_000:.0f} s off")
    return lacks


def _of_profile(one: Scenario, expected: int) -> list[str]:
    """What the public API shows, and how many events the profile counts."""
    if one.profile is None:
        return ["there is no profile"] if expected else []
    found = [] if one.profile["events"] == expected else [f"the profile counts {one.profile['events']} of {expected}"]
    is_known = any(call["type"] == "identify" and mark(call) not in _given_up(one) for call in one.calls)
    if is_known and one.profile["traits"].get("plan") != "gold":
        found.append(f"the profile's traits are {one.profile['traits']}")
    return found


def _of_application(one: Scenario, given_up: set[str]) -> list[str]:
    """Whether the application hears of what was given up, and of nothing else."""
    if one.told is None:
        return ["its driver never answered"]
    errors = one.told["errors"]
    if not given_up:
        return [f"it said: {error}" for error in errors]
    return [] if bool(errors) == one.client.tells else [f"the application heard {errors}"]
