"""Every access to a person leaves a record, and leaves it first: where it cannot be written, nothing is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection import api_keys
from attune.domain.errors import AttuneError
from attune.domain.privacy.access_records import ID_DIGITS, AccessRecord

if TYPE_CHECKING:
    from attune.ports import Clock
    from attune.ports.ledger import AccessRecords

#: writes a record for each of some identity keys, for a call whose caller is known
type Recorded = Callable[[Iterable[str]], None]

#: a word and a number of the caller's own, such as a ticket's: free text would name people
_REASON: Final = re.compile(r"[a-z][a-z_]{0,31}(:([A-Z]{1,10}-)?[0-9]{1,12})?", re.ASCII)
_DIGITS: Final = 8


class Caller(msgspec.Struct, frozen=True):
    """Who asks, through which route, and why. `source`: whose key it is, "" for the admin's."""

    who: str
    route: str
    reason: str = ""
    source: str = ""


class RecordAccess:
    """Callable with the caller and the identity keys of whom the call is about, or the name of a thing."""

    def __init__(self, *, records: AccessRecords, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, caller: Caller, subjects: Iterable[str]) -> None:
        """Returns when there is a record for each. Whatever it raises, nothing may be shown or changed then."""
        now = self._clock()
        self._records.keep(
            [
                AccessRecord(
                    at=now,
                    record_id=self._random_bytes(ID_DIGITS // 2).hex(),
                    who=caller.who,
                    route=caller.route,
                    subject=subject,
                    reason=caller.reason,
                )
                for subject in sorted(set(subjects))
            ]
        )


def admin_name(token: str | None) -> str:
    """There is one admin key at a time: of its hash so much that one can be told from the next."""
    return f"admin key {api_keys.digest(token or '')[:_DIGITS]}"


def read_reason(text: str) -> str:
    """400 `invalid_reason` unless it is a word, or a word and a number: `support_case:4711`."""
    if text and not _REASON.fullmatch(text):
        raise AttuneError("invalid_reason", "X-Attune-Reason is a word, or a word and a number: support_case:4711")
    return text
