"""The profile: everything Attune knows of one customer, as one value that is loaded, folded and written whole."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from attune.domain.identifiers import Identifier
from attune.domain.profiles.activity import Activity
from attune.domain.profiles.carts import Cart
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.windows import Mark, Samples, Sessions

#: bytes of a content's fingerprint
FINGERPRINT: Final = 8


class Link(msgspec.Struct, array_like=True, gc=False):
    """An identifier the profile holds: since when (weak ones: last renewed), and whether a trusted source vouched."""

    identifier: Identifier
    at: int
    verified: bool = False


class Split(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One side of an unlinking.

    `keys`: of the identifiers that went to the new profile, joined. `version`: of the old profile, when they went: its
    rows up to there are of both. `at`: the instant, ms. `folded`: each side was folded anew from its own events since,
    at `folded_at` (ms), from so many rows too few (`lacking`) that may be anybody's, and still come.
    """

    version: int
    keys: bytes
    at: int
    folded: bool = False
    #: of the new side: the old profile, and what opens its rows; of the old side empty
    other: str = ""
    data_key: bytes = b""
    folded_at: int = 0
    lacking: int = 0

    @property
    def is_new(self) -> bool:
        """Whether this is the side of the profile that was founded."""
        return bool(self.other)

    def took(self, key: str) -> bool:
        """Whether the identifier went to the new profile."""
        packed = bytes.fromhex(key)
        size = len(packed)
        return any(self.keys[start : start + size] == packed for start in range(0, len(self.keys), size))


class Trait(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A trait's value and what decides between two: event time, then the event's hash. A value of None is unset."""

    value: Any
    time: int
    order: bytes


class Timer(msgspec.Struct, array_like=True, gc=False):
    """Of one key of an `abandoned` condition: the newest event that starts the timer and the newest that cancels it."""

    did: int | None = None
    without: int | None = None
    #: the `did` time of the abandonment that campaigns have heard of
    announced: int | None = None


#: in place of whose entry campaigns heard of
NOBODY: Final = ("", 0)


class Membership(msgspec.Struct, array_like=True, gc=False):
    """The last stay in a segment. `announced`: campaigns have heard of the entry, so they must hear of the exit.

    `told`: as whose entry, and at which instant, if a merge changed either since; `NOBODY`: nobody was told after all.
    """

    entered_at: int
    left_at: int | None = None
    announced: bool = False
    told: tuple[str, int] | None = None


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a partition key has been applied: stream epoch, sequence number (24 bytes, big-endian), and when."""

    epoch: int
    sequence: bytes
    at: int


class Score(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a model says of the profile: a cluster's name or a number, by which version, as of when (ms).

    `percentile`: of whom the model says at most this, 0 to 100, if it says so.
    """

    value: str | float
    version: str
    at: int
    percentile: float | None = None


#: how fields are called where they are stored: every name lies in every profile
_STORED_AS: Final = {
    "profile_id": "i", "generation": "g", "first": "f", "events": "n", "first_seen": "fs", "last_seen": "ls",
    "as_of": "t", "links": "l", "traits": "tr", "consent": "c", "windows": "w", "samples": "sa", "sessions": "ss",
    "lists": "li", "timers": "ti", "carts": "ca", "activity": "a", "scores": "sc", "memberships": "m",
    "cursors": "cu", "seen": "s", "seen_records": "sr", "webhooks": "wh",
    "data_key": "k", "ledger_length": "ll", "ledger_head": "lh", "merges": "mg", "splits": "sp",
    "place": "pl", "gone": "go",
}  # fmt: skip


class Profile(msgspec.Struct, kw_only=True, omit_defaults=True, rename=_STORED_AS):
    """The state of one customer. Mutable, because exactly one fold owns it between load and commit.

    Maps are keyed by: identity key (`links`), trait name, purpose, slot (`windows`, `samples`), timer slot then key,
    cart id, segment id or segment id, 0x1F, key (`memberships`), partition key (`cursors`). `seen`, `webhooks` and
    `seen_records` are memories (`domain/profiles/memory.py`): of message ids with their fingerprints, of whole records.
    """

    profile_id: str
    generation: int = 0
    #: the identity key that founded it
    first: str = ""
    events: int = 0
    first_seen: int = 0
    last_seen: int = 0
    #: the instant up to which time has been accounted for
    as_of: int = 0
    links: dict[str, Link] = {}
    traits: dict[str, Trait] = {}
    consent: dict[str, Consent] = {}
    windows: dict[str, list[Mark]] = {}
    samples: dict[str, Samples] = {}
    sessions: Sessions | None = None
    #: whether the profile is on a list, by its name
    lists: dict[str, Trait] = {}
    timers: dict[str, dict[str, Timer]] = {}
    carts: dict[str, Cart] = {}
    activity: Activity | None = None
    #: by model
    scores: dict[str, Score] = {}
    memberships: dict[str, Membership] = {}
    cursors: dict[str, Position] = {}
    seen: bytes = b""
    webhooks: bytes = b""
    #: the older part of `seen` and `webhooks`, oldest first, by reference; stored apart
    pages: dict[bytes, bytes] = {}
    seen_records: bytes = b""
    #: seals the profile's rows in the lake; destroyed with the profile
    data_key: bytes = b""
    #: how many consent records the ledger holds of this profile, and the digest of the newest
    ledger_length: int = 0
    ledger_head: bytes = b""
    merges: int = 0
    #: who it is not, by unlinking
    splits: dict[str, Split] = {}
    #: where their events came from last (a code), kept while policies differ from place to place
    place: Trait | None = None
    #: of traits that tell where somebody is, and whose time is up: whether the last word did, and when that was said
    gone: dict[str, Trait] = {}

    def devices(self) -> set[str]:
        """The anonymous ids that the profile holds."""
        held = (link.identifier for link in self.links.values())
        return {identifier.value for identifier in held if identifier.namespace == "anonymous_id"}

    def trait_values(self) -> dict[str, Any]:
        """Trait names and values as the API shows them, unset ones left out."""
        return {name: trait.value for name, trait in sorted(self.traits.items()) if trait.value is not None}


def set_trait(traits: dict[str, Trait], name: str, trait: Trait) -> None:
    """Last writer wins by (event time, event hash), whatever the order of arrival."""
    known = traits.get(name)
    if known is None or (trait.time, trait.order) > (known.time, known.order):
        traits[name] = trait


def newer(known: Trait | None, told: Trait) -> Trait:
    """Which of two words of one thing counts, as in `set_trait`."""
    return told if known is None or (told.time, told.order) > (known.time, known.order) else known


def spell_score(version: str, value: str | float) -> str:
    """What a score says, its instant aside, as one text."""
    return f"{version} {value}"


def set_score(scores: dict[str, Score], model: str, score: Score) -> bool:
    """The latest word of a model counts, by (as of, version), whatever the order of arrival; True if this is it.

    A run scores two who turn out to be one at the same instant: then the values decide, numbers before texts.
    """
    known = scores.get(model)
    if known is not None and _order(score) <= _order(known):
        return False
    scores[model] = score
    return True


def later_position(known: Position | None, position: Position) -> Position:
    """The position further on: a later epoch of the stream, then the higher sequence number."""
    if known is None or (position.epoch, position.sequence) > (known.epoch, known.sequence):
        return position
    return known


def cause_of(profile: Profile, stay: Membership) -> tuple[str, int] | None:
    """Whose entry campaigns heard of, and its instant; None where they have heard of none."""
    return (stay.told or (profile.profile_id, stay.entered_at)) if stay.announced else None


def _order(score: Score) -> tuple[int, str, bool, str | float]:
    return (score.at, score.version, isinstance(score.value, str), score.value)
