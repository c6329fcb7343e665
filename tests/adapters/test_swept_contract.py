"""`VersionedBucket` and `PersonalItems`: nothing of what is taken away stays behind, and nothing else goes."""

from __future__ import annotations

import io
from typing import Any, Protocol

import pytest

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_personal import DynamoPersonalItems
from attune.adapters.memory_swept import MemoryPersonalItems, MemorySwept
from attune.adapters.s3_swept import S3Swept
from attune.ports.erasure import Stored, VersionedBucket
from tests.adapters.cloud import Cloud
from tests.builders import delivery, profile_id


class Bucket(VersionedBucket, Protocol):
    """One whose versions a test can see."""

    def all_versions(self) -> list[tuple[str, bytes | None]]: ...

    def delete(self, key: str) -> None: ...


class _Memory(MemorySwept):
    def all_versions(self) -> list[tuple[str, bytes | None]]:
        return sorted(
            ((key, one) for key, kept in self.versions.items() for one in kept), key=lambda one: (one[0], one[1] or b"")
        )


class _OnAws(S3Swept):
    def __init__(self, cloud: Cloud, *, versioned: bool) -> None:
        self._s3, self._name = cloud.client("s3"), cloud.bucket()
        if versioned:
            self._s3.put_bucket_versioning(Bucket=self._name, VersioningConfiguration={"Status": "Enabled"})
        super().__init__(self._s3, self._name)

    def all_versions(self) -> list[tuple[str, bytes | None]]:
        answer = self._s3.list_object_versions(Bucket=self._name)
        found: list[tuple[str, bytes | None]] = [(one["Key"], None) for one in answer.get("DeleteMarkers", ())]
        for one in answer.get("Versions", ()):
            body = self._s3.get_object(Bucket=self._name, Key=one["Key"], VersionId=one["VersionId"])["Body"]
            found.append((one["Key"], body.read()))
        return sorted(found, key=lambda one: (one[0], one[1] or b""))

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self._name, Key=key)


@pytest.fixture(params=[True, False], ids=["versioned", "plain"])
def bucket(request: pytest.FixtureRequest, backend: Cloud | None) -> Any:
    return _OnAws(backend, versioned=request.param) if backend else _Memory(versioned=request.param)


@pytest.fixture
def versioned(backend: Cloud | None) -> Any:
    return _OnAws(backend, versioned=True) if backend else _Memory(versioned=True)


def put(bucket: VersionedBucket, key: str, content: bytes) -> Stored:
    bucket.put(key, io.BytesIO(content))
    return next(one for one in bucket.listed(key) if one.key == key)


def read(bucket: VersionedBucket, key: str) -> bytes | None:
    file = bucket.open(key)
    if file is None:
        return None
    with file:
        return file.read()


def test_what_is_there_is_listed_in_order_behind_a_place(bucket: Bucket) -> None:
    for key in ("b/2", "a/1", "b/1", "b/3"):
        put(bucket, key, b"content")
    assert [(one.key, one.size) for one in bucket.listed("b/")] == [("b/1", 7), ("b/2", 7), ("b/3", 7)]
    assert [one.key for one in bucket.listed("b/", "b/1")] == ["b/2", "b/3"]
    bucket.delete("b/2")
    assert [one.key for one in bucket.listed("b/")] == ["b/1", "b/3"]
    assert (read(bucket, "b/1"), read(bucket, "b/2"), read(bucket, "c")) == (b"content", None, None)


def test_what_is_replaced_leaves_no_version_behind(bucket: Bucket) -> None:
    put(bucket, "one", b"first")
    found = put(bucket, "one", b"second")
    put(bucket, "one-more", b"another")
    assert bucket.replace(found, io.BytesIO(b"third"))
    assert bucket.all_versions() == [("one", b"third"), ("one-more", b"another")]


def test_what_became_another_meanwhile_is_not_replaced(bucket: Bucket) -> None:
    found = put(bucket, "one", b"first")
    put(bucket, "one", b"newer")
    assert not bucket.replace(found, io.BytesIO(b"ours"))
    assert read(bucket, "one") == b"newer"
    bucket.delete("one")
    assert not bucket.replace(found, io.BytesIO(b"ours"))
    assert read(bucket, "one") is None


def test_what_is_removed_goes_with_all_versions_and_markers(versioned: Bucket) -> None:
    for key in ("a/1", "a/1", "a/2", "b"):
        put(versioned, key, b"x")
    versioned.delete("a/2")
    assert versioned.remove("a/") == 2
    assert versioned.remove("a/") == 0
    assert versioned.all_versions() == [("b", b"x")]


def test_what_is_blanked_is_empty_in_all_versions_and_others_stay(bucket: Bucket) -> None:
    for content in (b"one", b"two"):
        put(bucket, "a/1", content)
    other = put(bucket, "a/10", b"ten")
    for _ in range(2):
        bucket.blank("a/1")
        bucket.blank("a/2")
    assert bucket.all_versions() == [("a/1", b""), ("a/10", b"ten"), ("a/2", b"")]
    assert [(one.key, one.size) for one in bucket.listed("a/")] == [("a/1", 0), ("a/10", other.size), ("a/2", 0)]


def test_earlier_versions_are_forgotten_and_current_ones_stay(versioned: Bucket) -> None:
    for content in (b"1", b"2", b"3"):
        put(versioned, "a/1", content)
    put(versioned, "a/2", b"x")
    put(versioned, "b", b"1")
    put(versioned, "b", b"2")
    versioned.delete("a/2")
    assert versioned.forget("a/") == 2
    assert versioned.forget("a/") == 0
    assert versioned.all_versions() == [("a/1", b"3"), ("a/2", None), ("b", b"1"), ("b", b"2")]
    assert read(versioned, "a/2") is None


def test_nobody_empties_a_bucket_by_mistake(bucket: Bucket) -> None:
    put(bucket, "one", b"first")
    for careless in (bucket.remove, bucket.forget):
        with pytest.raises(ValueError, match="prefix"):
            careless("")
    assert read(bucket, "one") == b"first"


def test_deliveries_of_a_profile_go_and_those_of_others_stay(backend: Cloud | None) -> None:
    ids = [f"{number:032x}" for number in range(60)]
    items: Any
    if backend is None:
        items = MemoryPersonalItems()
        items.deliveries = {profile_id(1): list(ids), profile_id(2): ["other"]}
        assert items.remove_deliveries([profile_id(1), profile_id(3)]) == 60
        assert items.deliveries == {profile_id(2): ["other"]}
        return
    client, table = backend.client("dynamodb"), backend.table("deliveries")
    store = DynamoDeliveries(client, table)
    for one in ids:
        store.claim(delivery(profile_id=profile_id(1), delivery_id=one))
    store.claim(delivery(profile_id=profile_id(2), delivery_id="other"))
    items = DynamoPersonalItems(client, deliveries=table, identities="")
    assert items.remove_deliveries([profile_id(1), profile_id(3)]) == 60
    assert items.remove_deliveries([profile_id(1)]) == 0
    assert store.of_profile(profile_id(1)) == []
    assert [one.delivery_id for one in store.of_profile(profile_id(2))] == ["other"]


def test_pages_of_a_memory_go_and_nothing_else_of_the_table(backend: Cloud | None) -> None:
    items: Any
    if backend is None:
        items = MemoryPersonalItems()
        items.pages = {"aa", "bb"}
        assert (items.remove_pages(["aa", "cc"]), items.remove_pages(["aa"]), items.pages) == (1, 0, {"bb"})
        return
    client, table = backend.client("dynamodb"), backend.table("identities")
    for key in ("page#aa", "page#bb", "aa"):
        client.put_item(TableName=table, Item={"identity_key": {"S": key}})
    items = DynamoPersonalItems(client, deliveries="", identities=table)
    assert (items.remove_pages(["aa", "cc"]), items.remove_pages(["aa"])) == (1, 0)
    left = sorted(item["identity_key"]["S"] for item in client.scan(TableName=table)["Items"])
    assert left == ["aa", "page#bb"]
