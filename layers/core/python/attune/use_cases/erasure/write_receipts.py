"""The receipt of an erasure, chained to the one before: written once, and last, when nothing is left to be swept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.erasure.receipts import (
    HEAD,
    LASTING,
    Head,
    Horizon,
    Receipt,
    Sweep,
    Swept,
    decode_receipt,
    digest_of,
    encode_receipt,
    receipt_key,
    sealed,
    stores_of,
    sweep_key,
)
from attune.domain.erasure.subjects import decode_subject, subjects_of
from attune.domain.identifiers import DAY
from attune.ports import ConflictError
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from attune.domain.erasure.subjects import Subject
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Clock
    from attune.ports.documents import Documents
    from attune.ports.erasure import Notes

#: looks at the chain's end, should others move it meanwhile
MAX_ATTEMPTS: Final = 20
_HOUR: Final = 3_600_000


class WriteReceipts:
    """Callable with a request whose stores were swept."""

    def __init__(
        self,
        *,
        documents: Documents,
        notes: Notes,
        retention_hours: int,
        clock: Clock,
    ) -> None:
        """`documents` and `notes`: of the audit bucket. `retention_hours`: the stream's."""
        self._documents = documents
        self._notes = notes
        self._retention_hours = retention_hours
        self._clock = clock

    def __call__(self, request: PrivacyRequest) -> dict[str, Any]:
        """`{receipt, digest, left}`: the document's key; "" while something is left, and nothing is written then.

        What was not swept to the end counts as one thing left. Called again it answers what it answered first. Raises
        `ConflictError` where others keep writing receipts.
        """
        sweep = self._sweep(request.request_id)
        if left := sweep.left or int(not sweep.ended_at):
            return {"receipt": "", "digest": "", "left": left}
        for _ in range(MAX_ATTEMPTS):
            tag, head = self._head()
            receipt = self._written(request.request_id, head) or self._next(request, sweep, head)
            if receipt.number <= head.number or self._moved(tag, receipt):
                return {"receipt": receipt_key(request.request_id), "digest": receipt.digest, "left": 0}
        raise ConflictError("others keep writing receipts")

    def _next(self, request: PrivacyRequest, sweep: Sweep, head: Head) -> Receipt:
        """Lies there before the head says so; a crash in between writes it anew."""
        subjects = self._subjects(request.request_id)
        now = self._clock()
        erased_at = max((subject.erased_at for subject in subjects), default=0) or request.started_at
        receipt = sealed(
            Receipt(
                request_id=request.request_id,
                kind=request.kind,
                variant=request.variant,
                suppressed=request.suppress,
                received_at=iso(request.received_at),
                erased_at=iso(erased_at),
                swept_at=iso(sweep.ended_at),
                issued_at=iso(now),
                profiles=sweep.stores.get("profiles", Swept()).found,
                identifiers=len({one for subject in subjects for one in subject.identity_keys}),
                stores=stores_of(sweep),
                models=sweep.models,
                horizons=horizons(erased_at, sweep.ended_at, self._retention_hours),
                number=head.number + 1,
                previous=head.digest,
            )
        )
        self._documents.put(receipt_key(request.request_id), encode_receipt(receipt))
        return receipt

    def _written(self, request_id: str, head: Head) -> Receipt | None:
        """The request's receipt, if it is part of the chain."""
        data = self._documents.get(receipt_key(request_id))
        if data is None:
            return None
        receipt = decode_receipt(data)
        return receipt if receipt.number <= head.number and receipt.digest == digest_of(receipt) else None

    def _head(self) -> tuple[str | None, Head]:
        found = self._notes.note(HEAD)
        return (None, Head()) if found is None else (found.tag, msgspec.json.decode(found.content, type=Head))

    def _moved(self, tag: str | None, receipt: Receipt) -> bool:
        head = Head(number=receipt.number, request_id=receipt.request_id, digest=receipt.digest)
        try:
            self._notes.keep_note(HEAD, msgspec.json.encode(head), tag)
        except ConflictError:
            return False
        return True

    def _sweep(self, request_id: str) -> Sweep:
        data = self._documents.get(sweep_key(request_id))
        return Sweep() if data is None else msgspec.json.decode(data, type=Sweep)

    def _subjects(self, request_id: str) -> list[Subject]:
        found = (self._documents.get(key) for key in self._documents.keys(subjects_of(request_id)))
        return [decode_subject(data) for data in found if data is not None]


def horizons(erased_at: int, swept_at: int, retention_hours: int) -> tuple[Horizon, ...]:
    """When what no sweep reaches is gone by itself; ms. `retention_hours`: the stream's."""
    on_stream = erased_at + retention_hours * _HOUR
    return tuple(
        Horizon(store=store, until=iso(swept_at + days * DAY if days else on_stream), why=why)
        for store, (days, why) in LASTING.items()
    )
