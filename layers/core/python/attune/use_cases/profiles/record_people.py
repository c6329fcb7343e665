"""A record of an access to whomever an address means: `namespace:value`, as a call's path names a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.use_cases.profiles.manage_profiles import read_address

if TYPE_CHECKING:
    from attune.ports import DefinitionReader, Identified
    from attune.use_cases.management.record_access import Caller, RecordAccess
    from attune.use_cases.profiles.name_people import NamePeople


class RecordPeople:
    """Callable with the caller and the address they gave: of whomever it may mean, as their source names people.

    `record`: for calls that name people otherwise.
    """

    def __init__(
        self, *, record: RecordAccess, name: NamePeople, definitions: DefinitionReader, pseudonyms: Identified
    ) -> None:
        self.record = record
        self._name = name
        self._definitions = definitions
        self._pseudonyms = pseudonyms

    def __call__(self, caller: Caller, address: str) -> None:
        """400 `invalid_identifier` for what identifies nobody."""
        [meant] = self._name([read_address(address)], caller.source, self._definitions.current())
        self.record(caller, [self._pseudonyms.key(one) for one in meant])
