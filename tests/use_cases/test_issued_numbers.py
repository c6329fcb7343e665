"""Numbers that shops and CRMs give out can be guessed: with a browser's key they lead to nobody (ADR 14)."""

from __future__ import annotations

import msgspec
import pytest

from attune.domain.events import Origin, Record, decode_record
from attune.domain.identifiers import ISSUED
from attune.use_cases.collection.write_records import stream_entries
from tests.builders import NOW, Pseudonyms, event, identifiers, identify, record
from tests.use_cases.test_process_events import Processor

NAMESPACES = sorted(ISSUED)


@pytest.fixture
def processor() -> Processor:
    return Processor()


def bought(processor: Processor, namespace: str) -> None:
    """As the shop tells it, signed."""
    named = identifiers(email="ada@example.com", **{namespace: "5001"})
    processor(record(event("Order Completed", identifiers=named)))


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_who_names_an_order_from_a_browser_is_not_its_buyer(processor: Processor, namespace: str) -> None:
    bought(processor, namespace)
    claim = identifiers(anonymous_id="mallory", **{namespace: "5001"})
    processor.send(identify(identifiers=claim), trusted=False)
    theirs = identifiers(anonymous_id="mallory", email="mallory@example.com")
    processor.send(identify({"email": "mallory@example.com"}, identifiers=theirs), trusted=False)
    buyer = processor.profile("email", "ada@example.com")
    assert processor.profile("anonymous_id", "mallory").profile_id != buyer.profile_id
    assert {link.identifier.value for link in buyer.links.values()} == {"ada@example.com", "5001"}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_nobody_claims_the_orders_that_are_still_to_come(processor: Processor, namespace: str) -> None:
    claim = identifiers(anonymous_id="mallory", **{namespace: "5001"})
    processor.send(event(identifiers=claim), trusted=False)
    bought(processor, namespace)
    buyer = processor.profile(namespace, "5001")
    assert {link.identifier.value for link in buyer.links.values()} == {"ada@example.com", "5001"}


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_call_that_names_nothing_else_lies_in_quarantine(processor: Processor, namespace: str) -> None:
    processor.send(event(identifiers=identifiers(**{namespace: "5001"})), trusted=False)
    assert [kept.reason for kept in processor.quarantine.all()] == ["unverified_claim"]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_page_that_names_a_number_beside_its_device_is_heard_by_its_device(namespace: str) -> None:
    named = identifiers(anonymous_id="visitor", **{namespace: "5001"})
    request = Record(source="shop", origin=Origin.CLIENT, received_at=NOW, key="")
    for trusted, kept in ((False, 1), (True, 2)):
        said = msgspec.structs.replace(request, trusted=trusted)
        [(_, data)] = stream_entries(Pseudonyms(), said, [event(identifiers=named)])
        assert len(decode_record(data).events[0].identifiers) == kept


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_on_the_customers_own_device_it_goes_on_speaking_for_them(processor: Processor, namespace: str) -> None:
    bound = identifiers(anonymous_id="visitor", **{namespace: "5001"})
    processor(record(identify(identifiers=bound)))
    processor.send(event(identifiers=bound), trusted=False)
    assert processor.profile("anonymous_id", "visitor").events == 2
