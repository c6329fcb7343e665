"""What was refused, mended and replayed: read as at its entrance, by today's definitions, once, with a trace."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from attune.domain.collection.api_keys import BROWSER
from attune.domain.collection.quarantine import Came, Quarantined, Trace
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.tracking_plans import PlannedEvent, TrackingPlan
from attune.domain.errors import AttuneError
from attune.domain.events import Origin, Record, Rejected, decode_record, encode_event, encode_record
from attune.ports import StreamUnavailableError
from attune.use_cases.repairs.replay_quarantined import MAX_INPUTS, TOGETHER
from tests.builders import DAY, EVERYTHING, HOUR, MINUTE, NOW, SECOND, event, identifiers, record, source, wake_event
from tests.faults.quarantine_desk import QuarantineDesk

CONTEXT = {"consent": {"categoryPreferences": dict(EVERYTHING)}}
NOBODY = {"type": "track", "event": "Product Viewed", "context": CONTEXT, "properties": {"visitor": "ada"}}
#: gives the call whom it names in its properties
NAMED = "merge(@, {anonymousId: properties.visitor})"
WITHOUT = "{type: type, userId: userId}"
MAPPING = Mapping(event="'Order Completed'", message_id="id", identifiers={"email": "mail"})


@pytest.fixture
def desk() -> QuarantineDesk:
    return QuarantineDesk()


def refuse(desk: QuarantineDesk, reason: str, raw: bytes, how: dict[str, Any] | None = None, **fields: Any) -> None:
    """Refused input as an entrance puts it onto the stream."""
    given: dict[str, Any] = {
        "source": "shop",
        "origin": Origin.CLIENT,
        "received_at": desk.world.time.now,
        "key": "k",
    } | fields
    refused = Record(**given, rejected=(Rejected(reason=reason, raw=raw, how=how or {}),))
    desk.world.stream.put([(refused.key, encode_record(refused))])
    desk.world.settle()


def only(desk: QuarantineDesk, **wanted: Any) -> Quarantined:
    desk.world.settle()
    [one] = desk.waiting(**wanted)
    return one


def newest(desk: QuarantineDesk) -> Record:
    """The record that was put onto the stream last."""
    return decode_record(desk.world.stream.records[-1].data)


def counted(desk: QuarantineDesk) -> int:
    """Events that all people have done."""
    return sum(state.get("events", 0) for state in desk.profiles())


def traces(desk: QuarantineDesk, one: Quarantined) -> list[Trace]:
    return desk.world.quarantine.traces(one)


def test_a_call_is_patched_tried_dry_and_replayed(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY | {"messageId": "m1"}]})
    one = only(desk, reason="no_identifier", source="shop")
    kept = desk.world.quarantine.read(one)
    plain = desk.replay(ids=[one.id], dry_run=True)
    assert (plain["replayed"], plain["left"]) == (0, {"no_identifier": 1})
    tried = desk.replay(ids=[one.id], patch=NAMED, dry_run=True)
    [shown] = tried["items"]
    assert (tried["replayed"], shown["outcome"]) == (1, "replayed")
    [would_be] = shown["events"]
    assert [list(one) for one in would_be["identifiers"]] == [["anonymous_id", "ada"]]
    assert desk.profiles() == []
    assert traces(desk, one) == []

    done = desk.replay(ids=[one.id], patch=NAMED)
    assert (done["replayed"], done["left"], done["dry_run"]) == (1, {}, False)
    assert counted(desk) == 1
    [trace] = traces(desk, one)
    assert trace == Trace(at=trace.at, by="admin key 12345678", outcome="replayed", patch=NAMED, message_ids=("m1",))
    assert desk.world.quarantine.read(one) == kept
    assert ("InputsReplayed", 1, {"source": "shop"}) in desk.counted


def test_replayed_twice_counts_once_and_a_second_time_only_when_asked(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    desk.replay(ids=[one.id], patch=NAMED)
    size = len(desk.world.stream.records)
    again = desk.replay(ids=[one.id], patch=NAMED)
    assert (again["replayed"], again["skipped"], again["items"]) == (
        0,
        1,
        [{"id": one.id, "outcome": "replayed_before"}],
    )
    assert len(desk.world.stream.records) == size
    assert desk.replay(ids=[one.id], patch=NAMED, again=True)["replayed"] == 1
    assert desk.replay(patch=NAMED, again=True)["replayed"] == 1
    assert len(desk.world.stream.records) == size + 2
    assert counted(desk) == 1


def test_beyond_the_memory_of_the_processor_the_trace_still_tells(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    desk.replay(ids=[one.id], patch=NAMED)
    assert counted(desk) == 1
    desk.world.pass_time(3 * DAY)
    for asked in ({"ids": [one.id]}, {"reason": "no_identifier"}, {}):
        assert desk.replay(patch=NAMED, **asked)["skipped"] == 1
    assert counted(desk) == 1


def test_however_an_input_without_an_id_of_its_own_is_patched_it_counts_once(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    desk.replay(ids=[one.id], patch=NAMED)
    desk.replay(ids=[one.id], patch="merge(@, {anonymousId: properties.visitor, event: 'Product Added'})", again=True)
    assert counted(desk) == 1


def test_an_input_without_an_id_of_its_own_counts_once_with_a_patch_and_without() -> None:
    """The operator repeats it with a patch since the first replay broke off before its trace."""
    desk = QuarantineDesk(source(tracking_plan="p"), TrackingPlan(id="p", unplanned_events="block"))
    desk.send({"batch": [NOBODY | {"anonymousId": "ada"}]})
    one = only(desk)
    desk.definitions.apply(TrackingPlan(id="p"))
    desk.store.broken = True
    with pytest.raises(ConnectionError):
        desk.replay(ids=[one.id])
    desk.store.broken = False
    assert desk.replay(ids=[one.id], patch="merge(@, {event: 'Product Added'})")["replayed"] == 1
    assert counted(desk) == 1


@pytest.mark.parametrize("refusal", ["batch", "header"])
def test_a_call_that_another_batch_refuses_in_the_same_bytes_is_heard(desk: QuarantineDesk, refusal: str) -> None:
    """What is said of consent for all calls of a request, or by its browser, does not lie in their bytes."""
    raw = json.dumps({"type": "track", "event": "Product Viewed", "anonymousId": "ada"}).encode()
    refused = {"consent": {"categoryPreferences": EVERYTHING | {"advertising": False}}}
    again = {"context": refused} if refusal == "batch" else {"context": CONTEXT, "gpc": True}
    for how in ({"context": CONTEXT}, again, again):
        refuse(desk, "unplanned_event", raw, {"call": "track", **how})
    assert desk.replay()["replayed"] == 3
    [state] = desk.profiles()
    assert state["consent"]["advertising"][0] is False
    assert counted(desk) == 2


def test_an_input_without_an_id_of_its_own_counts_once_whatever_definition_reads_it() -> None:
    fields: dict[str, Any] = {"id": "till", "type": "webhook", "origins": (), "consent": dict(EVERYTHING)}
    mapped = Mapping(event="'Order Completed'", identifiers={"email": "mail"})
    desk = QuarantineDesk(source(**fields, mapping=mapped))
    refuse(desk, "no_identifier", b'{"mail": "ada@x.example"}', source="till", origin=Origin.WEBHOOK, trusted=True)
    one = only(desk)
    assert desk.replay(ids=[one.id])["replayed"] == 1
    desk.definitions.apply(source(**fields, mapping=msgspec.structs.replace(mapped, properties={"said": "mail"})))
    assert desk.replay(ids=[one.id], again=True)["replayed"] == 1
    assert counted(desk) == 1


def test_a_replay_that_breaks_off_before_its_trace_is_made_again_and_counts_once(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    desk.store.broken = True
    with pytest.raises(ConnectionError):
        desk.replay(ids=[one.id], patch=NAMED)
    desk.store.broken = False
    assert desk.waiting() == [one]
    assert desk.replay(ids=[one.id], patch=NAMED)["replayed"] == 1
    assert counted(desk) == 1


def test_what_the_stream_does_not_take_has_no_trace(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    desk.out_of_reach = True
    with pytest.raises(StreamUnavailableError):
        desk.replay(patch=NAMED)
    desk.out_of_reach = False
    assert traces(desk, one) == []
    assert desk.replay(patch=NAMED)["replayed"] == 1


def test_a_replay_means_what_was_meant_then(desk: QuarantineDesk) -> None:
    """The clock of the sender, what its batch said once, when it came."""
    sent = {"sentAt": "2025-06-15T10:00:00Z", "context": CONTEXT | {"ip": "192.0.2.1"}, "integrations": {"All": False}}
    call = {"type": "track", "event": "Product Viewed", "timestamp": "2025-06-15T09:59:00Z", "messageId": "m1"}
    good = call | {"anonymousId": "ada", "messageId": "m2"}
    desk.send({"batch": [call | {"properties": {"visitor": "ada"}}, good], **sent})
    received = desk.world.time.now
    one = only(desk)
    desk.world.pass_time(5 * HOUR)
    desk.replay(ids=[one.id], patch=NAMED)
    late = newest(desk)
    [there] = [e for r in desk.world.stream.records for e in decode_record(r.data).events if e.message_id == "m2"]
    [back] = late.events
    assert (back.time, back.context, back.consent) == (there.time, there.context, there.consent)
    assert (late.received_at, late.origin) == (one.received_at, Origin.CLIENT)
    assert late.replayed_at >= received + 5 * HOUR
    assert abs(back.time - (received - MINUTE)) < 10


def test_a_path_s_own_call_is_remembered(desk: QuarantineDesk) -> None:
    desk.send({"event": "Product Viewed", "context": CONTEXT, "properties": {"visitor": "ada"}}, "track")
    assert desk.replay(ids=[only(desk).id], patch=NAMED)["replayed"] == 1
    assert newest(desk).events[0].type == "track"


@pytest.mark.parametrize(("key", "trusted"), [(BROWSER, False), ("server", True)])
def test_who_vouched_for_it_then_vouches_for_it_now_and_nobody_else(
    desk: QuarantineDesk, key: str, trusted: bool
) -> None:
    desk.send({"batch": [NOBODY]}, key=key)
    assert desk.replay(ids=[only(desk).id], patch="merge(@, {userId: 'u1', trusted: `true`})")["replayed"] == 1
    assert newest(desk).trusted is trusted
    assert newest(desk).events[0].identifiers == identifiers(user_id="u1")


@pytest.mark.parametrize("name", ["$wake", "$consent", "$list"])
def test_no_patch_makes_an_event_of_ours(desk: QuarantineDesk, name: str) -> None:
    desk.send({"batch": [NOBODY]})
    one = only(desk)
    for patch in (f"merge(@, {{userId: 'u', type: '{name}'}})", f"merge(@, {{userId: 'u', event: '{name}'}})"):
        assert desk.replay(ids=[one.id], patch=patch)["left"] == {"reserved_name": 1}


def test_what_still_cannot_be_read_stays_with_its_new_reason(desk: QuarantineDesk) -> None:
    desk.send({"batch": [NOBODY | {"timestamp": "yesterday"}]})
    one = only(desk)
    assert one.reason == "no_identifier"
    size = len(desk.world.stream.records)
    answer = desk.replay(ids=[one.id], patch=NAMED)
    assert (answer["left"], answer["items"]) == ({"invalid_time": 1}, [{"id": one.id, "outcome": "invalid_time"}])
    assert len(desk.world.stream.records) == size
    assert desk.waiting() == [one]
    assert [(trace.outcome, trace.message_ids) for trace in traces(desk, one)] == [("invalid_time", ())]
    assert ("InputsLeft", 1, {"source": "shop", "reason": "invalid_time"}) in desk.counted


@pytest.mark.parametrize(
    ("raw", "patch", "outcome"),
    [
        (b'{"type": "page", "userId": "a", "userId": "b"}', "@", "replayed"),
        (b'{"type": "page", "userId": "u", "n": 99999999999999999999}', WITHOUT, "replayed"),
        (b'{"type": "page", "userId": "u", "n": ' + b"[" * 40 + b"]" * 40 + b"}", WITHOUT, "replayed"),
        (b"[1]", "{type: 'page', userId: 'u'}", "replayed"),
        (b"[1]", "@", "invalid_event"),
        (b'{"type": "page"}', "nothing", "invalid_event"),
        (b'{"type": "page"}', "abs(type)", "unpatchable"),
    ],
)  # fmt: skip
def test_a_patch_mends_what_entrances_refuse_and_nothing_raises(
    desk: QuarantineDesk, raw: bytes, patch: str, outcome: str
) -> None:
    desk.send(None, sent=b'{"batch": [' + raw + b"]}")
    assert [item["outcome"] for item in desk.replay(ids=[only(desk).id], patch=patch)["items"]] == [outcome]


def test_a_patch_may_not_make_more_than_an_entrance_takes(desk: QuarantineDesk) -> None:
    filling = "x" * 5_000
    desk.send({"batch": [{"type": "track", "properties": {"x": filling}}]})
    seven = ", ".join(f"p{number}: properties.x" for number in range(7))
    asked = {"ids": [only(desk).id], "patch": f"{{type: 'page', userId: 'u', properties: {{{seven}}}}}"}
    assert desk.replay(**asked)["left"] == {"too_large": 1}


@pytest.mark.parametrize("patch", ["merge(", "nothing(@)", "x" * 5_000, "&a"])
def test_a_patch_that_is_no_expression_is_refused(desk: QuarantineDesk, patch: str) -> None:
    with pytest.raises(AttuneError) as refused:
        desk.replay(patch=patch)
    assert refused.value.code == "invalid_patch"


def test_a_webhook_is_read_anew_by_its_topic_and_its_consent_goes_ahead(desk: QuarantineDesk) -> None:
    body = json.dumps({"note": "ada@example.com", "updated_at": "2025-06-15T15:00:00Z"}).encode()
    desk.webhook(body, "orders/create")
    one = only(desk, source="store")
    assert desk.world.quarantine.read(one) == (
        body,
        Came(origin=Origin.WEBHOOK, trusted=True, how={"headers": {"x-shopify-topic": "orders/create"}}),
    )
    consent = "{state: 'subscribed', consent_updated_at: '2025-06-01T00:00:00Z'}"
    patch = f"merge(@, {{email: note, customer: {{email: note, email_marketing_consent: {consent}}}}})"
    assert desk.replay(ids=[one.id], patch=patch)["replayed"] == 1
    said, last = (decode_record(one.data) for one in desk.world.stream.records[-2:])
    assert (said.origin, said.events[0].type) == (Origin.INTERNAL, "$consent")
    assert (last.origin, last.trusted, last.events[0].name) == (Origin.WEBHOOK, True, "Order Completed")
    assert counted(desk) == 1


def test_after_the_definitions_were_changed_a_plain_replay_reads_anew() -> None:
    desk = QuarantineDesk(source(id="tills", type="file", origins=(), consent=dict(EVERYTHING)))
    row = json.dumps({"id": "o1", "mail": "ada@example.com"}).encode()
    refuse(
        desk,
        "no_identifier",
        row,
        {"file": "imports/tills/a.csv", "row": 2},
        source="tills",
        origin=Origin.FILE,
        trusted=True,
    )
    one = only(desk)
    assert desk.replay(ids=[one.id])["left"] == {"unknown_source": 1}
    desk.definitions.apply(source(id="tills", type="file", origins=(), consent=dict(EVERYTHING), mapping=MAPPING))
    assert desk.replay(reason="no_identifier")["replayed"] == 1
    assert (newest(desk).origin, newest(desk).trusted) == (Origin.FILE, True)
    assert [event.name for event in newest(desk).events] == ["Order Completed"]
    assert counted(desk) == 1


def test_a_row_without_an_id_gets_that_of_its_place_in_the_file_as_at_the_import() -> None:
    mapped = Mapping(event="'Order Completed'", identifiers={"email": "mail"})
    desk = QuarantineDesk(source(id="tills", type="file", origins=(), consent=dict(EVERYTHING), mapping=mapped))
    fields: dict[str, Any] = {"source": "tills", "origin": Origin.FILE, "trusted": True}
    for row in (2, 3):
        refuse(desk, "no_identifier", b'{"mail": null}', {"file": "a.csv", "row": row}, **fields)
    assert desk.replay(patch="{mail: 'ada@example.com'}")["replayed"] == 2
    assert desk.replay(patch="{mail: 'ada@example.com'}", again=True)["replayed"] == 2
    assert counted(desk) == 2


def test_a_source_that_is_gone_leaves_its_inputs_where_they_are(desk: QuarantineDesk) -> None:
    refuse(desk, "no_identifier", b"{}", source="closed")
    assert desk.replay()["left"] == {"unknown_source": 1}


def test_a_browser_s_bad_claim_is_judged_again_and_comes_back_as_an_input_of_its_own(desk: QuarantineDesk) -> None:
    """What the processor refuses lies there anew, since it knows only later; the first one was replayed."""
    bad = event(identifiers=identifiers(email="ada@example.com"), message_id="bad")
    desk.world.send(record(bad, origin=Origin.CLIENT).events[0], key="another partition", origin=Origin.CLIENT)
    one = only(desk)
    assert one.reason == "wrong_partition"
    assert desk.world.quarantine.read(one) == (
        encode_event(bad), Came(origin=Origin.CLIENT, trusted=True, how={"event": True}),
    )  # fmt: skip
    assert desk.replay(ids=[one.id], patch="@")["left"] == {"unpatchable": 1}
    assert desk.replay(ids=[one.id])["replayed"] == 1
    assert counted(desk) == 1


def test_what_the_processor_refuses_again_waits_again(desk: QuarantineDesk) -> None:
    reserved = event("", type="$list", identifiers=identifiers(email="ada@example.com"), message_id="bad")
    desk.world.send(reserved, origin=Origin.CLIENT)
    one = only(desk)
    assert one.reason == "reserved_name"
    desk.replay(ids=[one.id])
    back = only(desk)
    assert (back.reason, back.received_at) == (one.reason, one.received_at)
    assert back != one
    kept = desk.world.quarantine.read(back)
    assert kept is not None
    assert kept[1].replayed_at >= one.received_at
    assert desk.profiles() == []


def test_what_comes_back_while_the_others_are_replayed_is_not_replayed_for_ever(desk: QuarantineDesk) -> None:
    for number in range(6):
        reserved = event("", type="$list", identifiers=identifiers(email="ada@example.com"), message_id=f"m{number}")
        desk.world.send(reserved, origin=Origin.CLIENT)
    desk.world.settle()
    cursor: str | None = ""
    outcomes: list[str] = []
    while cursor is not None:
        answer = desk.replay(limit=1, cursor=cursor)
        desk.world.settle()
        cursor = answer["cursor"]
        outcomes += [item["outcome"] for item in answer["items"]]
    assert outcomes.count("replayed") == 6
    assert set(outcomes) <= {"replayed", "came_back"}
    assert len(desk.waiting()) == 6
    assert desk.replay()["replayed"] == 6


def test_an_event_that_names_its_profile_goes_back_under_its_key(desk: QuarantineDesk) -> None:
    wake = wake_event("p" * 32)
    refuse(desk, "unprocessable", encode_event(wake), {"event": True}, origin=Origin.INTERNAL)
    assert desk.replay()["replayed"] == 1
    assert (newest(desk).key, newest(desk).origin, newest(desk).events) == ("p" * 32, Origin.INTERNAL, (wake,))


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff\x00", b'{"type": 5}', b"[" * 100_000])
def test_bytes_that_are_no_event_of_ours_stay(desk: QuarantineDesk, raw: bytes) -> None:
    refuse(desk, "unprocessable", raw, {"event": True})
    assert desk.replay()["left"] == {"invalid_event": 1}


def test_what_is_no_record_stays_until_it_is_one(desk: QuarantineDesk) -> None:
    desk.world.quarantine.keep("invalid_record", "stream", NOW, b"not a record")
    written = record(event(message_id="m1"))
    desk.world.quarantine.keep("invalid_record", "stream", NOW, encode_record(written))
    assert desk.replay(patch="@")["left"] == {"unpatchable": 2}
    answer = desk.replay()
    assert (answer["replayed"], answer["left"]) == (1, {"invalid_record": 1})
    assert (newest(desk).key, newest(desk).events) == (written.key, written.events)
    assert counted(desk) == 1


def test_parts_that_cannot_be_read_lie_by_themselves_when_the_rest_is_replayed() -> None:
    listing = Mapping(each="rows", event="'Order Completed'", message_id="id", identifiers={"email": "mail"})
    desk = QuarantineDesk(source(id="tills", type="file", origins=(), consent=dict(EVERYTHING), mapping=listing))
    rows = [{"id": "1", "mail": "ada@example.com"}, {"id": "2", "mail": None}]
    place = {"file": "a.ndjson", "row": 1}
    fields: dict[str, Any] = {"source": "tills", "origin": Origin.FILE, "trusted": True}
    refuse(desk, "unmappable", json.dumps({"rows": rows}).encode(), place, **fields)
    assert desk.replay(reason="unmappable")["replayed"] == 1
    assert counted(desk) == 1
    part = only(desk)
    assert part.reason == "no_identifier"
    assert desk.world.quarantine.read(part) == (
        json.dumps(rows[1], separators=(",", ":")).encode(),
        Came(origin=Origin.FILE, trusted=True, how=place | {"item": True}, replayed_at=newest(desk).replayed_at),
    )
    assert desk.replay(ids=[part.id], patch="merge(@, {mail: 'bob@example.com'})")["replayed"] == 1
    assert counted(desk) == 2


def plan_of(*names: str) -> TrackingPlan:
    """Lets in these events and no other."""
    return TrackingPlan(id="plan", events={name: PlannedEvent() for name in names}, unplanned_events="block")


def test_one_of_several_things_that_a_webhook_held_is_read_again_by_itself() -> None:
    desk = QuarantineDesk(source(id="hub", type="hubspot", origins=(), consent=dict(EVERYTHING)))
    change = {"subscriptionType": "contact.changed", "objectId": 5, "portalId": 1, "eventId": 7, "occurredAt": NOW}
    fields: dict[str, Any] = {"source": "hub", "origin": Origin.WEBHOOK, "trusted": True}
    refuse(desk, "unknown_topic", json.dumps(change).encode(), {"item": True}, **fields)
    one = only(desk)
    assert desk.replay(ids=[one.id])["left"] == {"unknown_topic": 1}
    assert desk.replay(ids=[one.id], patch="merge(@, {subscriptionType: 'contact.creation'})")["replayed"] == 1
    assert [said.name for said in newest(desk).events] == ["Contact Created"]
    assert counted(desk) == 1


def test_a_tracking_plan_that_has_learnt_lets_in_what_it_refused() -> None:
    desk = QuarantineDesk(source(tracking_plan="plan"), plan_of())
    refuses = {"consent": {"categoryPreferences": {"analytics": True, "email": False}}}
    desk.send({"batch": [NOBODY | {"anonymousId": "ada", "context": refuses}]})
    one = only(desk, reason="unplanned_event")
    assert desk.replay()["left"] == {"unplanned_event": 1}
    assert [said.consent for said in newest(desk).events] == [{"email": False}]
    desk.definitions.apply(plan_of("Product Viewed"))
    assert desk.replay()["replayed"] == 1
    assert [trace.outcome for trace in traces(desk, one)] == ["unplanned_event", "replayed"]
    assert counted(desk) == 1


def test_many_are_replayed_page_by_page_and_each_once(desk: QuarantineDesk) -> None:
    total = MAX_INPUTS + 2 * TOGETHER + 3
    for number in range(total):
        desk.world.quarantine.keep(
            "no_identifier", "shop", NOW + number,
            json.dumps(NOBODY | {"messageId": f"m{number}", "properties": {"visitor": f"v{number}"}}).encode(),
            Came(origin=Origin.CLIENT),
        )  # fmt: skip
    cursor: str | None = ""
    replayed = calls = 0
    while cursor is not None:
        answer = desk.replay(patch=NAMED, cursor=cursor)
        assert len(answer["items"]) <= MAX_INPUTS
        cursor, replayed, calls = answer["cursor"], replayed + answer["replayed"], calls + 1
    assert (replayed, calls) == (total, 2)
    assert desk.waiting() == []
    assert counted(desk) == total


def test_what_is_large_goes_out_by_itself(desk: QuarantineDesk) -> None:
    """No more at once than a shard takes in a second: else a page of webhooks would be refused again and again."""
    large = json.dumps({"note": "x" * 400_000}).encode()
    for number in range(5):
        came = Came(origin=Origin.WEBHOOK, trusted=True, how={"headers": {"x-shopify-topic": "orders/create"}})
        desk.world.quarantine.keep("no_identifier", "store", NOW + number, large, came)
    assert desk.replay(patch="merge(@, {email: 'ada@example.com'})")["replayed"] == 5
    assert [len(one) for one in desk.puts] == [2, 2, 1]


def test_a_call_that_takes_long_ends_with_what_it_has_done() -> None:
    desk = QuarantineDesk(tick=SECOND)
    for number in range(3 * TOGETHER):
        desk.world.quarantine.keep("no_identifier", "shop", NOW, str(number).encode(), Came(origin=Origin.CLIENT))
    first = desk.replay()
    assert len(first["items"]) == TOGETHER
    assert first["cursor"].endswith("." + first["items"][-1]["id"])
    rest = desk.replay(cursor=first["cursor"])
    assert {item["id"] for item in rest["items"]}.isdisjoint(item["id"] for item in first["items"])


def test_only_what_was_asked_for_is_replayed(desk: QuarantineDesk) -> None:
    for source_id in ("shop", "store"):
        for at in (NOW, NOW + DAY):
            desk.world.quarantine.keep("no_identifier", source_id, at, b"{}", Came(origin=Origin.CLIENT))
    answer = desk.replay(source="shop", since="2025-06-16", until="2025-06-17T23:00:00Z", dry_run=True)
    assert [item["id"].split("-")[0] for item in answer["items"]] == [f"no_identifier.shop.{NOW + DAY}"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ids": []}, "invalid_body"),
        ({"ids": [f"a.b.{n}-{'0' * 32}" for n in range(TOGETHER + 1)]}, "invalid_body"),
        ({"ids": ["x"]}, "unknown_input"),
        ({"ids": [f"a.b.1-{'0' * 32}"], "reason": "a"}, "invalid_body"),
        ({"reason": "a/b"}, "invalid_body"),
        ({"source": "../x"}, "invalid_body"),
        ({"since": "yesterday"}, "invalid_time"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "1.x"}, "invalid_cursor"),
        ({"cursor": "9" * 5_000 + f".a.b.1-{'0' * 32}"}, "invalid_cursor"),
        ({"limit": 0}, "invalid_limit"),
        ({"limit": MAX_INPUTS + 1}, "invalid_limit"),
        ({"patches": "@"}, "invalid_body"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_its_code(desk: QuarantineDesk, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(AttuneError) as refused:
        desk.replay(**asked)
    assert refused.value.code == code


def test_an_input_that_has_expired_is_told_as_gone(desk: QuarantineDesk) -> None:
    assert desk.replay(ids=[f"a.b.1-{'0' * 32}"])["left"] == {"gone": 1}


def test_a_request_about_somebody_s_data_that_was_refused_is_kept_by_its_replay() -> None:
    hub = source(id="hub", type="hubspot", origins=())
    desk = QuarantineDesk(hub)
    body = (
        b'[{"subscriptionType": "contact.privacyDeletion", "objectId": 5, "portalId": 1, "occurredAt": 1750000000000}]'
    )
    refuse(desk, "unknown_topic", body, source="hub", origin=Origin.WEBHOOK, trusted=True)
    assert desk.replay(dry_run=True)["replayed"] == 1
    assert desk.requests.waiting(10) == []
    assert desk.replay()["replayed"] == 1
    assert len(desk.requests.waiting(10)) == 1
