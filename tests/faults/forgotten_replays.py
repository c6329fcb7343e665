"""After everything has taken its way: whatever may bring something back, and what is found then, wherever it lies."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import msgspec

from attune.domain.collection.api_keys import SERVER
from attune.domain.profiles.state import decode_profile
from tests.builders import HOUR, MINUTE, score_event, segments_of
from tests.faults.forgotten_lives import BUYERS, CURIOUS, FILE, MENDED, Lives, Seen


def finish(lives: Lives) -> None:
    """Everything that waits is done: the stream, timers, messages, their second attempts."""
    lives.world.pass_time(25 * MINUTE)
    lives.world.pass_time(2 * HOUR)
    lives.shop.land()
    lives.look()


def forget(lives: Lives) -> None:
    """The privacy machine comes to its end, if anything is asked of it."""
    for _ in range(5):
        if lives.desk.work():
            break
        lives.shop.process()
    else:
        raise AssertionError("the request is never over")
    lives.look()


def replays(lives: Lives) -> dict[str, Callable[[], Any]]:
    """By name, each as an operator, a client or AWS would do it."""
    return {
        "the stream is read again": lambda: lives.world.read_again(batch=lives.rng.randint(1, 9)),
        "clients send again": lambda: _send_again(lives),
        "failed batches are replayed": lives.shop.repairs.replay,
        "effects are made up for": lambda: lives.shop.repairs.effects(0),
        "what was refused is mended": lambda: lives.shop.desk.replay(patch=MENDED),
        "the file is dropped again": lambda: _drop_again(lives),
        "everybody is rebuilt": lives.shop.rebuild,
        "a segment is backfilled": lambda: lives.shop.backfill(CURIOUS, BUYERS),
        "scores come late": lambda: _score_late(lives),
    }


def _send_again(lives: Lives) -> None:
    """What is refused anew and mended would be of the day on which it came again: another life's."""
    for body in lives.sent:
        if any("timestamp" in one and one["timestamp"] == "yesterday" for one in body["batch"]):
            continue
        lives.shop.desk.send(body, key=SERVER)


def _drop_again(lives: Lives) -> None:
    lives.world.time.now += MINUTE
    lives.shop.imports.drop(FILE, lives.file)
    lives.shop.imports.run(FILE, "again")


def _score_late(lives: Lives) -> None:
    """Of everybody who ever was, by a wave that hung."""
    for profile_id in sorted({one for ids in lives.ids.values() for one in ids}):
        lives.world.send(score_event(profile_id, at=lives.world.time.now, version="run-2"))


def night(lives: Lives, run: str) -> None:
    """The lake is compacted, models are trained, everybody is scored, campaigns run."""
    lives.shop.compact()
    lives.learn(run)
    lives.teach()
    finish(lives)


def look_at_segments(lives: Lives) -> None:
    """What is seldom looked at: previews, stored profiles, the catalog."""
    at = lives.world.time()
    for segment in (CURIOUS, BUYERS):
        sample = set(lives.desk.preview(segment)["sample"])
        lives.seen += [Seen("previewed", who, at) for who in lives.people if sample & lives.ids[who]]
    for item in lives.world.live_items():
        profile = decode_profile(item.state)
        for who in lives.people:
            if profile.profile_id in lives.ids[who]:
                lives._see("stored in segments", who, frozenset(segments_of(profile)), at)
                lives._see("stored with scores", who, frozenset(profile.scores), at)
    lives._see("in the catalog", "anybody", lives.words(lives.desk.catalog()), at)


def look_at_exports(lives: Lives) -> None:
    """What an access request would show."""
    at = lives.world.time()
    for who in lives.people:
        exported = lives.desk.export(*lives.names(who))
        lives._see("exported", who, lives.words(exported["profiles"]) | lives.words(exported["events"]), at)
        lives._see("exported with messages", who, lives.words(exported["messages"]), at)
        lives._see("exported as refused", who, lives.words(exported["refused_input"]), at)


def in_the_clear(lives: Lives, start: int = 0) -> frozenset[str]:
    """In clear columns of rows from a position on; of what is refused the id of its message is told as well."""
    rows = [msgspec.json.decode(row) for row in lives.world.lake.rows[start:]]
    clear = [{name: value for name, value in row.items() if name not in {"sealed", "message_id"}} for row in rows]
    return lives.words(clear)


def residue(lives: Lives) -> dict[str, frozenset[str]]:
    """By store, every word that lies there, under a seal or not."""
    shop, world = lives.shop, lives.world
    table = shop.lake.table(in_order=False)
    found = {
        "profiles": [_opened(one) for one in world.profiles.all_items()],
        "pages": list(world.profiles._pages.values()),
        "deliveries": world.deliveries.all(),
        "quarantine": [kept.raw for kept in world.quarantine.all()],
        "failures": [_carried(document) for _, document in shop.repairs.batches._objects.values()],
        "imports": [content for content, *_ in shop.imports.bucket._objects.values()],
        "raw lake": [_unsealed(msgspec.json.decode(row)) for row in shop.landed()],
        "tables": [_unsealed(row) for row in table],
        "registry": list(shop.registry.files.values()),
        "documents": [content for content, _ in lives.desk.documents.documents.values()],
    }
    return {store: lives.words(repr(held)) for store, held in found.items()}


def _carried(document: bytes) -> Any:
    """The records of a batch that was given up."""
    records = msgspec.json.decode(msgspec.json.decode(document)["payload"])["Records"]
    return document, [b64decode(one["kinesis"]["data"]) for one in records if "kinesis" in one]


def _opened(item: Any) -> Any:
    return item, decode_profile(item.state) if item.state else None


def _unsealed(row: dict[str, Any]) -> Any:
    sealed = row.get("sealed") or ""
    return row, sealed if isinstance(sealed, bytes | bytearray) else b64decode(sealed)
