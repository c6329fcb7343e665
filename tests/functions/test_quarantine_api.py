"""The admin's API to quarantine over HTTP: what lies there, one input, replays, and all that a caller may get wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from attune.adapters.s3_quarantine import S3Quarantine, object_key
from attune.domain.collection import api_keys
from attune.domain.collection.quarantine import Came, Quarantined, Trace, quarantined
from attune.domain.events import Origin
from tests.builders import DAY, EVERYTHING, NOW, Pseudonyms
from tests.functions.management import ADMIN, Answer, Deployment

CAME = Came(origin=Origin.CLIENT, trusted=True, how={"call": "track"})
CALL = json.dumps(
    {"event": "Product Viewed", "messageId": "m1", "context": {"consent": {"categoryPreferences": EVERYTHING}}}
).encode()


class Store:
    """The deployment's quarantine, and its source `shop`."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.objects = S3Quarantine(deployment.cloud.client("s3"), deployment.quarantine, Pseudonyms().key)
        deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)

    def keep(
        self, raw: bytes = CALL, reason: str = "no_identifier", source: str = "shop", at: int = NOW
    ) -> Quarantined:
        self.objects.keep(reason, source, at, raw, CAME)
        return quarantined(reason, source, at, raw, CAME, Pseudonyms().key)

    def get(self, path: str) -> Answer:
        return self.deployment.call("GET", path, key=ADMIN)

    def replay(self, **asked: Any) -> Answer:
        return self.deployment.call("POST", "/v1/quarantine/replay", asked, key=ADMIN)


@pytest.fixture
def store(deployment: Deployment) -> Store:
    """Empty at first."""
    for key in deployment.cloud.objects(deployment.quarantine):
        deployment.cloud.client("s3").delete_object(Bucket=deployment.quarantine, Key=key)
    return Store(deployment)


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/quarantine"),
        ("GET", "/v1/quarantine/inputs"),
        ("GET", f"/v1/quarantine/inputs/no_identifier.shop.1-{'0' * 32}"),
        ("POST", "/v1/quarantine/replay"),
    ],
)
def test_without_the_admin_key_every_route_is_a_401(store: Store, method: str, path: str, key: str | None) -> None:
    store.keep()
    answer = store.deployment.call(method, path, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_what_lies_there_is_counted_by_reason_and_source(store: Store) -> None:
    assert store.get("/v1/quarantine").body == {"counts": [], "cursor": None}
    one = store.keep()
    store.keep(at=NOW + DAY)
    store.keep(source="pos")
    store.keep(reason="invalid_time")
    store.objects.leave_trace(one, Trace(at=NOW, by="x", outcome="invalid_time"))
    store.objects.leave_trace(one, Trace(at=NOW + 1, by="x", outcome="replayed"))
    assert store.get("/v1/quarantine").body == {
        "counts": [
            {"reason": "invalid_time", "source": "shop", "waiting": 1, "replayed": 0},
            {"reason": "no_identifier", "source": "pos", "waiting": 1, "replayed": 0},
            {"reason": "no_identifier", "source": "shop", "waiting": 1, "replayed": 1},
        ],
        "cursor": None,
    }
    some = store.get("/v1/quarantine?reason=no_identifier&source=shop&since=2025-06-16").body
    assert some["counts"] == [{"reason": "no_identifier", "source": "shop", "waiting": 1, "replayed": 0}]


def test_inputs_are_listed_page_by_page(store: Store) -> None:
    ones = [store.keep(at=NOW + number) for number in range(5)]
    store.objects.leave_trace(ones[1], Trace(at=NOW + 9, by="x", outcome="replayed"))
    first = store.get("/v1/quarantine/inputs?reason=no_identifier&limit=2").body
    assert first["items"] == [
        {
            "id": ones[0].id,
            "reason": "no_identifier",
            "source": "shop",
            "received_at": "2025-06-15T15:06:40.000Z",
            "size": len(CALL),
            "state": "waiting",
            "last_tried": None,
        },
        {
            "id": ones[1].id,
            "reason": "no_identifier",
            "source": "shop",
            "received_at": "2025-06-15T15:06:40.001Z",
            "size": len(CALL),
            "state": "replayed",
            "last_tried": {"at": "2025-06-15T15:06:40.009Z", "outcome": "replayed"},
        },
    ]
    rest = store.get(f"/v1/quarantine/inputs?limit=1000&cursor={first['cursor']}").body
    assert [item["id"] for item in rest["items"]] == [one.id for one in ones[2:]]
    assert rest["cursor"] is None
    waiting = store.get("/v1/quarantine/inputs?state=waiting").body["items"]
    assert [item["id"] for item in waiting] == [one.id for one in ones if one != ones[1]]
    until = store.get("/v1/quarantine/inputs?until=2025-06-15T15:06:40.002Z").body["items"]
    assert [item["id"] for item in until] == [one.id for one in ones[:2]]


def test_one_input_is_shown_with_its_bytes_and_what_was_tried(store: Store) -> None:
    one, other = store.keep(), store.keep(b"\xff\x00")
    shown = store.get(f"/v1/quarantine/inputs/{one.id}").body
    assert shown == {
        "id": one.id,
        "reason": "no_identifier",
        "source": "shop",
        "received_at": "2025-06-15T15:06:40.000Z",
        "size": len(CALL),
        "state": "waiting",
        "came": {"origin": "client", "trusted": True, "how": {"call": "track"}, "replayed_at": None},
        "text": CALL.decode(),
        "tried": [],
    }
    binary = store.get(f"/v1/quarantine/inputs/{other.id}").body
    assert (base64.b64decode(binary["base64"]), "text" in binary) == (b"\xff\x00", False)


def test_a_replay_goes_onto_the_stream_and_says_who_made_it_and_how(store: Store) -> None:
    one = store.keep()
    before = len(store.deployment.records())
    patch = "merge(@, {userId: 'u1'})"
    dry = store.replay(ids=[one.id], patch=patch, dry_run=True).body
    assert (dry["dry_run"], dry["replayed"], dry["items"][0]["events"][0]["message_id"]) == (True, 1, "m1")
    assert len(store.deployment.records()) == before
    answer = store.replay(ids=[one.id], patch=patch)
    assert (answer.status, answer.body) == (
        200,
        {
            "dry_run": False,
            "replayed": 1,
            "skipped": 0,
            "left": {},
            "items": [{"id": one.id, "outcome": "replayed"}],
            "cursor": None,
        },
    )
    [record] = store.deployment.records()[before:]
    assert (record["source"], record["trusted"], record["received_at"]) == ("shop", True, NOW)
    assert record["events"][0]["identifiers"] == [["user_id", "u1"]]
    shown = store.get(f"/v1/quarantine/inputs/{one.id}").body
    [trace] = shown["tried"]
    assert (shown["state"], trace["outcome"], trace["patch"], trace["message_ids"]) == (
        "replayed",
        "replayed",
        patch,
        ["m1"],
    )
    assert trace["by"] == f"admin key {api_keys.digest(ADMIN)[:8]}"
    assert ADMIN not in json.dumps(shown)
    assert store.replay(reason="no_identifier").body["skipped"] == 1


def test_what_was_applied_a_moment_ago_counts(store: Store) -> None:
    one = store.keep(b'{"when": "now", "mail": "ada@example.com"}', reason="no_identifier", source="erp")
    assert store.replay(ids=[one.id]).body["left"] == {"unknown_source": 1}
    put = store.deployment.call("PUT", "/v1/definitions/source/erp", {"kind": "source", "id": "erp"}, key=ADMIN)
    assert put.status == 200
    assert store.replay(ids=[one.id]).body["left"] == {"invalid_name": 1}


def test_the_bytes_are_never_written_again(store: Store) -> None:
    one = store.keep()
    cloud, bucket = store.deployment.cloud, store.deployment.quarantine
    before = cloud.client("s3").head_object(Bucket=bucket, Key=object_key(one))
    store.replay(ids=[one.id], patch="merge(@, {userId: 'u1'})")
    store.replay(ids=[one.id], again=True)
    after = cloud.client("s3").head_object(Bucket=bucket, Key=object_key(one))
    assert (after["LastModified"], after["ETag"]) == (before["LastModified"], before["ETag"])
    assert sorted(key.partition(".")[0] for key in cloud.objects(bucket)) == [object_key(one)] * 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("inputs?limit=0", 400, "invalid_limit"),
        ("inputs?limit=1001", 400, "invalid_limit"),
        ("inputs?limit=" + "9" * 5_000, 400, "invalid_limit"),
        ("inputs?since=yesterday", 400, "invalid_time"),
        ("inputs?cursor=x", 400, "invalid_cursor"),
        ("inputs?state=lost", 400, "invalid_body"),
        ("inputs?reason=A", 400, "invalid_body"),
        ("inputs?source=a%2Fb", 400, "invalid_body"),
        ("inputs/x", 404, "unknown_input"),
        (f"inputs/no_identifier.shop.1-{'0' * 32}", 404, "unknown_input"),
        ("inputs/..%2F..%2Fetc", 404, "not_found"),
        ("inputs/%2E%2E", 404, "unknown_input"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_its_code(store: Store, path: str, status: int, code: str) -> None:
    answer = store.get(f"/v1/quarantine/{path}")
    assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_body"),
        (b'{"limit": "all"}', 400, "invalid_body"),
        (b'{"patch": "("}', 400, "invalid_patch"),
        (b'{"since": "x"}', 400, "invalid_time"),
        (b" " * 100_001, 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_by_its_code(store: Store, raw: bytes, status: int, code: str) -> None:
    answer = store.deployment.call("POST", "/v1/quarantine/replay", key=ADMIN, raw=raw)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_nothing_of_what_lies_there_is_logged(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    one = store.keep(b'{"event": "Canary", "email": "canary@example.com"}')
    store.get("/v1/quarantine/inputs")
    store.get(f"/v1/quarantine/inputs/{one.id}")
    store.replay(ids=[one.id], patch="merge(@, {type: 'track', userId: email, event: 'Canary'})")
    logged = capsys.readouterr()
    assert "InputsReplayed" in logged.out
    assert "anary" not in logged.out + logged.err
