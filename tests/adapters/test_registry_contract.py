"""`Registry`: versions lie there as they were kept, and the pointer moves only from where its mover saw it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from attune.domain.learning.artefacts import MAX_NAME
from attune.domain.learning.models import MAX_BYTES, Champion, UnusableModelError, encode_model
from attune.ports import ConflictError
from tests.adapters.cloud import Cloud
from tests.adapters.stores import Spoilable, registry
from tests.builders import NOW, model

NAME = model().name


@pytest.fixture
def shelves(backend: Cloud | None) -> Spoilable:
    return registry(backend)


@pytest.fixture
def raced(racing_backend: Cloud | None) -> Spoilable:
    return registry(racing_backend)


def tag_of(shelves: Spoilable) -> str:
    found = shelves.champion(NAME)
    assert found is not None
    return found[0]


def champion(version: str) -> Champion:
    return Champion(version=version, previous=None, run=version, moved_at=NOW)


def test_nobody_is_champion_until_somebody_is_promoted(shelves: Spoilable) -> None:
    assert shelves.champion(NAME) is None
    pointer = Champion(version="run-2", previous="run-1", run="run-2", moved_at=NOW)
    shelves.promote(NAME, pointer, read=None)
    found = shelves.champion(NAME)
    assert found is not None
    assert found[1] == pointer


def test_what_was_kept_is_found_as_it_was_file_by_file(shelves: Spoilable) -> None:
    files = {"model.json": encode_model(model()), "metrics.json": b"{}", "lineage.json": bytes(range(256))}
    shelves.keep(NAME, "run-1", files)
    assert {file: shelves.document(NAME, "run-1", file) for file in files} == files
    assert shelves.model(NAME, "run-1") == model()
    assert shelves.document(NAME, "run-1", "card.md") is None
    assert shelves.document(NAME, "run-2", "model.json") is None


def test_keeping_a_version_again_replaces_its_files_and_no_other_versions(shelves: Spoilable) -> None:
    shelves.keep(NAME, "run-1", {"metrics.json": b"1"})
    shelves.keep(NAME, "run-2", {"metrics.json": b"2"})
    shelves.keep(NAME, "run-1", {"metrics.json": b"3"})
    assert [shelves.document(NAME, version, "metrics.json") for version in ("run-1", "run-2")] == [b"3", b"2"]


def test_keeping_moves_no_pointer(shelves: Spoilable) -> None:
    shelves.keep(NAME, "run-1", {"model.json": encode_model(model())})
    assert shelves.champion(NAME) is None


def test_the_first_champion_is_the_first_only_once(shelves: Spoilable) -> None:
    shelves.promote(NAME, champion("run-1"), read=None)
    with pytest.raises(ConflictError):
        shelves.promote(NAME, champion("run-2"), read=None)
    found = shelves.champion(NAME)
    assert found is not None
    assert found[1].version == "run-1"


def test_the_pointer_moves_from_where_it_was_read_and_from_nowhere_else(shelves: Spoilable) -> None:
    shelves.promote(NAME, champion("run-1"), read=None)
    old = tag_of(shelves)
    shelves.promote(NAME, champion("run-2"), read=old)
    with pytest.raises(ConflictError):
        shelves.promote(NAME, champion("run-3"), read=old)
    shelves.promote(NAME, champion("run-3"), read=tag_of(shelves))
    found = shelves.champion(NAME)
    assert found is not None
    assert found[1].version == "run-3"


def test_a_pointer_that_is_gone_is_not_the_one_that_was_read(shelves: Spoilable) -> None:
    shelves.promote("other_model", champion("run-1"), read=None)
    found = shelves.champion("other_model")
    assert found is not None
    with pytest.raises(ConflictError):
        shelves.promote(NAME, champion("run-2"), read=found[0])


NO_POINTERS = {
    "nothing": b"",
    "cut short": b"{",
    "a number": b'{"version": 7}',
    "no version": b'{"previous": "run-1"}',
    "no text": b"\xff\xfe",
    "null": b"null",
    "an empty version": b'{"version": ""}',
    "an endless version": b'{"version": "' + b"x" * (MAX_NAME + 1) + b'"}',
    "lists in lists": b'{"version": "run-1", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too many bytes": b'{"version": "run-1"}' + b" " * MAX_BYTES,
}


@pytest.mark.parametrize("data", list(NO_POINTERS.values()), ids=list(NO_POINTERS))
def test_a_pointer_that_is_none_says_so_and_can_be_replaced(shelves: Spoilable, data: bytes) -> None:
    shelves.spoil_pointer(NAME, data)
    with pytest.raises(UnusableModelError) as caught:
        shelves.champion(NAME)
    assert caught.value.code == "corrupt_pointer"
    shelves.promote(NAME, champion("run-1"), read=caught.value.tag)
    found = shelves.champion(NAME)
    assert found is not None
    assert found[1].version == "run-1"


def test_a_version_that_nobody_kept_is_a_missing_model(shelves: Spoilable) -> None:
    with pytest.raises(UnusableModelError) as caught:
        shelves.model(NAME, "run-9")
    assert caught.value.code == "missing_model"


def test_a_model_cut_short_is_told_by_its_code(shelves: Spoilable) -> None:
    shelves.keep(NAME, "run-1", {"model.json": encode_model(model())[:-20]})
    with pytest.raises(UnusableModelError) as caught:
        shelves.model(NAME, "run-1")
    assert caught.value.code == "corrupt_model"


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1, 4 * MAX_BYTES])
def test_a_file_is_read_up_to_where_it_is_known_to_be_too_large(shelves: Spoilable, size: int) -> None:
    data = encode_model(model()).ljust(size)
    shelves.keep(NAME, "run-1", {"model.json": data})
    assert shelves.document(NAME, "run-1", "model.json") == data[: MAX_BYTES + 1]
    if size == MAX_BYTES:
        assert shelves.model(NAME, "run-1") == model()
        return
    with pytest.raises(UnusableModelError) as caught:
        shelves.model(NAME, "run-1")
    assert caught.value.code == "corrupt_model"


def test_of_many_who_saw_the_same_champion_one_moves_the_pointer(raced: Spoilable) -> None:
    raced.promote(NAME, champion("run-0"), read=None)
    seen = tag_of(raced)

    def move(number: int) -> bool:
        try:
            raced.promote(NAME, champion(f"run-{number}"), read=seen)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        moved = [number for number, won in zip(range(1, 17), pool.map(move, range(1, 17)), strict=True) if won]
    found = raced.champion(NAME)
    assert found is not None
    assert [f"run-{number}" for number in moved] == [found[1].version]
