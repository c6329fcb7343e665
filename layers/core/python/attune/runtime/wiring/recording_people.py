"""Access records of whom an address means, for functions whose routes name people so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.use_cases.profiles.name_people import NamePeople
from attune.use_cases.profiles.record_people import RecordPeople

if TYPE_CHECKING:
    from attune.ports import DefinitionReader, Identified, ProfileReader
    from attune.use_cases.management.record_access import RecordAccess


def record_people(
    record: RecordAccess, profiles: ProfileReader, definitions: DefinitionReader, pseudonyms: Identified
) -> RecordPeople:
    """As their source's events name them."""
    name = NamePeople(profiles, pseudonyms)
    return RecordPeople(record=record, name=name, definitions=definitions, pseudonyms=pseudonyms)
