"""OneTrust's consent receipts: what grants, what withdraws, and that in doubt nothing is permitted."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.adapters.memory import MemoryDefinitions, MemorySecrets, MemoryStream
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import decode_definition, snapshot
from attune.domain.definitions.purposes import Purpose
from attune.domain.definitions.signatures import TokenSignature
from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event, decode_record
from attune.domain.identifiers import Identifier
from attune.sources.consent_signals import USUAL
from attune.sources.formats import FORMATS
from attune.sources.onetrust import MAX_RECEIPTS, read
from attune.sources.webhooks import Call, Reading
from attune.use_cases.collection.receive_webhook import ReceiveWebhook
from tests.builders import DAY, NOW, Pseudonyms

SOURCE = Source(
    id="receipts",
    type="onetrust",
    consent_categories={
        "Newsletter": ("email",),
        "Offers by text": ("sms",),
        "4f2a": ("advertising", "personalization"),
    },
)
SOURCE_THAT_IS_PROVEN = msgspec.structs.replace(SOURCE, signature=TokenSignature(header="x-token"))
ADA = Identifier("email", "ada@example.com")
THEN = NOW - DAY


def receipt(*purposes: Any, **fields: Any) -> dict[str, Any]:
    base = {"receiptId": "r-1", "identifier": "Ada@Example.com", "identifierType": "Email"}
    return base | {"interactionDate": "2025-06-14T15:06:40Z", "purposes": list(purposes)} | fields


def one(name: str, status: Any, **fields: Any) -> dict[str, Any]:
    return {"name": name, "status": status} | fields


def said(document: object, *, item: bool = False) -> Reading:
    return read(Call(body=json.dumps(document).encode(), item=item), USUAL.told_to(SOURCE), NOW)


def statement(document: object) -> Event:
    found = said(document)
    assert (found.events, found.rejected) == ((), ())
    [only] = found.made
    return only


def refused(document: object) -> list[str]:
    return [rejected.reason for rejected in said(document).rejected]


def test_a_receipt_is_a_statement_as_of_the_time_it_was_made() -> None:
    event = statement(receipt(one("Newsletter", "ACTIVE"), one("Offers by text", "WITHDRAWN")))
    assert (event.type, event.identifiers, event.time) == (CONSENT, (ADA,), THEN)
    assert event.consent == {"email": True, "sms": False}
    assert (event.evidence, event.notes) == ({"method": "webhook"}, ())


@pytest.mark.parametrize(
    ("status", "granted"),
    [
        *((status, True) for status in ("ACTIVE", "CONFIRMED", "GRANTED", "EXTEND", "Opt-In", "OPT_IN", "active")),
        *((status, False) for status in ("WITHDRAWN", "OPT_OUT", "HARD_OPT_OUT", "EXPIRED", "NO_CONSENT", "NOTGIVEN")),
        *((status, False) for status in ("CANCEL", "Denied", "opted out")),
        *((status, None) for status in ("PENDING", "NONE", "NO_CHOICE", "CHANGE_PREFERENCES", "ALWAYS_ACTIVE")),
    ],
)
def test_every_status_grants_withdraws_or_says_nothing(status: str, granted: bool | None) -> None:
    found = said(receipt(one("Newsletter", status)))
    assert [event.consent for event in found.made] == ([] if granted is None else [{"email": granted}])
    assert found.rejected == ()


def test_a_status_that_nobody_knows_withdraws_and_is_noted() -> None:
    event = statement(receipt(one("Newsletter", "ON_A_SUNDAY")))
    assert (event.consent, event.notes) == ({"email": False}, ("unknown_status",))


def test_a_purpose_that_nobody_mapped_is_noted_and_never_granted() -> None:
    event = statement(receipt(one("Newsletter", "ACTIVE"), one("Fishing", "ACTIVE")))
    assert (event.consent, event.notes) == ({"email": True}, ("unknown_purpose",))


def test_a_receipt_of_unknown_purposes_alone_waits_until_somebody_maps_them() -> None:
    found = said(receipt(one("Fishing", "ACTIVE")))
    assert (found.made, [rejected.reason for rejected in found.rejected]) == ((), ["unknown_purpose"])


def test_purposes_are_known_by_name_by_number_and_by_our_own_names() -> None:
    assert statement(receipt({"Id": "4f2a", "Status": "ACTIVE"})).consent == {
        "advertising": True,
        "personalization": True,
    }
    assert statement(receipt({"purposeName": "email", "TransactionType": "CONFIRMED"})).consent == {"email": True}


@pytest.mark.parametrize("order", [("ACTIVE", "WITHDRAWN"), ("WITHDRAWN", "ACTIVE")])
def test_where_two_of_theirs_stand_for_one_of_ours_both_must_grant_it(order: tuple[str, str]) -> None:
    first, second = order
    assert statement(receipt(one("Newsletter", first), one("email", second))).consent == {"email": False}


def test_consent_in_the_future_counts_from_its_receipt() -> None:
    event = statement(receipt(one("Newsletter", "ACTIVE"), interactionDate="2030-01-01T00:00:00Z"))
    assert (event.time, event.notes) == (NOW, ("time_clamped",))


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "1999-12-31T23:59:59Z", {}, True])
def test_without_a_time_a_withdrawal_counts_from_its_receipt_and_a_grant_not_at_all(stamp: Any) -> None:
    found = said(receipt(one("Newsletter", "ACTIVE"), one("Offers by text", "WITHDRAWN"), interactionDate=stamp))
    [event] = found.made
    assert (event.consent, event.time, event.notes) == ({"sms": False}, NOW, ("time_of_receipt",))
    assert [rejected.reason for rejected in found.rejected] == ["invalid_time"]


def test_a_withdrawal_without_a_time_is_heard_again_when_it_comes_again_and_one_with_a_time_is_not() -> None:
    for stamp, again in ((None, 2), ("2025-06-14T15:06:40Z", 1)):
        call = Call(body=json.dumps(receipt(one("Newsletter", "WITHDRAWN"), interactionDate=stamp)).encode())
        made = [event for at in (NOW, NOW + 1) for event in read(call, USUAL.told_to(SOURCE), at).made]
        assert len({event.message_id for event in made}) == again


def times(document: object) -> dict[int, dict[str, bool] | None]:
    found = said(document)
    assert found.rejected == ()
    assert len({event.message_id for event in found.made}) == len(found.made)
    return {event.time: event.consent for event in found.made}


@pytest.mark.parametrize("place", ["receipt", "purpose", "envelope"])
def test_each_purpose_counts_from_its_own_date(place: str) -> None:
    """Not from that of the receipt, which repeats what was consented to long ago."""
    sent = receipt(one("Newsletter", "ACTIVE"), one("Offers by text", "WITHDRAWN"))
    granted, withdrawn = {"consentDate": "2025-06-01T00:00:00Z"}, {"withdrawnDate": "2025-06-02T00:00:00Z"}
    if place == "receipt":
        sent |= granted | withdrawn
    elif place == "purpose":
        sent["purposes"][0] |= granted
        sent["purposes"][1] |= withdrawn
    else:
        sent = enveloped(
            ("Newsletter", {"TransactionStatus": "ACTIVE", "ConsentDate": "1748736000", "WithdrawalDate": ""}),
            ("Offers by text", {"TransactionStatus": "WITHDRAWN", "WithdrawalDate": "1748822400", "ConsentDate": "0"}),
        )
    assert times(sent) == {1_748_736_000_000: {"email": True}, 1_748_822_400_000: {"sms": False}}


def enveloped(*profiles: tuple[str, dict[str, str]], **payload: Any) -> dict[str, Any]:
    """As OneTrust's event webhooks send it."""
    named = [{"purposeId": "7", "purposeName": name, "profileFields": fields} for name, fields in profiles]
    who = {"dataSubjectEmail": "ada@example.com", "dataSubjectIdentifier": "ada@example.com"}
    inner = who | {"dataSubjectIdentifierType": "Email", "profiles": named, "testDataSubject": False} | payload
    return {"eventId": "e-1", "eventTime": "2025-06-15T00:00:00Z", "eventType": "3010", "payload": inner}


def test_an_envelope_names_somebody_and_one_of_a_test_says_nothing() -> None:
    granted = ("Newsletter", {"TransactionStatus": "ACTIVE", "ConsentDate": "1748736000"})
    assert statement(enveloped(granted)).identifiers == (ADA,)
    assert statement(enveloped(granted, dataSubjectIdentifier=None)).identifiers == (ADA,)
    assert said(enveloped(granted, testDataSubject=True)) == Reading()
    undated = enveloped(("Newsletter", {"TransactionStatus": "ACTIVE"}))
    assert (said(undated).made, refused(undated)) == ((), ["invalid_time"])


@pytest.mark.parametrize(
    ("dates", "at"),
    [
        ({"lastTransactionDate": "2025-06-01T00:00:00Z"}, 1_748_736_000_000),
        ({"timestamp": "2025-06-01T00:00:00Z", "consentDate": None}, 1_748_736_000_000),
        ({"consentDate": "2025-06-01T00:00:00Z", "lastTransactionDate": "2025-06-02T00:00:00Z"}, 1_748_736_000_000),
        ({"createdDate": "2025-06-01T00:00:00Z"}, THEN),
    ],
)
def test_a_grant_is_as_old_as_its_purpose_says(dates: dict[str, Any], at: int) -> None:
    assert times(receipt(one("Newsletter", "ACTIVE", **dates))) == {at: {"email": True}}


def test_a_date_of_a_purpose_that_cannot_be_read_is_not_made_up_for_by_that_of_the_receipt() -> None:
    sent = receipt(one("Newsletter", "ACTIVE", consentDate="some day"), one("email", "PENDING"))
    assert (said(sent).made, refused(sent)) == ((), ["invalid_time"])


def test_a_withdrawal_is_not_dated_with_the_one_before_the_last_grant() -> None:
    dates = {"withdrawnDate": "2025-06-01T00:00:00Z", "consentDate": "2025-06-02T00:00:00Z"}
    assert times(receipt(one("Newsletter", "EXPIRED", **dates))) == {THEN: {"email": False}}


def test_of_two_that_stand_for_one_of_ours_the_later_word_of_both_counts() -> None:
    first, second = {"consentDate": "2025-06-01T00:00:00Z"}, {"consentDate": "2025-06-02T00:00:00Z"}
    both = [one("Newsletter", "ACTIVE", **second), one("email", "ACTIVE", **first)]
    assert times(receipt(*both)) == {1_748_822_400_000: {"email": True}}
    later = [one("Newsletter", "ACTIVE", **second), one("email", "WITHDRAWN", withdrawnDate="2025-06-01T00:00:00Z")]
    for order in (later, later[::-1]):
        assert times(receipt(*order)) == {1_748_736_000_000: {"email": False}}


@pytest.mark.parametrize("odd", [{"name": "4f2a"}, {"name": "4f2a", "status": 1}, "4f2a", None])
def test_beside_a_purpose_that_cannot_be_read_withdrawals_are_heard_and_grants_wait(odd: Any) -> None:
    """It may speak of the same purpose of ours: so a grant is none before somebody has looked."""
    sent = receipt(odd, one("Newsletter", "ACTIVE"), one("Offers by text", "WITHDRAWN"))
    found = said(sent)
    assert [(event.consent, event.time) for event in found.made] == [({"sms": False}, THEN)]
    assert [rejected.reason in ("invalid_consent", "invalid_event") for rejected in found.rejected] == [True]
    mended = said(sent | {"purposes": sent["purposes"][1:]})
    assert [event.consent for event in mended.made] == [{"email": True, "sms": False}]


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"identifierType": "Phone", "identifier": "+49 170 1234567"}, Identifier("phone", "+491701234567")),
        ({"identifierType": "User ID", "identifier": "u1"}, Identifier("user_id", "u1")),
        ({"identifierType": "Loyalty Card", "identifier": "7"}, Identifier("loyalty_card", "7")),
        ({"identifierType": None}, ADA),
    ],
)
def test_people_are_known_by_what_onetrust_knows_them_by(fields: dict[str, Any], who: Identifier) -> None:
    assert statement(receipt(one("Newsletter", "ACTIVE"), **fields)).identifiers == (who,)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (receipt(one("Newsletter", "ACTIVE"), identifier=""), "no_identifier"),
        (receipt(one("Newsletter", "ACTIVE"), identifier=5, identifierType=None), "no_identifier"),
        (receipt(one("Newsletter", "ACTIVE"), identifierType=["Email"]), "no_identifier"),
        (receipt(one("Newsletter", True)), "invalid_consent"),
        (receipt(one("Newsletter", None)), "invalid_consent"),
        (receipt(purposes={}), "invalid_consent"),
        (receipt(purposes=None), "invalid_consent"),
        (receipt("Newsletter"), "invalid_event"),
        (receipt(one("Newsletter", "ACTIVE", STATUS="WITHDRAWN")), "duplicate_keys"),
        ("receipt", "invalid_event"),
        (None, "invalid_event"),
        ([receipt()] * (MAX_RECEIPTS + 1), "too_many_items"),
    ],
)
def test_what_cannot_be_read_is_refused_and_grants_nothing(document: object, reason: str) -> None:
    assert (said(document).made, refused(document)) == ((), [reason])


@pytest.mark.parametrize("test", [True, "true", "True", 1])
def test_a_test_receipt_says_nothing(test: Any) -> None:
    assert said(receipt(one("Newsletter", "ACTIVE"), test=test)) == Reading()
    assert said(receipt(one("Newsletter", "ACTIVE"), test="false")).made


def test_a_receipt_that_comes_again_is_the_same_and_one_that_says_something_else_is_not() -> None:
    sent = receipt(one("Newsletter", "ACTIVE"))
    again = read(Call(body=json.dumps(sent, indent=2).encode()), SOURCE, NOW + DAY).made
    assert again == said(sent).made
    other = statement(receipt(one("Newsletter", "WITHDRAWN")))
    assert other.message_id != statement(sent).message_id


def test_of_several_receipts_each_is_kept_by_itself() -> None:
    found = said(
        [receipt(one("Newsletter", "ACTIVE")), receipt(one("Newsletter", 1)), receipt(one("email", "OPT_OUT"))]
    )
    assert [event.consent for event in found.made] == [{"email": True}, {"email": False}]
    [rejected] = found.rejected
    assert (rejected.reason, rejected.how) == ("invalid_consent", {"item": True})
    assert read(Call(body=rejected.raw, item=True), SOURCE, NOW).rejected[0].reason == "invalid_consent"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4)
)
names = st.sampled_from(["identifier", "identifierType", "purposes", "interactionDate", "test", "Status", "name", "id"])
odd = st.dictionaries(names, values | st.lists(st.dictionaries(names, values, max_size=4), max_size=3), max_size=8)


@pytest.mark.parametrize(("name", "consent"), [("loyalty", {"loyalty": True}), ("C0042", {"loyalty": True})])
def test_what_is_called_like_a_defined_purpose_or_signal_needs_no_entry(name: str, consent: dict[str, bool]) -> None:
    """At the entrance; before it was defined the receipt waits in quarantine."""
    definitions = MemoryDefinitions([SOURCE_THAT_IS_PROVEN])
    stream = MemoryStream()
    receive = ReceiveWebhook(
        definitions=definitions,
        secrets=MemorySecrets({"receipts": ("hush",)}),
        pseudonyms=Pseudonyms(),
        stream=stream,
        requests=MemoryPrivacyRequests(),
        count=lambda *_: None,
    )
    body = json.dumps(receipt(one(name, "ACTIVE"))).encode()
    receive("receipts", Call(body=body, headers={"x-token": "hush"}), NOW)
    definitions.put(Purpose(id="loyalty", signals=("C0042",)), read_version=None)
    receive("receipts", Call(body=body, headers={"x-token": "hush"}), NOW)
    before, after = [decode_record(sent.data) for sent in stream.records]
    assert [rejected.reason for rejected in before.rejected] == ["unknown_purpose"]
    assert [event.consent for event in after.events] == [consent]


def test_an_entry_of_the_source_goes_before_a_purpose_of_that_name() -> None:
    mapped = msgspec.structs.replace(SOURCE, consent_categories={"email": ("sms",)})
    body = json.dumps(receipt(one("email", "ACTIVE"))).encode()
    [made] = read(Call(body=body), USUAL.told_to(mapped), NOW).made
    assert made.consent == {"sms": True}


@given(odd | st.lists(odd, max_size=3) | values)
def test_whatever_comes_is_read_or_refused(document: Any) -> None:
    found = said(document)
    assert all(event.type == CONSENT and event.identifiers for event in found.made)
    assert all(event.time <= NOW for event in found.made)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    read(Call(body=body), SOURCE, NOW)


def test_a_source_of_receipts_needs_a_signature_and_is_proven_by_it() -> None:
    fields = {"kind": "source", "id": "receipts", "type": "onetrust"}
    token = {"signature": {"scheme": "token", "header": "x-token"}}
    assert problems(fields) != []
    assert problems(fields | token | {"consent_categories": {"Newsletter": ["email"]}}) == []
    source = msgspec.convert(fields | token, Source)
    proves = FORMATS["onetrust"].proves
    assert proves(Call(headers={"x-token": "secret"}, body=b"{}"), source, ["secret"], NOW)
    assert not proves(Call(headers={"x-token": "other"}, body=b"{}"), source, ["secret"], NOW)
    assert not proves(Call(body=b"{}"), source, ["secret"], NOW)


def problems(fields: dict[str, Any]) -> list[str]:
    definition = decode_definition(fields)
    return list(check(definition, snapshot((definition,))))
