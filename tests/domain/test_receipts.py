"""The chain of receipts: whoever changes, removes, adds or reorders one is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.domain.erasure.receipt_checks import check_receipts
from attune.domain.erasure.receipts import (
    STORES,
    Head,
    Receipt,
    Sweep,
    Swept,
    decode_receipt,
    encode_receipt,
    receipt_key,
    sealed,
    stores_of,
)

type Chain = list[Receipt]


def receipt(number: int, previous: str, **overrides: Any) -> Receipt:
    fields: dict[str, Any] = {
        "request_id": f"{number:032x}",
        "kind": "erasure",
        "variant": "delete",
        "suppressed": False,
        "received_at": "2025-06-15T15:06:40.000Z",
        "erased_at": "2025-06-15T15:07:00.000Z",
        "swept_at": "2025-06-15T15:20:00.000Z",
        "issued_at": "2025-06-15T15:20:01.000Z",
        "profiles": 1,
        "identifiers": 3,
        "stores": stores_of(Sweep(stores={"lake": Swept(found=2, rewritten=2)})),
        "models": (),
        "horizons": (),
        "number": number,
        "previous": previous,
    }
    return sealed(Receipt(**(fields | overrides)))


def chain(length: int = 4) -> Chain:
    receipts: Chain = []
    for number in range(1, length + 1):
        receipts.append(receipt(number, receipts[-1].digest if receipts else ""))
    return receipts


def end_of(receipts: Chain) -> Head:
    last = receipts[-1]
    return Head(number=last.number, request_id=last.request_id, digest=last.digest)


def changed(one: Receipt, **fields: Any) -> Receipt:
    return msgspec.structs.replace(one, **fields)


def wrong(receipts: Chain, head: Head | None) -> list[tuple[str, str]]:
    """What is wrong with whose receipt, by its number."""
    by_key = {receipt_key(one.request_id): one for one in receipts}
    assert len(by_key) == len(receipts)
    found = check_receipts(by_key, head)
    assert {one.where for one in found} <= {"receipts"}
    return [(one.what, one.entry.removeprefix("receipts/").removesuffix(".json").lstrip("0")) for one in found]


def test_a_whole_chain_is_sound_in_whatever_order_it_is_read() -> None:
    assert wrong([], None) == []
    assert wrong(chain()[::-1], end_of(chain())) == []
    assert wrong([decode_receipt(encode_receipt(one)) for one in chain()], end_of(chain())) == []


def test_a_receipt_whose_writer_died_before_the_end_was_moved_is_sound() -> None:
    assert wrong(chain(), end_of(chain(3))) == []
    assert wrong(chain(1), None) == []


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda all_: [all_[0], changed(all_[1], profiles=0), *all_[2:]], [("changed", "2")]),
        (lambda all_: [all_[0], sealed(changed(all_[1], profiles=0)), *all_[2:]], [("changed", "2")]),
        (lambda all_: [all_[0], *all_[2:]], [("removed", "number 2")]),
        (lambda all_: all_[1:], [("removed", "number 1")]),
        (lambda all_: all_[:-1], [("cut_off", "number 4")]),
        (lambda all_: [], [("cut_off", "number 1")]),
        (lambda all_: [*all_, receipt(5, "00" * 32)], [("inserted", "5")]),
        (lambda all_: [*all_, receipt(2, all_[0].digest, request_id="f" * 32)], [("inserted", "f" * 32)]),
        (
            lambda all_: [all_[0], changed(all_[2], number=2), changed(all_[1], number=3), all_[3]],
            [("reordered", "3"), ("reordered", "2")],
        ),
    ],
)
def test_whoever_touches_it_is_found_out(tamper: Callable[[Chain], Chain], told: list[tuple[str, str]]) -> None:
    assert wrong(tamper(chain()), end_of(chain())) == told


def test_what_cannot_be_read_or_lies_under_another_name_is_told() -> None:
    one, two = chain(2)
    found = check_receipts({receipt_key(one.request_id): one, receipt_key(two.request_id): None}, end_of([one, two]))
    assert {(finding.what, finding.entry) for finding in found} == {
        ("changed", receipt_key(two.request_id)),
        ("cut_off", "number 2"),
    }
    assert check_receipts({"receipts/other.json": one}, end_of([one]))[0].what == "inserted"


def test_without_the_chains_end_nothing_is_believed() -> None:
    assert wrong(chain(), None) == [("inserted", "2"), ("inserted", "3"), ("inserted", "4")]


def test_a_receipt_tells_of_every_store_also_where_nothing_was_found() -> None:
    one = chain(1)[0]
    assert list(one.stores) == list(STORES)
    assert (one.stores["lake"].rewritten, one.stores["quarantine"].found) == (2, 0)
    assert all(store.note for store in one.stores.values())
