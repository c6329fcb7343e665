"""`Stored` over one DynamoDB table: every item, every attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.ports.stored import Page, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

_NESTED: Final = frozenset({"M", "L"})


class DynamoStored:
    """A page is one request: at most 1 MB of items, read consistently."""

    def __init__(self, client: DynamoDBClient, table: str, keys: Sequence[str]) -> None:
        """`keys`: the attributes of the table's key, which say where something is."""
        self._client = client
        self._table = table
        self._keys = keys

    def page(self, position: str) -> Page:
        """The position is the last item's key."""
        start: dict[str, Any] = {"ExclusiveStartKey": msgspec.json.decode(position)} if position else {}
        answer = self._client.scan(TableName=self._table, ConsistentRead=True, **start)
        last = answer.get("LastEvaluatedKey")
        return Page([self._piece(item) for item in answer["Items"]], msgspec.json.encode(last).decode() if last else "")

    def _piece(self, item: Mapping[str, Mapping[str, Any]]) -> Piece:
        where = " ".join(str(value) for key in self._keys for value in item[key].values())
        return Piece(where, list(_blocks(item)))


def _blocks(item: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    """All that is text as one; each binary value by itself, because its first bytes say how it is packed."""
    plain: list[str] = []
    for name, value in item.items():
        plain.append(name)
        yield from _values(value, plain)
    yield "\n".join(plain).encode("utf-8", "surrogatepass")


def _values(value: Mapping[str, Any], plain: list[str]) -> Iterator[bytes]:
    for kind, content in value.items():
        if kind == "B":
            yield bytes(content)
        elif kind == "BS":
            yield from map(bytes, content)
        elif kind in _NESTED:
            for name, inner in content.items() if kind == "M" else enumerate(content):
                plain.append(str(name))
                yield from _values(inner, plain)
        else:
            plain += map(str, content) if kind in {"SS", "NS"} else [str(content)]
