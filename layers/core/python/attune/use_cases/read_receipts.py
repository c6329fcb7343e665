"""All receipts of erasures, and whether they are as they were written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.receipt_checks import check_receipts
from attune.domain.receipts import FOLDER, HEAD, Head, decode_receipt

if TYPE_CHECKING:
    from attune.domain.ledger_checks import Finding
    from attune.domain.receipts import Receipt
    from attune.ports.documents import Documents

_SIDE_BY_SIDE: Final = 10


def look_at_receipts(documents: Documents) -> tuple[int, list[Finding]]:
    """How many there are, and what is wrong with them. The chain's end is read first: one more may come meanwhile."""
    end = documents.get(HEAD)
    keys = [key for key in documents.keys(FOLDER) if key != HEAD]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = pool.map(lambda key: _read(documents, key), keys)
        receipts = dict(zip(keys, found, strict=True))
    return len(receipts), check_receipts(receipts, None if end is None else _head(end))


def _read(documents: Documents, key: str) -> Receipt | None:
    data = documents.get(key)
    try:
        return None if data is None else decode_receipt(data)
    except msgspec.MsgspecError:
        return None


def _head(data: bytes) -> Head | None:
    try:
        return msgspec.json.decode(data, type=Head)
    except msgspec.MsgspecError:
        return None
