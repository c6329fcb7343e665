"""Whose traces an erasure removes, and what is left of their rows in the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.privacy.requests import Variant
from attune.domain.profiles.splits import pair_of

if TYPE_CHECKING:
    from attune.domain.profiles.profile import Profile

#: where subjects lie among the documents until their erasure is over: they hold addresses
FOLDER: Final = "erasures/"
#: hex digits of an identity key
_KEY: Final = 32


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the subject that lie under whom they were unlinked from: of `profile_id`, up to `version`.

    `data_key` opens them, in hex. The subject's are those whose strongest identifier is among `keys` (identity keys).
    """

    profile_id: str
    version: int
    data_key: str
    keys: tuple[str, ...]
    #: by which both sides know the unlinking
    pair: str = ""


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom an erasure is about: everything by which something that is stored can be known to be theirs.

    A set, not a person: it may be of several whose erasure is one request. `profile_ids`: live ones, those they
    absorbed, those they were before. `values`: of identifiers in every spelling known, as sent and as normalised.
    `orders`: numbers of orders. `pages`: references of their memory's pages, in hex. `erased_at`: the latest instant of
    a tombstone (ms); 0 while it is not known. What was received later is of a new life and stays, unless they are
    `suppressed`. `first_day`: before it (`2025-06-15`) no row of theirs arrived; empty: unknown.
    """

    request_id: str
    variant: Variant = "delete"
    suppressed: bool = False
    profile_ids: tuple[str, ...] = ()
    identity_keys: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    shared: tuple[Shared, ...] = ()
    #: by profile ids of others until when (ms) messages made under them may be of the subject's words
    mixed: dict[str, int] = {}
    first_day: str = ""
    #: models that scored them or may have seen them: a training while personalization was allowed
    trained: bool = False
    #: when the request began, ms: who was erased before it was held no more
    asked_at: int = 0
    erased_at: int = 0

    def ended_before(self, received_at: int) -> bool:
        """Whether what was received then (ms) is of a life after the erasure."""
        return not self.suppressed and 0 < self.erased_at < received_at


def subject_key(request_id: str, part: int = 0) -> str:
    """`erasures/<request>/0000.json`: a subject; a request about very many has several."""
    return f"{FOLDER}{request_id}/{part:04d}.json"


def subjects_of(request_id: str) -> str:
    """The prefix of all of a request's subjects."""
    return f"{FOLDER}{request_id}/"


def encode_subject(subject: Subject) -> bytes:
    """JSON."""
    return msgspec.json.encode(subject)


def decode_subject(data: bytes) -> Subject:
    """Raises `msgspec.MsgspecError` for anything else."""
    return msgspec.json.decode(data, type=Subject)


def shared_rows(profile: Profile) -> tuple[Shared, ...]:
    """Of somebody who was split off another: which rows of the other are theirs.

    The other way round there is nothing to spare: with the old side's data key nobody can open its rows any more.
    """
    found = []
    for name, split in profile.splits.items():
        if split.is_new:
            packed = split.keys.hex()
            found.append(
                Shared(
                    profile_id=split.other,
                    version=split.version,
                    data_key=split.data_key.hex(),
                    keys=tuple(packed[start : start + _KEY] for start in range(0, len(packed), _KEY)),
                    pair=pair_of(name),
                )
            )
    return tuple(found)
