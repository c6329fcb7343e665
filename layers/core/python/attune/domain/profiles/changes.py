"""What a commit caused: the outbox of a profile. Ids are deterministic; instants are the true ones."""

from __future__ import annotations

from typing import Final

import msgspec

from attune.domain.events import short_hash


class SegmentEntered(msgspec.Struct, frozen=True, tag_field="change", omit_defaults=True):
    """The profile is in the segment since `at`; `key` names the cart (or other keyed thing) where there is one."""

    segment: str
    at: int
    key: str = ""


class SegmentLeft(msgspec.Struct, frozen=True, tag_field="change", omit_defaults=True):
    """The profile left the segment at `at`."""

    segment: str
    at: int
    key: str = ""


type Change = SegmentEntered | SegmentLeft


def change_id(profile_id: str, change: Change) -> str:
    """16 hex digits, the same for every redelivery of the same cause."""
    return short_hash(type(change).__name__, profile_id, change.segment, change.key, str(change.at)).hex()


def encode_outbox(changes: tuple[Change, ...]) -> str:
    """JSON text, as it lies in the profile item's `outbox` attribute."""
    return msgspec.json.encode(changes).decode()


def decode_outbox(text: str) -> tuple[Change, ...]:
    """The inverse of `encode_outbox`."""
    return _decoder.decode(text)


_decoder: Final = msgspec.json.Decoder(tuple[SegmentEntered | SegmentLeft, ...])
