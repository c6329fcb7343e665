from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pytest
from msgspec.structs import fields

from attune.runtime import settings
from attune.runtime.settings import Settings, SettingsError
from attune.runtime.settings.path import DeliverMessagesSettings, ProcessEventsSettings

AREAS = [import_module(f"{settings.__name__}.{module.name}") for module in iter_modules(settings.__path__)]
CLASSES: set[type[Settings]] = {
    kind for area in AREAS for name, kind in vars(area).items() if name.endswith("Settings")
} - {Settings}


def environment(kind: type) -> dict[str, str]:
    return {field.name.upper(): "7" for field in fields(kind)}


@pytest.mark.parametrize("kind", sorted(CLASSES, key=str))
def test_settings_are_read_from_variables_named_like_their_fields(kind: type[ProcessEventsSettings]) -> None:
    read = kind.from_env(environment(kind))
    assert {str(getattr(read, field.name)) for field in fields(kind)} == {"7"}


def test_every_missing_or_unusable_variable_is_named_at_once() -> None:
    given = environment(ProcessEventsSettings) | {"STREAM_EPOCH": "one", "LAKE_STREAM": ""}
    del given["PROFILES_TABLE"]
    with pytest.raises(SettingsError, match=r"STREAM_EPOCH, PROFILES_TABLE, LAKE_STREAM$"):
        ProcessEventsSettings.from_env(given)


def test_numbers_are_numbers() -> None:
    assert ProcessEventsSettings.from_env(environment(ProcessEventsSettings)).stream_epoch == 7


def test_no_address_is_opened_where_none_is_named() -> None:
    given = environment(DeliverMessagesSettings)
    assert DeliverMessagesSettings.from_env(given | {"ALLOWED_ADDRESSES": ""}).allowed_addresses == ""
    del given["ALLOWED_ADDRESSES"]
    assert DeliverMessagesSettings.from_env(given).allowed_addresses == ""
