"""`ImportBucket`: a file is read as it was looked at or not at all; a note is replaced by who knows the last one."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from attune.adapters.memory_imports import MemoryImportBucket
from attune.adapters.s3_imports import S3ImportBucket
from attune.ports import ConflictError
from attune.ports.imports import FileChangedError, ImportBucket
from tests.adapters.cloud import Cloud

KEY = "imports/tills/a.csv"


class Bucket(ImportBucket, Protocol):
    """One into which a test can drop files."""

    def put(self, key: str, content: bytes) -> None: ...

    def remove(self, key: str) -> None: ...


class _OnAws(S3ImportBucket):
    def __init__(self, cloud: Cloud) -> None:
        self._s3, self._name = cloud.client("s3"), cloud.bucket()
        super().__init__(self._s3, self._name, piece=1024)

    def put(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._name, Key=key, Body=content)

    def remove(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._name, Key=key)


@pytest.fixture
def bucket(backend: Cloud | None) -> Any:
    return _OnAws(backend) if backend else MemoryImportBucket()


def test_a_file_that_is_not_there_is_nothing(bucket: Bucket) -> None:
    assert bucket.look(KEY) is None
    assert bucket.note(KEY) is None


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 5000])
def test_a_file_is_read_from_any_place_on_in_small_pieces(bucket: Bucket, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    bucket.put(KEY, content)
    file = bucket.look(KEY)
    assert file is not None
    assert (file.key, file.size) == (KEY, size)
    for offset in {0, 1, size // 2, size}:
        pieces = list(bucket.pieces(file, offset))
        assert b"".join(pieces) == content[offset:]
        assert all(0 < len(piece) <= 1024 for piece in pieces)


def test_another_file_in_its_place_is_never_read_for_it(bucket: Bucket) -> None:
    bucket.put(KEY, b"a" * 3000)
    file = bucket.look(KEY)
    assert file is not None
    pieces = bucket.pieces(file, 0)
    assert next(pieces) == b"a" * 1024
    bucket.put(KEY, b"b" * 3000)
    with pytest.raises(FileChangedError):
        next(pieces)
    again = bucket.look(KEY)
    assert again is not None
    assert again.etag != file.etag


def test_a_file_that_was_taken_away_is_not_read_on(bucket: Bucket) -> None:
    bucket.put(KEY, b"a" * 3000)
    file = bucket.look(KEY)
    assert file is not None
    bucket.remove(KEY)
    with pytest.raises(FileChangedError):
        list(bucket.pieces(file, 0))


def test_of_two_who_write_the_first_note_one_is_told_so(bucket: Bucket) -> None:
    tag = bucket.keep_note("n", b"one", None)
    with pytest.raises(ConflictError):
        bucket.keep_note("n", b"two", None)
    found = bucket.note("n")
    assert found is not None
    assert (found.content, found.tag) == (b"one", tag)


def test_a_note_is_replaced_only_by_who_knows_the_last_one(bucket: Bucket) -> None:
    first = bucket.keep_note("n", b"one", None)
    second = bucket.keep_note("n", b"two", first)
    with pytest.raises(ConflictError):
        bucket.keep_note("n", b"three", first)
    assert bucket.keep_note("n", b"four", second) not in {first, second}


def test_a_note_that_went_away_is_not_written_over(bucket: Bucket) -> None:
    tag = bucket.keep_note("n", b"one", None)
    bucket.remove("n")
    with pytest.raises(ConflictError):
        bucket.keep_note("n", b"two", tag)


def test_whose_answer_was_lost_finds_its_own_note(bucket: Bucket) -> None:
    """The SDK sends the request again, and the condition does not hold any more."""
    first = bucket.keep_note("n", b"one", None)
    assert bucket.keep_note("n", b"one", None) == first
    second = bucket.keep_note("n", b"two", first)
    assert bucket.keep_note("n", b"two", first) == second
