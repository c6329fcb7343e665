"""Lists over HTTP, for server keys: whom a company has put on one, or taken off, as an event each on the stream.

A list is defined nowhere: it is there as soon as somebody is on it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.events import LIST, Event, Origin, Record, short_hash
from attune.domain.identity.resolution import expired
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.manage_profiles import read_address, read_effective
from attune.use_cases.profiles.name_people import NamePeople

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.identifiers import Identifier
    from attune.ports import Clock, DefinitionReader, EventStream, Identified, Key, ProfileReader
    from attune.use_cases.management.record_access import Recorded

#: addresses of one call: so many records the stream takes at once
MAX_ADDRESSES: Final = 500
#: ms by which being taken off counts before being put on. Whom one call takes off by an old address and puts on by a
#: new one stays on the list, and so does who is named both ways at one instant.
REMOVED_BEFORE: Final = 1

#: as the ids of definitions
_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,63}")

type Json = dict[str, Any]


class ListChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: `namespace:value` of whom to put on the list and take off it, since when (ISO 8601)."""

    add: list[str] = []
    remove: list[str] = []
    effective_at: str | None = None


class ManageLists:
    """Changes nothing itself: each address becomes a `$list` event, on the way that consent takes."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        definitions: DefinitionReader,
        stream: EventStream,
        pseudonyms: Identified,
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._definitions = definitions
        self._name = NamePeople(profiles, pseudonyms)
        self._stream = stream
        self._pseudonyms = pseudonyms
        self._clock = clock

    def change(self, name: str, body: bytes, key: Key, recorded: Recorded) -> Json:
        """`{accepted, unknown, effective_at}`: how many addresses, and how many of these nobody has so far.

        400 `invalid_list`, `invalid_body`, `invalid_identifier`, `invalid_time`. All are stored, or
        `StreamUnavailableError`: sent again with the same `effective_at` it is the same messages, which count once.
        `recorded`: told of everybody who is named, first.
        """
        if not _NAME.fullmatch(name):
            raise AttuneError("invalid_list", "a list is named in up to 64 lower case letters, digits, _ and -")
        said = read_body(body, ListChange)
        now = self._clock()
        effective = read_effective(said.effective_at, now)
        if not 0 < len(said.add) + len(said.remove) <= MAX_ADDRESSES:
            raise AttuneError("invalid_body", f"$: name 1 to {MAX_ADDRESSES}, and more in parts")
        on, off = (self._keyed(*part, key.source) for part in (("add", said.add), ("remove", said.remove)))
        if on.keys() & off.keys():
            raise AttuneError("invalid_body", "$.remove: names somebody who is in add too")
        recorded([*on, *off])
        unknown = self._unknown([*on, *off], now)
        events = [_event(name, key.source, one, on=False, at=effective - REMOVED_BEFORE) for one in off.items()]
        events += [_event(name, key.source, one, on=True, at=effective) for one in on.items()]
        request = Record(source=key.source, origin=Origin.INTERNAL, received_at=now, key="", trusted=True)
        self._stream.put(stream_entries(self._pseudonyms, request, events))
        return {"accepted": len(events), "unknown": unknown, "effective_at": iso(effective)}

    def _keyed(self, field: str, addresses: Sequence[str], source: str) -> dict[str, Identifier]:
        """By identity key, each once."""
        written: list[Identifier] = []
        for index, address in enumerate(addresses):
            try:
                written.append(read_address(address))
            except AttuneError:
                raise AttuneError("invalid_identifier", f"$.{field}[{index}]: is not namespace:value") from None
        named = self._name(written, source, self._definitions.current())
        return {self._pseudonyms.key(one): one for meant in named for one in meant}

    def _unknown(self, keys: Sequence[str], now: int) -> int:
        """Whom the gate will refuse because nobody knows what they consent to."""
        known = self._profiles.identities(keys, consistent=False)
        return sum(key not in known or expired(known[key], now) for key in keys)


def _event(name: str, source: str, keyed: tuple[str, Identifier], *, on: bool, at: int) -> Event:
    """Its id follows from what it says, so that a caller who sends the same change again says it once."""
    identity_key, identifier = keyed
    content = short_hash("list", source, name, identity_key, str(on), str(at)).hex()
    return Event(
        type=LIST,
        message_id=f"list_{content}",
        time=at,
        identifiers=(identifier,),
        properties={"list": name, "on": on},
        fingerprint=content,
    )
