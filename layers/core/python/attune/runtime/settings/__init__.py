"""What each function reads from its environment, spelled once: fields are the variables in lower case.

The modules beside this have a class for each function, by what the functions are for. They are structs: dataclasses
take ten times as long to define, at every start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

import msgspec


class SettingsError(Exception):
    """The environment lacks variables or holds unusable ones; the message names all of them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One function's; its fields are ARNs, names and numbers, never the value of a secret."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises `SettingsError` naming every variable that is missing, empty or no number where one is due.

        A field with a default may be missing or empty.
        """
        values: dict[str, str | int] = {}
        wrong: list[str] = []
        for field in msgspec.structs.fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if text == "" and not field.required:
                continue
            if text == "" or (field.type is int and not text.isdecimal()):
                wrong.append(name)
            else:
                values[field.name] = int(text) if field.type is int else text
        if wrong:
            raise SettingsError(f"{cls.__name__}: missing or unusable in the environment: {', '.join(wrong)}")
        return cls(**values)
