"""Two who were taken for one, the desk where an operator says so, and what is seen of them afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.memory import MemoryStream, PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.domain.errors import AttuneError
from attune.domain.events import decode_record
from attune.domain.identifiers import Identifier
from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.profile import Profile
from attune.use_cases.past.rebuild_profiles import RebuildProfiles
from attune.use_cases.profiles.unlink_profiles import UnlinkProfiles
from tests.builders import (
    HOUR,
    NOW,
    Pseudonyms,
    event,
    identifiers,
    identify,
)
from tests.use_cases.test_process_events import Processor

ANN, BEN = identifiers(user_id="ann"), identifiers(email="ben@example.com")
PHONE, TABLET = identifiers(anonymous_id="phone"), identifiers(anonymous_id="tablet")
BODY = {"identifiers": ["email:ben@example.com", "anonymous_id:phone"], "reason": "Ben rang up: the tablet is Ann's"}
ADMIN = "the admin's key"


class Desk:
    """The API beside a processor that works off what it puts on the stream, and a rebuild of the same stores."""

    def __init__(self) -> None:
        self.processor = Processor()
        self.stream = MemoryStream()
        self.unlink_profiles = UnlinkProfiles(
            profiles=self.processor.store,
            stream=self.stream,
            pseudonyms=Pseudonyms(),
            admin_key=lambda: ADMIN,
            clock=lambda: self.processor.now,
        )
        #: identity keys that access records name
        self.recorded: list[str] = []

    def unlink(self, address: str = "user_id:ann", body: Any = None) -> dict[str, Any]:
        said = json.dumps(BODY if body is None else body).encode()
        return self.unlink_profiles(address, said, self.recorded.extend)

    def carry(self) -> None:
        """The stream carries what was put on it."""
        self.processor(*(decode_record(stored.data) for stored in self.stream.records))
        self.stream.records.clear()

    def rebuild(self, *named: Identifier) -> dict[str, Any]:
        store = self.processor.store
        rebuild = RebuildProfiles(
            profiles=store,
            history=MemoryHistory(lambda: self.processor.lake.rows, store),
            definitions=self.processor.definitions,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            clock=lambda: self.processor.now,
            count=lambda *_: None,
            pause=lambda _: None,
        )
        return rebuild([Pseudonyms().key(one) for one in named], None, lambda: True)

    def ann(self) -> Profile:
        return self.processor.profile("user_id", "ann")

    def ben(self) -> Profile:
        return self.processor.profile("email", "ben@example.com")

    def wake_all(self) -> None:
        for item in self.processor.store.all_items():
            if item.due_at is not None and item.due_at <= self.processor.now:
                self.processor.wake(item.profile_id)

    def told(self) -> list[tuple[str, str]]:
        """Carts that campaigns heard of, and whose."""
        images = self.processor.store.images()
        entries = [(item.profile_id, one) for item in images for one in item.outbox if isinstance(one, SegmentEntered)]
        return [(profile_id, one.key) for profile_id, one in entries if one.segment == "abandoned_cart"]


def mixed_up() -> Desk:
    """Ann has a tablet, Ben a phone; once Ben's phone was seen under Ann's name, and so they are one."""
    made = Desk()
    send = made.processor.send
    send(identify({"name": "Ann", "city": "Bonn"}, identifiers=ANN + TABLET, time=NOW - 5 * HOUR))
    send(event("Product Viewed", identifiers=BEN + PHONE, traits={"name": "Ben"}, time=NOW - 4 * HOUR))
    send(event("Product Viewed", identifiers=ANN + PHONE, time=NOW - 3 * HOUR))
    send(event("Product Viewed", identifiers=BEN, traits={"shoes": 43}, time=NOW - 2 * HOUR))
    assert made.ann() == made.ben()
    return made


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code


def names(profile: Profile) -> set[str]:
    return {link.identifier.value for link in profile.links.values()}
