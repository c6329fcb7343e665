"""Items of the tables `profiles` and `identities` as values."""

from __future__ import annotations

from typing import Any, Final

from attune.domain.profiles.changes import decode_outbox
from attune.domain.profiles.memory import REFERENCE
from attune.ports import Identity, ProfileItem

_MARKS: Final = ("erased_at", "suppressed_at", "released_at")


def read_identity(item: dict[str, Any]) -> Identity:
    """Of the identities table."""
    return Identity(
        profile_id=item["profile_id"]["S"],
        at=int(item["at"]["N"]),
        namespace=item["namespace"]["S"],
        generation=int(item["generation"]["N"]),
        verified=item["verified"]["BOOL"],
        **{name: int(item[name]["N"]) for name in _MARKS if name in item},
    )


def marks_of(identity: Identity) -> dict[str, int]:
    """By their attributes, 0 where there is none."""
    return {name: getattr(identity, name) for name in _MARKS}


def instants(**instants: int | None) -> dict[str, Any]:
    """Attributes of those that are there."""
    return {name: {"N": str(at)} for name, at in instants.items() if at}


def read_profile(item: dict[str, Any]) -> ProfileItem:
    """Of the profiles table; what was not asked for is as if it were not there."""
    return ProfileItem(
        profile_id=item["profile_id"]["S"],
        version=int(item["version"]["N"]),
        state=bytes(item["state"]["B"]) if "state" in item else b"",
        merged_into=item["merged_into"]["S"] if "merged_into" in item else None,
        erased_at=int(item["erased_at"]["N"]) if "erased_at" in item else None,
        suppressed_at=int(item["suppressed_at"]["N"]) if "suppressed_at" in item else 0,
        released_at=int(item["released_at"]["N"]) if "released_at" in item else 0,
        ledger_length=int(item["ledger_length"]["N"]) if "ledger_length" in item else 0,
        ledger_head=bytes(item["ledger_head"]["B"]) if "ledger_head" in item else b"",
        due_at=int(item["due_at"]["N"]) if "due_at" in item else None,
        outbox=decode_outbox(item["outbox"]["S"]) if "outbox" in item else (),
        pages=_references(bytes(item["pages"]["B"])) if "pages" in item else (),
    )


def _references(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[start : start + REFERENCE] for start in range(0, len(joined), REFERENCE))
