"""What becomes of a line of the raw lake when people are erased. Pure.

A line is theirs by its profile, or by its event: what was told of the same event elsewhere (a duplicate, a refusal, a
fold that lost a race) goes with it. It stays as a row that can be counted, so that the books still balance.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from attune.domain.events import ADDRESSED, decode_event
from attune.domain.processing.verdicts import (
    Row,
    Verdict,
    erased_id,
    hour,
    loosened,
    name_of_nobody,
    said_by_nobody,
)
from attune.domain.profiles.duplicates import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from attune.domain.erasure.subjects import Shared, Subject
    from attune.domain.identifiers import Identifier

#: verdicts of rows that say what an event did
_TOLD: Final = frozenset({Verdict.APPLIED, Verdict.CONFLICT})
#: takes a line away
GONE: Final = b""


class Line(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A row as it is read: its properties as they are spelled."""

    properties: dict[str, msgspec.Raw] = {}  # noqa: RUF012 - msgspec copies it


#: why a row was dropped that has a pseudonym already
_REFUSALS: Final = frozenset({"erased", "suppressed"})


class Known(NamedTuple):
    """What is known of an event: whose it is (None: of somebody erased before), when it was refused for it (ms)."""

    owner: Subject | None
    refused_at: tuple[int, ...] = ()

    def joined(self, other: Known | None) -> Known:
        """From two lines."""
        return self if other is None else Known(self.owner or other.owner, (*self.refused_at, *other.refused_at))


class ErasedRows:
    """The rule for the lines of one sweep. Applying it to its own outcome changes nothing."""

    def __init__(
        self,
        subjects: Iterable[Subject],
        *,
        key_of: Callable[[Identifier], str],
        unsealed: Callable[[bytes, bytes], bytes],
        is_nobody: Callable[[str], bool],
        unborn: Mapping[str, Subject] = MappingProxyType({}),
    ) -> None:
        """`unsealed(key, sealed)` raises ValueError; `is_nobody`: no profile of that id is stored.

        `unborn`: by ids that their identifiers would have founded; it counts where nobody is stored under it. If they
        come back they may be founded anew under one: what was received since the erasure is of a new life.
        """
        self._key_of = key_of
        self._unsealed = unsealed
        self._is_nobody = is_nobody
        self._owners: dict[str, Subject] = {}
        self._unborn = unborn
        self._shared: dict[str, list[tuple[Shared, Subject]]] = {}
        for subject in subjects:
            self._owners |= dict.fromkeys(subject.profile_ids, subject)
            for shared in subject.shared:
                self._shared.setdefault(shared.profile_id, []).append((shared, subject))

    def event_of(self, data: bytes) -> tuple[str, Known] | None:
        """The pseudonym of the event of a line that is theirs, or was, or that was refused because they are erased."""
        line = _decoded(data)
        if line is None:
            return None
        if _is_erased(line):
            return line.message_id, Known(None)
        if line.verdict is Verdict.DROPPED and line.reason in _REFUSALS and not line.fingerprint:
            return line.message_id, Known(None, (line.processed_at,))
        owner = self._owner(line)
        if owner is None or line.verdict not in _TOLD or line.type in ADDRESSED:
            return None
        return self._pseudonym(line), Known(owner)

    def judged(self, data: bytes, events: Mapping[str, Known]) -> tuple[bytes, Subject | None] | None:
        """The line as it is from now on, or `GONE`, and whose it was; None where it stays as it is.

        `events`: pseudonyms of their events, from all lines within reach.
        """
        line = _decoded(data)
        if line is None or _is_erased(line):
            return None
        owner = self._owner(line)
        return self._told_elsewhere(line, events) if owner is None else (self._of_owner(line, owner), owner)

    def _of_owner(self, line: Line, owner: Subject) -> bytes:
        if line.verdict not in _TOLD or line.type in ADDRESSED:
            return GONE
        return self._without_content(line, owner)

    def _told_elsewhere(self, line: Line, events: Mapping[str, Known]) -> tuple[bytes, Subject | None] | None:
        """Of a line that names none of them: what it is if its event is theirs.

        Under somebody who is there it is a fold that lost against the erasure if the event was refused soon after:
        what they have applied is told as a duplicate for as long as they remember it, and not as refused.
        """
        pseudonym = self._pseudonym(line) if events and line.message_id else ""
        if pseudonym not in events or line.verdict is Verdict.MERGED or line.type in ADDRESSED:
            return None
        owner, refused_at = events[pseudonym]
        if line.verdict not in _TOLD:
            bare = msgspec.structs.replace(line, message_id=pseudonym, fingerprint="")
            return _encoder.encode(self._loosened(bare, owner)), owner
        has_lost = any(0 <= at - line.processed_at < WINDOW for at in refused_at)
        return (self._without_content(line, owner), owner) if has_lost or self._is_nobody(line.profile_id) else None

    def _owner(self, line: Line) -> Subject | None:
        if not line.profile_id:
            return None
        owner = self._owners.get(line.profile_id) or (self._owners.get(line.absorbed) if line.absorbed else None)
        unborn = self._unborn.get(line.profile_id)
        if owner is None and unborn is not None and not unborn.ended_before(line.received_at):
            owner = unborn if self._is_nobody(line.profile_id) else None
        if owner is not None:
            return owner
        for shared, subject in self._shared.get(line.profile_id, ()):
            if line.version <= shared.version and self._is_of(line, shared.data_key, shared.keys):
                return subject
        return None

    def _is_of(self, line: Line, data_key: str, keys: Collection[str]) -> bool:
        """An event of two who were unlinked goes with its strongest identifier."""
        try:
            event = decode_event(self._unsealed(bytes.fromhex(data_key), line.sealed))
        except (ValueError, msgspec.MsgspecError):
            return False
        return bool(event.identifiers) and self._key_of(event.identifiers[0]) in keys

    def _pseudonym(self, line: Line) -> str:
        return erased_id(self._key_of, line.source, line.message_id, line.fingerprint)

    def _without_content(self, line: Line, owner: Subject | None) -> bytes:
        kept: dict[str, Any] = {}
        verdict, reason = Verdict.ERASED, str(line.verdict)
        anonymous = owner is not None and owner.variant == "anonymise"
        if anonymous and line.verdict is Verdict.APPLIED and not line.type.startswith("$"):
            verdict, reason = Verdict.APPLIED, line.reason
            clear = said_by_nobody({name: msgspec.json.decode(raw) for name, raw in line.properties.items()})
            said = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in clear.items()}
            kept = {"type": line.type, "event": name_of_nobody(line.event), "time": hour(line.time), "properties": said}
        row = Line(
            message_id=self._pseudonym(line),
            source=line.source,
            verdict=verdict,
            reason=reason,
            received_at=line.received_at,
            processed_at=line.processed_at,
            version=line.version,
            replayed_at=line.replayed_at,
            copy=line.copy,
            **kept,
        )
        return _encoder.encode(self._loosened(row, owner))

    def _loosened(self, row: Line, owner: Subject | None) -> Line:
        """Of who is made anonymous, without what rows of one request or one fold have in common."""
        if owner is None or owner.variant != "anonymise":
            return row
        return loosened(row, self._key_of)


def _is_erased(line: Line) -> bool:
    """Whether it is an outcome of this rule, of today's sweep or of an earlier one."""
    anonymous = line.verdict is Verdict.APPLIED and not line.profile_id and not line.fingerprint
    return line.verdict is Verdict.ERASED or anonymous


def _decoded(data: bytes) -> Line | None:
    """None for what is no row: it stays where it is, and compaction tells of it."""
    try:
        return _line.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_line: Final = msgspec.json.Decoder(Line)
_encoder: Final = msgspec.json.Encoder()
