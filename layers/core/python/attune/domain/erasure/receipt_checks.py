"""Are the receipts of erasures as they were written? As of the ledger's other chains: from the end backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.erasure.receipts import Head, digest_of, receipt_key
from attune.domain.privacy.ledger_checks import Finding, Link, check_links

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.erasure.receipts import Receipt

WHERE: Final = "receipts"


def check_receipts(receipts: Mapping[str, Receipt | None], head: Head | None) -> list[Finding]:
    """Of receipts by their documents' keys: None is one that cannot be read.

    One may be ahead of the head, where its writer died between the two.
    """
    wrong = [Finding("changed", WHERE, key) for key, one in receipts.items() if one is None]
    named: dict[int, str] = {}
    links: dict[int, Link] = {}
    for key, one in receipts.items():
        if one is None:
            continue
        if one.number in links or key != receipt_key(one.request_id):
            wrong.append(Finding("inserted", WHERE, key))
            continue
        named[one.number] = key
        links[one.number] = _link(one)
    end = head if head is not None else Head()
    following = links.get(end.number + 1)
    if following is not None and following.sound and following.previous == end.digest:
        end = Head(number=end.number + 1, digest=following.digest)
    found = check_links(links, end.number, end.digest)
    return wrong + [Finding(what, WHERE, named.get(number, f"number {number}")) for what, number in found]


def check_kept(noted: Mapping[str, str], there: Mapping[str, Receipt | None]) -> list[Finding]:
    """Of the digests that erasures have noted, by the documents' keys: None is a receipt that cannot be read.

    What does not fit into its chain `check_receipts` has told.
    """
    gone = [Finding("removed", WHERE, key) for key in noted if key not in there]
    other = [key for key, one in there.items() if one is not None and one.digest != noted[key]]
    return gone + [Finding("changed", WHERE, key) for key in other]


def _link(one: Receipt) -> Link:
    """`elsewhere`: whole but for its number, so that it was moved."""
    sound = digest_of(one) == one.digest
    moved = any(digest_of(msgspec.structs.replace(one, number=one.number + by)) == one.digest for by in (-2, -1, 1, 2))
    return Link(one.digest, one.previous, sound, not sound and moved)
