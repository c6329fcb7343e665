"""A request through collect_events, and what it accepted through the processor into a store and out again."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any, Final

from attune.domain.events import Event, encode_record
from attune.domain.past.rebuilding import open_told
from attune.domain.profiles.state import decode_profile
from tests.bad_input.cases import Case
from tests.bad_input.request_cases import basic
from tests.builders import EVERYTHING, NOW, source
from tests.cpu import timed
from tests.faults.world import World
from tests.functions.door import Door
from tests.functions.gateway import Answer, call, http_event

#: everybody consents, so that nothing is dropped for want of it
SHOP: Final = source(consent=EVERYTHING)


class Request:
    """What one request was answered and what it left on the stream. `cpu`: seconds."""

    def __init__(self, module: Any, case: Case) -> None:
        module.now = lambda: NOW
        (self.door, self.answer), self.cpu = timed(lambda: sent(module, case))

    def stored(self) -> list[Event]:
        """What the lake has of what was accepted, after everything was processed."""
        return in_lake(processed(self.door))


def sent(module: Any, case: Case) -> tuple[Door, Answer]:
    """The request on a stream of its own, so that trying it again finds nothing there."""
    door = Door(module, SHOP)
    return door, call(module.handler, gateways(case, door.browser))


def gateways(case: Case, key: str) -> dict[str, Any]:
    """The event as API Gateway hands it over; the case's own headers take the place of the key's."""
    headers = {"authorization": basic(key)} | {name: _with_key(text, key) for name, text in case.headers.items()}
    path = case.path if case.path.startswith("/") else f"/v1/{case.path}"
    route = f"POST {path}" if case.refused is None or case.refused[1] != "not_found" else "$default"
    event = http_event(route, case.body, headers)
    event["rawPath"], event["requestContext"]["http"]["method"] = path, "POST"
    if case.encoded is not None:
        event |= {"body": case.encoded, "isBase64Encoded": True}
    return event


def _with_key(text: str, key: str) -> str:
    """The runner's key for `{key}`, also where that is in Basic."""
    if text.lower().startswith("basic "):
        try:
            user = b64decode(text[6:], validate=True).decode()
        except ValueError:
            return text
        return text[:6] + basic(user.replace("{key}", key))[6:] if "{key}" in user else text
    return text.replace("{key}", key)


def processed(door: Door) -> World:
    """Everything that lies on the stream, processed."""
    world = World(SHOP)
    world.stream.put([(record.key, encode_record(record)) for record in door.records()])
    world.settle()
    return world


def in_lake(world: World) -> list[Event]:
    """Events that were applied or conflict, opened with the data keys of the profiles they were applied to."""
    keys = {item.profile_id: decode_profile(item.state).data_key for item in world.live_items()}
    found = {}
    for row in (json.loads(line) for line in world.lake.rows):
        if row.get("sealed") and row["verdict"] in ("applied", "conflict"):
            plain = world.seal.open(keys[row["profile_id"]], b64decode(row["sealed"]))
            event = open_told(row["source"], plain).event
            found[event.message_id, event.fingerprint] = event
    return list(found.values())
