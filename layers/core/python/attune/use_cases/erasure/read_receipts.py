"""All receipts of erasures, and whether they are as they were written, and still there."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.erasure.receipt_checks import check_kept, check_receipts
from attune.domain.erasure.receipts import FOLDER, HEAD, Head, decode_receipt
from attune.domain.errors import AttuneError
from attune.ports.privacy import After

if TYPE_CHECKING:
    from attune.domain.erasure.receipts import Receipt
    from attune.domain.privacy.ledger_checks import Finding
    from attune.ports.documents import Documents
    from attune.ports.privacy import PrivacyRequests

#: requests of one page
PAGE: Final = 100
_SIDE_BY_SIDE: Final = 10
_AFTER: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{32})", re.ASCII)


def look_at_receipts(documents: Documents) -> tuple[int, list[Finding]]:
    """How many there are, and what is wrong with them. The chain's end is read first: one more may come meanwhile."""
    end = documents.get(HEAD)
    found = _all(documents, [key for key in documents.keys(FOLDER) if key != HEAD])
    receipts = {key: _receipt(data) if data is not None else None for key, data in found.items()}
    return len(receipts), check_receipts(receipts, None if end is None else _head(end))


def look_for_receipts(documents: Documents, requests: PrivacyRequests, after: str) -> tuple[list[Finding], str]:
    """Whether the receipts are there that erasures have noted when they were done: a page, and where the next begins.

    Requests lie in another store than receipts: who removes these together with the chain's end is found out by it.
    400 `invalid_after`.
    """
    page = requests.waiting(PAGE, _after(after), state="done")
    noted = {str(one.outcome["receipt"]): str(one.outcome["digest"]) for one in page if one.outcome.get("receipt")}
    found = _all(documents, list(noted))
    there = {key: _receipt(data) for key, data in found.items() if data is not None}
    behind = f"{page[-1].due_at}.{page[-1].request_id}" if len(page) == PAGE else ""
    return check_kept(noted, there), behind


def _after(place: str) -> After | None:
    if not place:
        return None
    found = _AFTER.fullmatch(place)
    if found is None:
        raise AttuneError("invalid_after", "`after` must be the `next` of an answer")
    return After(int(found[1]), found[2])


def _all(documents: Documents, keys: list[str]) -> dict[str, bytes | None]:
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return dict(zip(keys, pool.map(documents.get, keys), strict=True))


def _receipt(data: bytes) -> Receipt | None:
    try:
        return decode_receipt(data)
    except msgspec.MsgspecError:
        return None


def _head(data: bytes) -> Head | None:
    try:
        return msgspec.json.decode(data, type=Head)
    except msgspec.MsgspecError:
        return None
