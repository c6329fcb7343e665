"""What a receipt says beside what was done: until when something may lie where no sweep reaches."""

from __future__ import annotations

import msgspec
import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_imports import MemoryImportBucket
from attune.domain.deliveries import KEPT, longest_kept
from attune.domain.erasure import Shared, Subject, encode_subject, subject_key
from attune.domain.privacy_requests import PrivacyRequest
from attune.domain.purposes import Purpose, Retention
from attune.domain.receipts import Sweep, decode_receipt, receipt_key, sweep_key
from attune.use_cases.show_times import iso
from attune.use_cases.write_receipts import WriteReceipts
from tests.builders import DAY, NOW, definitions, profile_id

REQUEST = "a" * 32
BEN_S = Shared(profile_id=profile_id(1), version=3, data_key="ab", keys=("c" * 32,))


@pytest.mark.parametrize("unlinked", [True, False])
def test_of_who_was_unlinked_it_says_how_long_messages_to_others_stay(unlinked: bool) -> None:
    documents = MemoryDocuments()
    subject = Subject(request_id=REQUEST, erased_at=NOW, shared=(BEN_S,) if unlinked else ())
    documents.put(subject_key(REQUEST), encode_subject(subject))
    documents.put(sweep_key(REQUEST), msgspec.json.encode(Sweep(ended_at=NOW)))
    write = WriteReceipts(
        documents=documents,
        notes=MemoryImportBucket(),
        retention_hours=24,
        clock=lambda: NOW,
        messages_kept=lambda: longest_kept(definitions(Purpose(id="email", retention=Retention(messages="120d")))),
    )
    write(PrivacyRequest(request_id=REQUEST, kind="erasure", source="", received_at=NOW, started_at=NOW))
    receipt = decode_receipt(documents.get(receipt_key(REQUEST)) or b"")
    told = [one.until for one in receipt.horizons if one.store == "messages"]
    assert told == ([iso(NOW + 120 * DAY)] if unlinked else [])


def test_messages_are_kept_as_long_as_the_longest_of_all_channels_and_no_shorter_than_those_of_before() -> None:
    assert longest_kept(definitions()) == KEPT
    assert longest_kept(definitions(Purpose(id="email", retention=Retention(messages="40d")))) == KEPT
