"""`Quarantine`: rejected bytes lie there as they came, once."""

from __future__ import annotations

import pytest

from attune.adapters.s3_quarantine import object_key
from tests.adapters.cloud import Cloud
from tests.adapters.stores import Kept, quarantine
from tests.builders import NOW


@pytest.fixture
def kept(backend: Cloud | None) -> Kept:
    return quarantine(backend)


def test_any_bytes_are_kept_as_they_came(kept: Kept) -> None:
    raw = bytes(range(256)) * 3
    kept.keep("no_identifier", "shop", NOW, raw)
    kept.keep("no_identifier", "shop", NOW, b"")
    assert sorted(kept.read()) == [b"", raw]


def test_keeping_the_same_twice_keeps_it_once(kept: Kept) -> None:
    kept.keep("no_identifier", "shop", NOW, b"{}")
    kept.keep("no_identifier", "shop", NOW, b"{}")
    assert kept.read() == [b"{}"]


def test_another_reason_source_time_or_content_is_another_object(kept: Kept) -> None:
    kept.keep("no_identifier", "shop", NOW, b"{}")
    kept.keep("bad_time", "shop", NOW, b"{}")
    kept.keep("no_identifier", "pos", NOW, b"{}")
    kept.keep("no_identifier", "shop", NOW + 1, b"{}")
    kept.keep("no_identifier", "shop", NOW, b"[]")
    assert len(kept.read()) == 5


def test_the_key_names_reason_day_source_and_content() -> None:
    key = object_key("bad_time", "shop", NOW, b"{}")
    assert key == f"quarantine/bad_time/dt=2025-06-15/shop/{NOW}-44136fa355b3678a1146ad16f7e8649e"
