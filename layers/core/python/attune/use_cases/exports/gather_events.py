"""Everything that somebody did, out of the lake: row by row, so that it does not matter how much it is."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.past.folding_apart import Lain, is_theirs
from attune.domain.past.rebuilding import open_told
from attune.domain.processing.verdicts import Verdict
from attune.use_cases.erasure.rewrite_objects import UNREADABLE, lines_in
from attune.use_cases.erasure.sweep_inputs import ERRORS
from attune.use_cases.exports.gather_parts import plain
from attune.use_cases.exports.open_cases import Step
from attune.use_cases.management.show_times import iso
from attune.use_cases.past.open_events import follow, set_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.domain.events import Event
    from attune.ports import Identified, ProfileReader, Seal
    from attune.ports.erasure import VersionedBucket
    from attune.ports.rebuilding import LaidRows, SealedRow
    from attune.use_cases.exports.open_cases import Case

#: what an event holds for our own use
_OURS: Final = ("time", "fingerprint", "notes", "copy", "basis")

type Json = dict[str, Any]


class Walk(msgspec.Struct):
    """How far the rows have been read: where those of each generation of merges lie, and how many are behind us."""

    laid: list[tuple[str, ...]] = []
    behind: int = 0


class GatherEvents:
    """The part `events`. A place is of one run: what was laid out may be cut by a sweep before the next one."""

    def __init__(self, profiles: ProfileReader, rows: LaidRows, seal: Seal, pseudonyms: Identified) -> None:
        self._profiles = profiles
        self._rows = rows
        self._seal = seal
        self._pseudonyms = pseudonyms

    def __call__(self, case: Case, place: str) -> Iterator[Step]:
        """`LakeSlowError`. Of rows that are behind us only merges are opened again: they hold keys."""
        walk = msgspec.json.decode(place, type=Walk) if place else Walk()
        known, passed = walk.behind, 0
        generations = iter(tuple(walk.laid))

        def rows(profile_ids: Collection[str]) -> Iterator[SealedRow]:
            nonlocal passed
            laid = next(generations, None)
            if laid is None:
                walk.laid.append(laid := self._rows.lay_out_rows(profile_ids))
            for row in (row for one in laid for row in self._rows.rows_at(one)):
                passed += 1
                if passed > known or row.verdict is Verdict.MERGED:
                    yield row

        if not case.people:
            return
        trails = set_out(self._profiles, case.people)
        for found in follow(trails, self._profiles, self._seal, rows):
            for trail, lain in found:
                splits = case.people[trail.owner].profile.splits
                if not splits or is_theirs(splits, trail.name, lain, self._pseudonyms.key):
                    yield Step(shown(lain.told.event))
            walk.behind = max(passed, known)
            yield Step(place=msgspec.json.encode(walk).decode())


class GatherMissedRows:
    """The part `missed_rows`: of the lake, laid beside it as they could not be laid down where they belong."""

    def __init__(self, lake: VersionedBucket, seal: Seal, pseudonyms: Identified) -> None:
        self._lake = lake
        self._seal = seal
        self._pseudonyms = pseudonyms

    def __call__(self, case: Case, place: str) -> Iterator[Step]:
        """Places are keys."""
        for found in self._lake.listed(ERRORS, place):
            try:
                for line in lines_in(self._lake, found.key):
                    if case.mentions(line):
                        yield self._opened(case, line)
            except UNREADABLE:
                yield Step(left_out="unreadable")
            yield Step(place=found.key)

    def _opened(self, case: Case, line: bytes) -> Step:
        """The event where its seal opens and it is theirs, else what stands in the row as it is."""
        try:
            row = _row.decode(base64.b64decode(_missed.decode(line).raw, validate=True))
        except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error):
            return Step({"at": "", "row": line.decode("utf-8", "replace")})
        owner = case.people.get(row.profile_id)
        if owner is not None:
            try:
                plainer = self._seal.open(owner.profile.data_key, row.sealed)
                lain = Lain(open_told(row.source, plainer), row.version)
            except (ValueError, msgspec.MsgspecError):
                return Step(_clear(row))  # a merge, or a fold that never came to be
            if is_theirs(owner.profile.splits, "", lain, self._pseudonyms.key):
                return Step(shown(lain.told.event))
            return Step()
        return Step(_clear(row))


def shown(event: Event) -> Json:
    """What it says, and when; nothing of what only we need."""
    said = plain(event)
    for field in _OURS:
        said.pop(field, None)
    said["identifiers"] = [{"namespace": one.namespace, "value": one.value} for one in event.identifiers]
    return {"at": iso(event.time)} | said


def _clear(row: _Row) -> Json:
    """What figures can read."""
    return {
        "at": iso(row.time),
        "source": row.source,
        "type": row.type,
        "name": row.event,
        "properties": row.properties,
    }


class _Firehose(msgspec.Struct):
    raw: str = msgspec.field(name="rawData", default="")


class _Row(msgspec.Struct, kw_only=True):
    """What is read of a row."""

    profile_id: str = ""
    version: int = 0
    source: str = ""
    type: str = ""
    event: str = ""
    time: int = 0
    properties: dict[str, Any] = {}
    sealed: bytes = b""


_missed: Final = msgspec.json.Decoder(_Firehose)
_row: Final = msgspec.json.Decoder(_Row)
