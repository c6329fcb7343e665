"""`Documents`: written whole, told by prefix, shown by an address."""

from __future__ import annotations

import tempfile

import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.s3_documents import S3Documents
from attune.ports.documents import Documents
from tests.adapters.cloud import Cloud


@pytest.fixture
def documents(backend: Cloud | None) -> Documents:
    if backend is None:
        return MemoryDocuments()
    return S3Documents(backend.client("s3"), backend.bucket())


def test_a_document_is_what_was_written_last(documents: Documents) -> None:
    assert documents.get("receipts/a.json") is None
    documents.put("receipts/a.json", b"{}")
    documents.put("receipts/a.json", b'{"a":1}')
    assert documents.get("receipts/a.json") == b'{"a":1}'


def test_a_file_is_written_from_where_it_stands_however_long_it_is(documents: Documents) -> None:
    with tempfile.SpooledTemporaryFile(10) as file:
        file.write(b"0123456789" * 10)
        file.seek(5)
        documents.put("exports/a/data.json", file)
    assert documents.get("exports/a/data.json") == (b"0123456789" * 10)[5:]


def test_documents_are_told_by_their_prefix_in_order(documents: Documents) -> None:
    for key in ("receipts/b.json", "exports/a/data.html", "receipts/a.json"):
        documents.put(key, b"x", "text/plain")
    assert documents.keys("receipts/") == ["receipts/a.json", "receipts/b.json"]
    assert documents.keys("nothing/") == []


def test_an_address_names_the_document_and_how_long_it_leads_there(documents: Documents) -> None:
    url = documents.url("exports/a/data.html", 900)
    assert "exports/a/data.html" in url
    assert "900" in url or "Expires" in url
