"""Whatever happens to pointer, artefact or S3: the last good model serves, and each fault is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from attune.adapters.s3_champions import LIFETIME, S3Champions
from attune.adapters.s3_registry import champion_key, version_key
from attune.domain.learning.artefacts import MAX_NAME
from attune.domain.learning.clusters import MAX_CLUSTERS
from attune.domain.learning.models import (
    MAX_BYTES,
    MODELS,
    Champion,
    UnusableModelError,
    encode_model,
)
from tests.adapters.cloud import Cloud
from tests.adapters.stores import SpoilableRegistry
from tests.builders import NOW, model

NAME = model().name


class Shop:
    """A registry, who reads it, and a clock that both sides can move."""

    def __init__(self, cloud: Cloud) -> None:
        self.registry = SpoilableRegistry(cloud)
        self.now = NOW
        self.faults: list[Exception] = []
        self.calls: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.champions = self.fresh()

    def fresh(self) -> S3Champions:
        """A reader that knows nothing yet."""
        _, bucket = self.registry.place
        client: Any = self
        return S3Champions(client, bucket, clock=lambda: self.now, report=self.faults.append)

    def get_object(self, **request: str) -> Any:
        self.calls.append(request["Key"])
        self.before()
        return self.registry.place[0].get_object(**request)

    def publish(self, version: str, previous: str | None = None, data: bytes | None = None) -> None:
        if data != b"":
            self.registry.keep(NAME, version, {"model.json": data or encode_model(model(version))})
        self.point(Champion(version=version, previous=previous))

    def point(self, champion: Champion) -> None:
        self.registry.spoil_pointer(NAME, msgspec.json.encode(champion))

    def served(self) -> str | None:
        """The version that serves once the lifetime is over."""
        self.now += LIFETIME
        found = self.champions.serving().get(NAME)
        return None if found is None else found.version

    def codes(self) -> list[str]:
        return [fault.code if isinstance(fault, UnusableModelError) else type(fault).__name__ for fault in self.faults]


@pytest.fixture
def shop(moto_cloud: Cloud) -> Shop:
    return Shop(moto_cloud)


def spoiled(field: str, **fields: Any) -> bytes:
    """A model without a field, or with another value there than `Model` would take."""
    raw = msgspec.json.decode(encode_model(model("run-2")))
    return msgspec.json.encode({**raw, **fields} if fields else {name: raw[name] for name in raw if name != field})


def of_clusters(number: int) -> bytes:
    """A model of that many."""
    centroids = tuple((float(at),) * 6 for at in range(number))
    return encode_model(model("run-2", centroids=centroids, labels=tuple(str(at) for at in range(number))))


def called(label: str) -> bytes:
    """A model whose first cluster has that name."""
    return encode_model(model("run-2", labels=(label, "lapsed")))


def filled(data: bytes, size: int) -> bytes:
    """The same JSON in that many bytes."""
    return data + b" " * (size - len(data))


#: what a decoder that calls itself would not come back from
DEEP = b"[" * 100_000 + b"]" * 100_000
WIDE = [[0.0] * 7, [1.0] * 7]
FAULTS = [
    ("missing artefact", b"", "missing_model"),
    ("cut short", encode_model(model("run-2"))[:100], "corrupt_model"),
    ("no JSON", b"\x80\x04\x95pickled", "corrupt_model"),
    ("a field is missing", spoiled("scale"), "corrupt_model"),
    ("another model's version", encode_model(model("run-7")), "corrupt_model"),
    ("another kind", spoiled("kind", kind="forest"), "corrupt_model"),
    ("a text among the numbers", spoiled("mean", mean=["0"] * 6), "corrupt_model"),
    ("NaN is no JSON", encode_model(model("run-2")).replace(b"3.0", b"NaN"), "corrupt_model"),
    ("null in the place of NaN", encode_model(model("run-2")).replace(b"3.0", b"null"), "corrupt_model"),
    ("centroids too wide", spoiled("centroids", centroids=WIDE), "wrong_shape"),
    ("other features", spoiled("features", features=["age"]), "wrong_shape"),
    ("no clusters", spoiled("centroids", centroids=[], labels=[]), "wrong_shape"),
    ("a cluster without a name", spoiled("labels", labels=["vip"]), "wrong_shape"),
    ("two clusters of one name", spoiled("labels", labels=["vip", "vip"]), "wrong_shape"),
    ("more bytes than are read", filled(encode_model(model("run-2")), MAX_BYTES + 1), "corrupt_model"),
    ("far more bytes than are read", filled(encode_model(model("run-2")), 8 * MAX_BYTES), "corrupt_model"),
    ("lists in lists", b'{"mean": ' + DEEP + b"}", "corrupt_model"),
    ("a year that is none", spoiled("trained_at", trained_at=10**18), "corrupt_model"),
    ("too many clusters", of_clusters(MAX_CLUSTERS + 1), "wrong_shape"),
    ("a name of nothing", called(""), "wrong_shape"),
    ("a name without end", called("x" * (MAX_NAME + 1)), "wrong_shape"),
    ("a scale of nought", spoiled("scale", scale=[1.0, 1.0, 0.0, 1.0, 1.0, 1.0]), "not_finite"),
]
BAD = [pytest.param(data, code, id=what) for what, data, code in FAULTS]


def test_the_champion_serves(shop: Shop) -> None:
    shop.publish("run-1")
    assert shop.champions.serving() == {NAME: model("run-1")}
    assert shop.faults == []


@pytest.mark.parametrize("reachable", [True, False])
def test_a_champion_that_has_expired_serves_no_more_and_the_next_one_does(shop: Shop, reachable: bool) -> None:
    ends = NOW + 3 * LIFETIME
    shop.publish("run-1")
    assert shop.served() == "run-1"
    shop.point(Champion(version="run-1", expires_at=ends))
    assert shop.served() == "run-1"
    if not reachable:
        shop.before = lambda: (_ for _ in ()).throw(EndpointConnectionError(endpoint_url="s3"))
    assert shop.served() is None
    assert shop.served() is None
    assert shop.codes() == (["expired_model"] if reachable else ["EndpointConnectionError"] * len(MODELS))
    shop.before = lambda: None
    shop.publish("run-2")
    assert shop.served() == "run-2"


def test_a_champion_that_had_expired_before_anybody_looked_never_serves(shop: Shop) -> None:
    shop.publish("run-1", previous="run-0")
    shop.point(Champion(version="run-1", previous="run-0", expires_at=NOW))
    assert (shop.served(), shop.codes()) == (None, ["expired_model"])


def test_where_no_model_was_ever_trained_none_serves_and_that_is_no_fault(shop: Shop) -> None:
    assert shop.served() is None
    assert shop.served() is None
    assert shop.faults == []


def test_the_registry_is_asked_once_a_lifetime_and_for_a_model_only_when_it_is_another(shop: Shop) -> None:
    shop.publish("run-1")
    for _ in range(3):
        shop.champions.serving()
    asked = [champion_key(name) for name in MODELS]
    assert sorted(shop.calls) == sorted([*asked, version_key(NAME, "run-1", "model.json")])
    shop.calls.clear()
    shop.now += LIFETIME - 1
    shop.champions.serving()
    assert shop.calls == []
    shop.now += 1
    shop.champions.serving()
    assert shop.calls == asked
    shop.publish("run-2")
    assert shop.served() == "run-2"


def test_a_clock_that_goes_back_does_not_keep_a_model_for_longer(shop: Shop) -> None:
    shop.publish("run-1")
    shop.champions.serving()
    shop.publish("run-2")
    shop.now -= 1
    assert shop.champions.serving()[NAME].version == "run-2"


@pytest.mark.parametrize(("data", "code"), BAD)
def test_behind_a_faulty_champion_the_last_good_one_serves_on_and_the_fault_is_told_once(
    shop: Shop, data: bytes, code: str
) -> None:
    shop.publish("run-1")
    assert shop.served() == "run-1"
    shop.publish("run-2", previous="run-0", data=data)
    assert [shop.served() for _ in range(3)] == ["run-1"] * 3
    assert shop.codes() == [code]


@pytest.mark.parametrize(("data", "code"), BAD)
def test_who_knows_no_good_one_yet_takes_the_one_before(shop: Shop, data: bytes, code: str) -> None:
    shop.publish("run-1")
    shop.publish("run-2", previous="run-1", data=data)
    assert [shop.served() for _ in range(3)] == ["run-1"] * 3
    assert shop.codes() == [code]


def test_where_the_one_before_is_faulty_too_none_serves(shop: Shop) -> None:
    shop.publish("run-2", previous="run-1", data=b"{}")
    assert [shop.served(), shop.served()] == [None, None]
    assert shop.codes() == ["corrupt_model"]


@pytest.mark.parametrize(
    "data",
    [
        of_clusters(MAX_CLUSTERS),
        called("x" * MAX_NAME),
        called("x"),
        filled(encode_model(model("run-2")), MAX_BYTES),
    ],
)
def test_what_keeps_within_its_bounds_serves(shop: Shop, data: bytes) -> None:
    shop.publish("run-2", data=data)
    assert shop.served() == "run-2"
    assert shop.faults == []


def test_of_what_is_too_large_no_more_is_read_than_tells_it(shop: Shop) -> None:
    shop.publish("run-2", data=filled(encode_model(model("run-2")), 8 * MAX_BYTES))
    assert shop.served() is None
    assert len(shop.registry.document(NAME, "run-2", "model.json") or b"") == MAX_BYTES + 1


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"version": ""}',
        b'{"version": "' + b"x" * (MAX_NAME + 1) + b'"}',
        b'{"version": "run-1", "previous": "' + b"x" * (MAX_NAME + 1) + b'"}',
        b'{"version": "run-1", "more": ' + DEEP + b"}",
        filled(b'{"version": "run-1"}', MAX_BYTES + 1),
    ],
    ids=["cut short", "nobody", "an endless name", "an endless name before", "lists in lists", "too many bytes"],
)
def test_a_pointer_that_cannot_be_read_changes_nothing_for_who_knows_a_model(shop: Shop, data: bytes) -> None:
    shop.publish("run-1")
    assert shop.served() == "run-1"
    shop.registry.spoil_pointer(NAME, data)
    assert [shop.served(), shop.served()] == ["run-1", "run-1"]
    assert shop.codes() == ["corrupt_pointer"]
    shop.champions = shop.fresh()
    assert shop.served() is None


def test_a_pointer_that_is_gone_changes_nothing_for_who_knows_a_model(shop: Shop) -> None:
    shop.publish("run-1")
    assert shop.served() == "run-1"
    client, bucket = shop.registry.place
    client.delete_object(Bucket=bucket, Key=champion_key(NAME))
    assert [shop.served(), shop.served()] == ["run-1", "run-1"]
    assert shop.codes() == ["missing_pointer"]


def unreachable() -> None:
    raise EndpointConnectionError(endpoint_url="https://s3.example.com")


def forbidden() -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")


@pytest.mark.parametrize("fail", [unreachable, forbidden])
def test_while_s3_is_out_of_reach_the_last_good_one_serves_and_it_is_not_asked_at_every_call(
    shop: Shop, fail: Callable[[], None]
) -> None:
    shop.publish("run-1")
    assert shop.served() == "run-1"
    shop.publish("run-2")
    shop.before = fail
    shop.calls.clear()
    assert [shop.served(), shop.served()] == ["run-1", "run-1"]
    shop.champions.serving()
    assert len(shop.calls) == 2 * len(MODELS)
    assert len(shop.faults) == len(MODELS)
    shop.before = lambda: None
    assert shop.served() == "run-2"


def test_a_fault_that_comes_again_or_becomes_another_is_told_again(shop: Shop) -> None:
    shop.publish("run-1")
    assert shop.served() == "run-1"
    shop.before = unreachable
    shop.served()
    shop.before = forbidden
    shop.served()
    shop.before = lambda: None
    shop.served()
    shop.before = forbidden
    shop.served()
    shop.served()
    told = ["EndpointConnectionError", "ClientError", "ClientError"]
    assert shop.codes() == [code for code in told for _ in MODELS]


def test_a_champion_that_is_mended_serves(shop: Shop) -> None:
    shop.publish("run-1")
    shop.publish("run-2", previous="run-1", data=b"{}")
    assert shop.served() == "run-1"
    shop.registry.keep(NAME, "run-2", {"model.json": encode_model(model("run-2"))})
    assert shop.served() == "run-2"


def test_what_was_handed_out_does_not_change_under_who_holds_it(shop: Shop) -> None:
    shop.publish("run-1")
    held = shop.champions.serving()
    shop.publish("run-2")
    assert shop.served() == "run-2"
    assert held == {NAME: model("run-1")}


def test_numbers_come_back_bit_by_bit(shop: Shop) -> None:
    odd = model("run-1", mean=(0.1 + 0.2, 1e-308, 1 / 3, 2.0**70, -0.0, 5e-324))
    shop.publish("run-1", data=encode_model(odd))
    assert shop.champions.serving()[NAME] == odd
