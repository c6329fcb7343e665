"""An erasure's sweep over every store, on the AWS adapters: nothing of the erased, everything of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attune.domain.collection.imports import Report, State
from attune.domain.erasure.receipt_checks import check_receipts
from attune.domain.erasure.receipts import HEAD, Head, Receipt, Swept, decode_receipt, encode_receipt, receipt_key
from attune.domain.learning.lineages import ERASURES, PEOPLE
from attune.domain.learning.models import SHOPPER_CLUSTERS, Champion
from attune.sources.failed_batches import read_batch
from tests.adapters.cloud import Cloud
from tests.builders import DAY, delivery
from tests.lakes import TODAY
from tests.sweeping import ANN, ANNS, BOB, BOBS, ERASED_AT, LATER, REQUEST, SAID, SweptWorld, request, residues

#: what no sweep may take: the file that is being read, and Ann's new life
WAITING = ("imports", "imports/till/now.ndjson", 0)


@pytest.fixture
def world(moto_cloud: Cloud, tmp_path: Path) -> SweptWorld:
    world = SweptWorld(moto_cloud, tmp_path)
    world.fill()
    world.begin()
    return world


def places(world: SweptWorld, *values: str) -> list[tuple[str, str, int]]:
    return [place for place in residues(world.everything(), values) if place != WAITING and "1750086" not in place[1]]


def test_nothing_of_the_erased_is_left_in_any_store(world: SweptWorld) -> None:
    looked_for = (*ANNS, "0170" + ANNS[1][6:], SAID, ANN)
    before = {bucket for bucket, _, _ in places(world, *looked_for)}
    assert before == {"lake", "audit", "quarantine", "failures", "imports"}
    world.run()
    world.run("versions")
    assert places(world, *looked_for) == []
    assert world.deliveries.of_profile(ANN) == []


def test_everything_of_the_others_is_as_it_was(world: SweptWorld) -> None:
    before = world.current()
    world.run()
    world.run("versions")
    after = world.current()
    untouched = [place for place, body in before.items() if after.get(place) == body]
    gone = {key for _, key in before.keys() - after.keys()}
    named = {key for _, key, _ in residues({(*place, 0): body for place, body in before.items()}, BOBS)}
    assert not {key for _, key in untouched} & gone
    assert named - {key for _, key in untouched} == {  # those that held both
        "aws/lambda/m/both",
        "aws/lambda/m/done",
        "imports/till/sales.csv",
        "imports/till/sales.ndjson.gz",
        f"errors/f/dt={TODAY}/one",
    }
    assert len(world.deliveries.of_profile(BOB)) == 1
    assert residues({(*place, 0): body for place, body in after.items()}, (BOB,))


def test_what_held_both_holds_the_other_as_before(world: SweptWorld) -> None:
    before = world.current()
    world.run()
    after = world.current()
    both, changes = (read_batch(after["failures", f"aws/lambda/m/{name}"]) for name in ("both", "changes"))
    assert both.entries == read_batch(before["failures", "aws/lambda/m/his"]).entries
    assert (changes.reader, changes.size) == ("run_campaigns", 1)
    assert after["imports", "taken/till/sales.csv"] == f"email,text\n{BOBS[0]},gnus\n\n\n{BOBS[0]},again\n".encode()
    assert ("imports", "imports/till/sales.csv") not in after
    assert after["lake", "queries/1.csv"].decode().splitlines() == ['"profile_id","x"', f'"{BOB}","2"']
    his = [line for line in after["lake", f"errors/f/dt={TODAY}/one"].splitlines() if line]
    assert his == before["lake", f"errors/f/dt={TODAY}/one"].splitlines()[1:]


def test_a_batch_that_was_hers_alone_is_told_as_replayed_and_her_events_as_refused(world: SweptWorld) -> None:
    world.run()
    after = world.current()
    assert ("failures", "aws/lambda/m/hers") not in after
    assert ("failures", "replayed/aws/lambda/m/hers") in after
    told = [
        json.loads(line)
        for (bucket, key), body in after.items()
        if bucket == "lake" and "/erased-" in key
        for line in body.splitlines()
    ]
    assert [(one["verdict"], one["reason"]) for one in told] == [("dropped", "erased")] * 3
    assert not any("fingerprint" in one for one in told)
    assert len({one["message_id"] for one in told}) == 1  # all batches held the same event


def test_a_batch_that_was_replayed_goes_as_a_whole_so_that_nobody_is_told_of_it_again(world: SweptWorld) -> None:
    world.run()
    after = world.current()
    assert ("failures", "aws/lambda/m/done") not in after
    assert after["failures", "replayed/aws/lambda/m/done"] == b"{}"


def test_a_new_life_after_the_erasure_stays_unless_the_person_is_suppressed(world: SweptWorld) -> None:
    world.run()
    left = residues(world.everything(), ANNS)
    assert [bucket for bucket, _, _ in left] == ["imports", "quarantine"]
    world.begin(suppressed=True)
    world.run()
    assert residues(world.everything(), ANNS) == [WAITING]


def test_a_sweep_that_is_broken_off_after_every_piece_ends_the_same(moto_cloud: Cloud, tmp_path: Path) -> None:
    outcomes = []
    for piecemeal in (False, True):
        world = SweptWorld(moto_cloud, tmp_path)
        world.fill()
        world.begin()
        calls = world.run(piecemeal=piecemeal) + world.run("versions", piecemeal=piecemeal)
        rest = {place: body for place, body in world.current().items() if not place[1].startswith("sweeps/")}
        outcomes.append((rest.keys(), world.tally().stores, world.tally().models))
        assert calls > 30 or not piecemeal
    once, piece_by_piece = outcomes
    assert once == piece_by_piece


def test_a_second_sweep_finds_only_what_was_left(world: SweptWorld) -> None:
    world.run()
    first, before = world.tally().stores, world.current()
    world.run()
    assert {place: body for place, body in world.current().items() if place[0] != "audit"} == {
        place: body for place, body in before.items() if place[0] != "audit"
    }
    again = world.tally().stores
    assert {name: one for name, one in again.items() if one != first[name]}.keys() <= {"imports"}
    assert (first["imports"].left, again["imports"].left) == (1, 1)
    file = Report(file="imports/till/now.ndjson", source="till", etag="", size=0)
    content = before["imports", file.file]
    world.drop(file.file, content, State.DONE)
    world.run()
    assert world.tally().left == 0
    assert SAID.encode() not in b"".join(body for (bucket, _), body in world.current().items() if bucket == "imports")


def test_the_counts_are_of_what_was_found_where(world: SweptWorld) -> None:
    world.run()
    world.run("versions")
    stores = world.tally().stores
    assert stores["profiles"] == Swept(found=1, rewritten=1)
    assert stores["deliveries"] == Swept(found=2, removed=2)
    assert stores["pages"] == Swept(found=1, removed=1)
    assert stores["quarantine"] == Swept(found=3, removed=3)
    assert stores["failures"] == Swept(found=5, rewritten=2, removed=3)
    assert stores["imports"] == Swept(found=4, rewritten=2, removed=1, left=1)
    assert stores["lake"] == Swept(found=2, rewritten=2)
    assert stores["lake_errors"] == Swept(found=1, rewritten=1)
    assert stores["queries"] == Swept(found=1, rewritten=1)
    assert stores["exports"] == Swept(found=1, removed=1)


def test_a_message_that_was_noted_after_the_first_stage_goes_in_the_second(world: SweptWorld) -> None:
    world.run()
    world.deliveries.claim(delivery(profile_id=ANN, delivery_id="late"))
    world.run("versions")
    assert world.deliveries.of_profile(ANN) == []
    assert world.tally().stores["deliveries"] == Swept(found=3, removed=3)


def test_an_object_that_cannot_be_unpacked_is_told_and_stays(world: SweptWorld) -> None:
    world.put("lake", f"events/dt={TODAY}/hour=12/cut-off", b"\x1f\x8b\x08 no gzip")
    world.run()
    assert world.tally().stores["lake"].unreadable == 1
    assert ("lake", f"events/dt={TODAY}/hour=12/cut-off") in world.current()


def test_of_somebody_who_was_never_trained_on_no_model_has_seen_anything(world: SweptWorld) -> None:
    world.begin(trained=False)
    world.run("versions")
    assert world.tally().models == ()
    assert world.registry.document(SHOPPER_CLUSTERS, ERASURES, PEOPLE) is None


def test_models_of_a_time_when_their_rows_were_there_are_named(world: SweptWorld) -> None:
    world.run("versions")
    assert [(one.model, one.version, one.serves) for one in world.tally().models] == [
        (SHOPPER_CLUSTERS, "during", True)
    ]
    assert world.registry.document(SHOPPER_CLUSTERS, ERASURES, PEOPLE) is not None


def test_a_champion_that_saw_them_ends_thirty_days_after_the_first_erasure_and_falls_back_on_none(
    world: SweptWorld,
) -> None:
    lineage = {"lineage.json": b'{"cutoff": 0}'}
    world.registry.keep(SHOPPER_CLUSTERS, "unknown", lineage)
    found = world.registry.champion(SHOPPER_CLUSTERS)
    assert found is not None
    before = Champion(version="during", previous="unknown", run="r", moved_at=5)
    world.registry.promote(SHOPPER_CLUSTERS, before, read=found[0])

    def pointer() -> Champion:
        found = world.registry.champion(SHOPPER_CLUSTERS)
        assert found is not None
        return found[1]

    world.run()
    ends = ERASED_AT + 30 * DAY
    assert pointer() == Champion(version="during", run="r", moved_at=5, expires_at=ends)
    world.begin(request_id="b" * 32, erased_at=LATER)
    world.run(requests=("b" * 32,))
    assert pointer().expires_at == ends
    found = world.registry.champion(SHOPPER_CLUSTERS)
    assert found is not None
    world.registry.promote(SHOPPER_CLUSTERS, Champion(version="before", previous="during"), read=found[0])
    world.run("versions")
    assert pointer() == Champion(version="before")


def receipt_of(world: SweptWorld, request_id: str = REQUEST) -> Receipt:
    return decode_receipt(world.documents.get(receipt_key(request_id)) or b"")


def swept_to_the_end(world: SweptWorld, request_id: str = REQUEST) -> Any:
    world.s3.delete_object(Bucket=world.names["imports"], Key="imports/till/now.ndjson")
    world.run(requests=(request_id,))
    world.run("versions", requests=(request_id,))
    return world.write_receipt(request(request_id=request_id))


def test_there_is_no_receipt_while_anything_is_left(world: SweptWorld) -> None:
    assert world.write_receipt(request()) == {"receipt": "", "digest": "", "left": 1}
    world.run()
    world.run("versions")
    assert world.write_receipt(request()) == {"receipt": "", "digest": "", "left": 1}
    assert world.documents.keys("receipts/") == []


def test_the_receipt_says_what_was_done_and_names_nobody(world: SweptWorld) -> None:
    answer = swept_to_the_end(world)
    receipt = receipt_of(world)
    assert answer == {"receipt": receipt_key(REQUEST), "digest": receipt.digest, "left": 0}
    assert (receipt.profiles, receipt.identifiers, receipt.number, receipt.previous) == (1, 3, 1, "")
    assert receipt.stores["deliveries"].removed == 2
    assert all(one.until > receipt.erased_at and one.why for one in receipt.horizons)
    assert {one.store for one in receipt.horizons} >= {"stream", "tables", "inputs", "models"}
    text = encode_receipt(receipt).decode()
    assert not [value for value in (*ANNS, ANN, SAID) if value in text]


def test_receipts_are_chained_and_written_once(world: SweptWorld) -> None:
    first = swept_to_the_end(world)
    for other in ("b" * 32, "c" * 32):
        world.begin(request_id=other, asked_at=LATER)
        swept_to_the_end(world, other)
    assert world.write_receipt(request()) == first
    receipts = [receipt_of(world, one * 32) for one in "abc"]
    assert [one.number for one in receipts] == [1, 2, 3]
    held = [(one.profiles, one.stores["profiles"].found) for one in receipts]
    assert held == [(1, 1), (0, 0), (0, 0)]  # of who was erased before there is nothing but their grave
    head = msgspec.json.decode(world.documents.get(HEAD) or b"", type=Head)
    assert check_receipts({receipt_key(one.request_id): one for one in receipts}, head) == []


def test_a_crash_between_a_receipt_and_the_chain_s_end_writes_it_anew(world: SweptWorld) -> None:
    swept_to_the_end(world)
    stale = world.documents.get(HEAD)
    world.begin(request_id="b" * 32)
    swept_to_the_end(world, "b" * 32)
    world.documents.put(HEAD, stale or b"")
    world.now += 5
    answer = world.write_receipt(request(request_id="b" * 32))
    head = msgspec.json.decode(world.documents.get(HEAD) or b"", type=Head)
    assert head == Head(number=2, request_id="b" * 32, digest=answer["digest"])
    receipts = {receipt_key(one): receipt_of(world, one) for one in (REQUEST, "b" * 32)}
    assert check_receipts(receipts, head) == []
