"""`Quarantine` and `QuarantineStore`: rejected bytes lie there as they came, once; what is tried lies beside them."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import Any

import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.s3_quarantine import S3Quarantine, object_key
from attune.adapters.s3_swept import S3Swept
from attune.domain.collection.quarantine import Came, Quarantined, Trace, quarantined
from attune.domain.erasure.subjects import Subject
from attune.domain.events import Origin
from attune.ports import Quarantine
from attune.ports.erasure import VersionedBucket
from attune.ports.quarantine import QuarantineStore, Wanted
from attune.use_cases.erasure.sweep_inputs import QUARANTINE, Named, SweepInputs
from attune.use_cases.erasure.sweep_tallies import Tallies
from tests.adapters.cloud import Cloud
from tests.adapters.stores import Kept, quarantine
from tests.builders import DAY, NOW, Pseudonyms

KEY_OF = Pseudonyms().key
CLIENT = Came(origin=Origin.CLIENT, trusted=True, how={"call": "track", "sent_at": "2025-06-15T15:06:40Z"})


@pytest.fixture
def kept(backend: Cloud | None) -> Kept:
    return quarantine(backend)


def keep(kept: Quarantine, raw: bytes = b"{}", came: Came = CLIENT, **overrides: object) -> Quarantined:
    fields = {"reason": "no_identifier", "source": "shop", "received_at": NOW} | overrides
    reason, source, at = str(fields["reason"]), str(fields["source"]), int(str(fields["received_at"]))
    kept.keep(reason, source, at, raw, came)
    return quarantined(reason, source, at, raw, came, KEY_OF)


def everything(kept: QuarantineStore, wanted: Wanted, limit: int) -> list[Quarantined]:
    """All pages of a listing."""
    found: list[Quarantined] = []
    after: Quarantined | None = None
    while True:
        page = kept.listed(wanted, after, limit)
        assert len(page.found) <= limit
        found += [listed.one for listed in page.found]
        if page.reached is None:
            return found
        assert after is None or after != page.reached
        after = page.reached


def test_any_bytes_are_kept_as_they_came(kept: Kept) -> None:
    raw = bytes(range(256)) * 3
    kept.keep("no_identifier", "shop", NOW, raw)
    kept.keep("no_identifier", "shop", NOW, b"")
    assert sorted(kept.read_all()) == [b"", raw]


def test_keeping_the_same_twice_keeps_it_once(kept: Kept) -> None:
    kept.keep("no_identifier", "shop", NOW, b"{}")
    kept.keep("no_identifier", "shop", NOW, b"{}")
    assert kept.read_all() == [b"{}"]


def test_many_are_kept_side_by_side_and_what_is_alike_once(kept: Kept) -> None:
    inputs = [("no_identifier", "shop", NOW, f"{number % 30}".encode(), CLIENT) for number in range(60)]
    kept.keep_all(inputs)
    kept.keep_all(())
    assert sorted(kept.read_all()) == sorted(f"{number}".encode() for number in range(30))


def test_another_reason_source_time_or_content_is_another_object(kept: Kept) -> None:
    kept.keep("no_identifier", "shop", NOW, b"{}")
    kept.keep("bad_time", "shop", NOW, b"{}")
    kept.keep("no_identifier", "pos", NOW, b"{}")
    kept.keep("no_identifier", "shop", NOW + 1, b"{}")
    kept.keep("no_identifier", "shop", NOW, b"[]")
    assert len(kept.read_all()) == 5


def test_the_same_bytes_that_came_in_another_way_are_another_input(kept: Kept) -> None:
    """Else a browser's would be read with a server's word for it, or with another batch's context."""
    ways = [CLIENT, Came(origin=Origin.CLIENT, how=CLIENT.how), Came(origin=Origin.CLIENT, trusted=True)]
    ones = [keep(kept, came=came) for came in ways]
    assert [kept.read(one) for one in ones] == [(b"{}", came) for came in ways]


def test_the_key_names_reason_day_source_and_content_which_only_the_secret_can_tell() -> None:
    key = object_key(quarantined("bad_time", "shop", NOW, b"{}", Came(), KEY_OF))
    assert re.fullmatch(f"quarantine/bad_time/dt=2025-06-15/shop/{NOW}-[0-9a-f]{{32}}", key)
    other = Pseudonyms(b"another deployment's secret").key
    assert object_key(quarantined("bad_time", "shop", NOW, b"{}", Came(), other)) != key
    assert object_key(quarantined("bad_time", "shop", NOW, b"[]", Came(), KEY_OF)) != key


@pytest.mark.parametrize("size", [0, 10, 40_000], ids=["nothing", "little", "more than metadata takes"])
def test_an_input_is_read_with_all_that_is_known_of_how_it_came(kept: Kept, size: int) -> None:
    how = {"call": "track", "context": {"müsli  ☂": "x" * size}}
    came = Came(origin=Origin.WEBHOOK, trusted=True, how=how, replayed_at=NOW) if size else Came()
    one = keep(kept, b"\xff", came)
    assert kept.read(one) == (b"\xff", came)
    assert [listed.size for listed in kept.listed(Wanted(), None, 10).found] == [1]


def test_what_is_not_there_is_nothing(kept: Kept) -> None:
    keep(kept)
    assert kept.read(quarantined("no_identifier", "shop", NOW, b"other", CLIENT, KEY_OF)) is None
    assert kept.traces(quarantined("no_identifier", "shop", NOW, b"other", CLIENT, KEY_OF)) == []


def sweep(bucket: VersionedBucket) -> None:
    """As an erasure does whose person is named in an input, or only in how it came."""
    ada = Named([Subject(request_id="r", values=("ada@x.example",), erased_at=NOW + DAY)])
    SweepInputs("quarantine", bucket, QUARANTINE)(ada, "", Tallies(MemoryDocuments(), ["r"]), lambda: True)


@pytest.mark.parametrize("in_its_bytes", [True, False])
def test_what_was_swept_does_not_come_back_and_is_nobodys_input(kept: Kept, *, in_its_bytes: bool) -> None:
    """However often the stream carries it; what came otherwise, or of others, is kept beside it."""
    ada, by_batch = b'{"email": "ada@x.example"}', Came(how={"context": {"traits": {"email": "ada@x.example"}}})
    said, came = (ada, Came(how={"context": "x"})) if in_its_bytes else (b"{}", by_batch)
    one, other = keep(kept, said, came), keep(kept, b"[]")
    kept.leave_trace(one, Trace(at=NOW, by="x", outcome="no_identifier", patch="'ada@x.example'"))
    assert kept.read(one) == (said, came)
    sweep(kept.bucket())
    again = keep(kept, said, came)
    kept.keep_all([("no_identifier", "shop", NOW, said, came)] * 2)
    assert again == one
    assert (kept.read(one), kept.traces(one), kept.read_all()) == (None, [], [b"[]"])
    kept.leave_trace(one, Trace(at=NOW, by="x", outcome="replayed"))
    assert [everything(kept, Wanted(), limit) for limit in (1, 10)] == [[other]] * 2
    new = keep(kept, said, came, received_at=NOW + 1)
    assert kept.read(new) == (said, came)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_sweep_that_is_cut_off_anywhere_ends_the_next_time(moto_cloud: Cloud, lost: int) -> None:
    bucket = moto_cloud.bucket()
    kept = S3Quarantine(moto_cloud.client("s3"), bucket, KEY_OF)
    one = keep(kept, b"{}", Came(how={"context": {"traits": {"email": "ada@x.example"}}}))
    kept.leave_trace(one, Trace(at=NOW, by="x", outcome="replayed"))

    class Lost(S3Swept):
        """Breaks at a call that changes something."""

        left = lost

        def _removes(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise ConnectionError

        def blank(self, key: str) -> None:
            self._removes()
            super().blank(key)

        def remove(self, prefix: str) -> int:
            self._removes()
            return super().remove(prefix)

    for swept in (Lost(moto_cloud.client("s3"), bucket), S3Swept(moto_cloud.client("s3"), bucket)):
        with suppress(ConnectionError):
            sweep(swept)
        kept.read(one)  # whatever it finds half done
    assert moto_cloud.objects(bucket) == {object_key(one): b"", object_key(one) + ".came": b""}


def test_an_id_names_its_input_and_nothing_else_is_an_id(kept: Kept) -> None:
    one = keep(kept)
    assert Quarantined.named(one.id) == one
    for wrong in ("", "x", one.id + "0", one.id[:-1], one.id.upper(), "../" + one.id, one.id.replace(".", "/")):
        assert Quarantined.named(wrong) is None, wrong


def test_traces_lie_beside_an_input_in_order_and_leave_its_bytes(kept: Kept) -> None:
    one, other = keep(kept), keep(kept, b"[]")
    first = Trace(at=NOW + 5, by="admin key 12345678", outcome="no_identifier")
    second = Trace(at=NOW + 900, by="admin key 12345678", outcome="replayed", patch="@", message_ids=("m1", "m2"))
    kept.leave_trace(one, second)
    kept.leave_trace(one, first)
    kept.leave_trace(one, first)
    assert kept.traces(one) == [first, second]
    assert kept.traces(other) == []
    listed = {found.one: found.tried for found in kept.listed(Wanted(), None, 10).found}
    assert listed == {one: ((NOW + 5, "no_identifier"), (NOW + 900, "replayed")), other: ()}
    assert kept.read(one) == (b"{}", CLIENT)
    assert sorted(kept.read_all()) == [b"[]", b"{}"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_listing_has_every_wanted_input_once_in_pages_of_any_size(kept: Kept, limit: int) -> None:
    long = Came(origin=Origin.CLIENT, how={"context": {"x": "y" * 5_000}})
    ones = [
        keep(kept, str(number).encode(), long if number % 2 else CLIENT, reason=reason, source=source, received_at=at)
        for number, (reason, source, at) in enumerate(
            (reason, source, NOW + days * DAY)
            for reason in ("invalid_time", "no_identifier")
            for source in ("pos", "shop")
            for days in (0, 1, 2)
        )
    ]
    for one in ones[::3]:
        kept.leave_trace(one, Trace(at=NOW, by="x", outcome="replayed"))
    ordered = sorted(ones, key=object_key)
    for wanted in (
        Wanted(),
        Wanted(reason="no_identifier"),
        Wanted(source="pos"),
        Wanted(since=NOW + DAY),
        Wanted(until=NOW + DAY),
        Wanted(reason="no_identifier", since=NOW + 1, until=NOW + 2 * DAY),
        Wanted(reason="invalid_time", source="shop", since=NOW + DAY),
        Wanted(reason="nothing"),
    ):
        assert everything(kept, wanted, limit) == [one for one in ordered if wanted.has(one)], wanted


def test_a_long_search_answers_with_a_place_to_go_on(moto_cloud: Cloud) -> None:
    kept = S3Quarantine(moto_cloud.client("s3"), moto_cloud.bucket(), KEY_OF, most=3)
    for number in range(8):
        keep(kept, str(number).encode())
    mine = keep(kept, b"mine", source="zoo")
    page = kept.listed(Wanted(source="zoo"), None, 10)
    assert page.found == ()
    assert page.reached is not None
    assert everything(kept, Wanted(source="zoo"), 10) == [mine]


def test_what_nobody_of_ours_put_there_is_passed_over(moto_cloud: Cloud) -> None:
    client, bucket = moto_cloud.client("s3"), moto_cloud.bucket()
    kept = S3Quarantine(client, bucket, KEY_OF)
    one = quarantined("no_identifier", "shop", NOW, b"{}", CLIENT, KEY_OF)
    for key in ("quarantine/", "quarantine/a", f"quarantine/no_identifier/dt=2020-01-01/shop/{NOW}-{'0' * 32}", "x/y"):
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    kept.keep("no_identifier", "shop", NOW, b"{}", CLIENT)
    client.put_object(Bucket=bucket, Key=object_key(one) + ".note", Body=b"")
    assert [(found.one, found.tried) for found in kept.listed(Wanted(), None, 10).found] == [(one, ())]


def test_what_was_kept_before_it_was_noted_how_it_came_is_still_read(moto_cloud: Cloud) -> None:
    client, bucket = moto_cloud.client("s3"), moto_cloud.bucket()
    one = quarantined("no_identifier", "shop", NOW, b"{}", Came(), KEY_OF)
    client.put_object(Bucket=bucket, Key=object_key(one), Body=b"{}", Metadata={"reason": "no_identifier"})
    assert S3Quarantine(client, bucket, KEY_OF).read(one) == (b"{}", Came())


TELLING: dict[str, dict[str, Any]] = {
    "context": {"context": {"traits": {"email": "ada@x.example"}}},
    "integrations": {"integrations": {"All": "ada@x.example"}},
    "a time that is none": {"sent_at": "ada@x.example"},
    "a time and more": {"sent_at": "2025-06-15T15:06:40Z ada@x.example"},
    "a time within": {"sent_at": {"by": "ada@x.example"}},
    "what nobody knows yet": {"future": "ada@x.example"},
}


@pytest.mark.parametrize("case", TELLING)
def test_what_may_tell_of_somebody_is_no_metadata(moto_cloud: Cloud, case: str) -> None:
    """Metadata is read without the right to decrypt; what is in objects is not."""
    client, bucket = moto_cloud.client("s3"), moto_cloud.bucket()
    kept, came = (
        S3Quarantine(client, bucket, KEY_OF),
        Came(origin=Origin.CLIENT, how={"call": "track", **TELLING[case]}),
    )
    one = keep(kept, came=came)
    for key in moto_cloud.objects(bucket):
        told = client.head_object(Bucket=bucket, Key=key)["Metadata"]
        assert "ada@" not in str(told) + base64.b64decode(told.get("came", "") + "==").decode("utf-8", "replace")
    assert kept.read(one) == (b"{}", came)


@pytest.mark.parametrize(
    "how",
    [
        {},
        CLIENT.how,
        {"historical": True, "sent_at": "2025-06-15T17:06:40.123+02:00"},
        {"item": True, "headers": {"x-shopify-topic": "carts/update"}},
        {"file": "orders.csv", "row": 7},
        {"event": True},
    ],
)
def test_what_tells_of_nobody_needs_no_object_of_its_own(moto_cloud: Cloud, how: dict[str, Any]) -> None:
    bucket = moto_cloud.bucket()
    kept, came = S3Quarantine(moto_cloud.client("s3"), bucket, KEY_OF), Came(origin=Origin.WEBHOOK, how=how)
    one = keep(kept, came=came)
    assert list(moto_cloud.objects(bucket)) == [object_key(one)]
    assert kept.read(one) == (b"{}", came)


def test_a_trace_says_who_when_how_and_what_came_of_it(moto_cloud: Cloud) -> None:
    client, bucket = moto_cloud.client("s3"), moto_cloud.bucket()
    kept = S3Quarantine(client, bucket, KEY_OF)
    one = quarantined("no_identifier", "shop", NOW, b"{}", Came(), KEY_OF)
    kept.leave_trace(one, Trace(at=NOW, by="admin key 1", outcome="replayed", patch="@", message_ids=("m1",)))
    [(key, body)] = moto_cloud.objects(bucket).items()
    assert key == f"{object_key(one)}.tried-{NOW}-replayed"
    assert json.loads(body) == {
        "at": NOW, "by": "admin key 1", "outcome": "replayed", "patch": "@", "message_ids": ["m1"],
    }  # fmt: skip
