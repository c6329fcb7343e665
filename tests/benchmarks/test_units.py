"""The bill that the process figures rest on, beside the examples of AWS's documentation.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ has them under read-write-operations.html,
CapacityUnitCalculations.html, and GSI.html ("Write capacity units").
"""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.tables import IDENTITIES, INDEX, PROFILES, Bill, item_size

KB = 1_024


def item(size: int, name: str = "a", **more: Any) -> dict[str, Any]:
    """Of `size` bytes, without what is more."""
    keys = {"profile_id": {"S": name}}
    rest = size - item_size(keys) - len("state")
    return keys | {"state": {"B": b"x" * rest}} | more


def due(at: int) -> dict[str, Any]:
    return {"due_shard": {"S": "7"}, "due_at": {"N": str(at)}}


def put(bill: Bill, *items: dict[str, Any]) -> float:
    before = bill.write_units
    for one in items:
        bill.put_item(TableName=PROFILES, Item=one)
    return bill.write_units - before


def read(bill: Bill, *names: str, consistent: bool) -> float:
    before = bill.read_units
    keys = [{"profile_id": {"S": name}} for name in names]
    bill.batch_get_item(RequestItems={PROFILES: {"Keys": keys, "ConsistentRead": consistent}})
    return bill.read_units - before


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}, 23),
        ({"é": {"S": "né"}}, 5),  # bytes of UTF-8, in names too
        ({"b": {"B": b"\x00\xff\x10"}}, 4),  # raw, not base64
        ({"t": {"BOOL": False}}, 2),
        ({"n": {"N": "7"}}, 3),
        ({"n": {"N": "1750000000123"}}, 9),
        ({"n": {"N": "1700"}}, 3),  # zeros at the end are not significant
        ({"n": {"N": "-1234"}}, 4),
    ],
)
def test_an_item_weighs_its_names_and_values(attributes: dict[str, Any], size: int) -> None:
    assert item_size(attributes) == size


@pytest.mark.parametrize(("size", "units"), [(500, 1), (KB, 1), (KB + 1, 2), (2 * KB, 2), (3_584, 4)])
def test_a_write_costs_a_unit_for_each_kilobyte_begun(size: int, units: int) -> None:
    assert put(Bill(), item(size)) == units


def test_writes_are_rounded_one_by_one() -> None:
    assert put(Bill(), item(500, "a"), item(3_584, "b")) == 1 + 4


def test_a_put_costs_the_larger_of_what_it_writes_and_what_it_replaces() -> None:
    bill = Bill()
    assert put(bill, item(3 * KB)) == 3
    assert put(bill, item(100)) == 3
    assert put(bill, item(100)) == 1


def test_a_transaction_costs_twice_item_by_item() -> None:
    bill = Bill()
    claim = {"identity_key": {"S": "key"}, "profile_id": {"S": "a"}}
    bill.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": PROFILES, "Item": item(1_500)}},
            {"Put": {"TableName": IDENTITIES, "Item": claim}},
        ]
    )
    assert bill.writes == {PROFILES: 4, IDENTITIES: 2}


@pytest.mark.parametrize(("size", "consistent", "eventual"), [(3_500, 1, 0.5), (8 * KB, 2, 1), (10 * KB, 3, 1.5)])
def test_a_read_costs_a_unit_for_four_kilobytes_begun_or_half_of_one(
    size: int, consistent: float, eventual: float
) -> None:
    bill = Bill()
    put(bill, item(size))
    assert (read(bill, "a", consistent=True), read(bill, "a", consistent=False)) == (consistent, eventual)


def test_a_batch_is_rounded_item_by_item() -> None:
    bill = Bill()
    put(bill, item(1_536, "a"), item(6_656, "b"))
    assert read(bill, "a", "b", consistent=True) == 3


def test_what_is_not_there_costs_as_the_smallest_item() -> None:
    assert read(Bill(), "a", "b", consistent=True) == 2
    assert read(Bill(), "a", "b", "c", consistent=False) == 1.5


def test_an_index_costs_what_changes_in_it() -> None:
    bill = Bill()
    assert put(bill, item(100)) == 1, "no indexed attribute: not in the index"
    assert put(bill, item(100) | due(1)) == 1 + 1, "it comes in"
    assert put(bill, item(200) | due(1)) == 1, "nothing that the index holds has changed"
    assert put(bill, item(100) | due(2)) == 1 + 2, "out under the old key, in under the new"
    assert put(bill, item(100)) == 1 + 1, "it goes out"
    assert set(due(1)) == set(INDEX)
