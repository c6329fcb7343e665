"""A service is out of reach for an hour: entrances take nothing and say so, what has been taken is read again until the
service is back, and then everybody is what they did. (The receivers of messages are no service of ours.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from attune.adapters.aws_outages import ThrottledError
from attune.adapters.memory import (
    MemoryDeliveries,
    MemoryHolds,
    MemoryKeys,
    MemoryProfiles,
    MemorySecrets,
    MemoryStream,
)
from attune.adapters.memory_allowances import MemoryAllowances
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.domain.collection.api_keys import SERVER, digest, new_key
from attune.ports import Commit, Key
from attune.runtime.http import Request, Response, respond
from attune.sources.shopify import sign
from attune.sources.webhooks import Call
from attune.use_cases.collection.collect_events import CollectEvents, Submission
from attune.use_cases.collection.receive_webhook import ReceiveWebhook
from attune.use_cases.processing.wake_profiles import WakeProfiles
from attune.use_cases.profiles.manage_profiles import ManageProfiles, read_address
from tests.builders import HOUR, MINUTE, NOW, SECOND, Pseudonyms, definitions, profile_id, profile_item, source
from tests.faults.effort import seeds
from tests.faults.test_crash_points import Story, check_posts
from tests.faults.test_schedules import Life, check_life
from tests.faults.troubles import DEPLOYED, Outage, Throttled
from tests.faults.wires import Steady, Unavailable, Wire, wired
from tests.faults.world import LONG_ENOUGH, Fixed

SERVICES = (
    "process_events.profiles",
    "process_events.lake",
    "process_events.quarantine",
    "process_events.definitions",
    "process_events.champions",
    "run_campaigns.profiles",
    "run_campaigns.holds",
    "run_campaigns.definitions",
    "run_campaigns.deliveries",
    "run_campaigns.queue",
    "deliver_messages.profiles",
    "deliver_messages.holds",
    "deliver_messages.definitions",
    "deliver_messages.deliveries",
    "deliver_messages.secrets",
    "deliver_messages.queue",
)
#: before anything, in the middle of the five minutes that the story takes, when its cart becomes due
STARTS = (0, 4 * MINUTE, 16 * MINUTE)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story().tell().outcome()


def whatever_was_first(outcome: dict[str, Any]) -> dict[str, Any]:
    """Without the stays that are over: a fold that comes late sees one begin that an order further back then ends.

    And without scores: one that comes with the very first events of a person finds nobody yet.
    """
    profiles = [
        {
            **state,
            "scores": None,
            "memberships": {
                name: stay for name, stay in state.get("memberships", {}).items() if stay[1] is None and name != "vip"
            },
        }
        for state in outcome["profiles"]
    ]
    return {**outcome, "profiles": profiles}


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start // MINUTE}min")
@pytest.mark.parametrize("service", SERVICES)
def test_what_waits_out_an_hour_comes_out_the_same(service: str, start: int, undisturbed: dict[str, Any]) -> None:
    wire = Outage(service, NOW + start, HOUR)
    story = Story(wire, mapping=DEPLOYED)
    wire.clock = lambda: story.world.time.now
    story.tell()
    story.world.pass_time(LONG_ENOUGH)
    assert not story.world.process.given_up
    assert not story.world.campaigns.given_up
    assert not story.world.delivery.dead
    outcome = story.outcome()
    if start == 0 and service.startswith("process_events"):
        assert whatever_was_first(outcome) == whatever_was_first(undisturbed)
    else:
        assert outcome == undisturbed
    check_posts(story.world)


@pytest.mark.parametrize("seed", seeds(15, long=400))
def test_what_was_throttled_for_five_minutes_has_come_through_soon_after(seed: int) -> None:
    """Up to every second call is refused; with pauses of a second between tries nothing is given up."""
    life = Life(seed, shards=1 + seed % 3, mapping={**DEPLOYED, "pause": SECOND})
    wire = Throttled(Random(seed), share=0.5 * (seed % 10 + 1) / 10, end=NOW + 5 * MINUTE)
    life.world.wire = wire
    wire.clock = lambda: life.world.time.now
    for _ in range(10):
        for person in life.people:
            life._send_request(person)
        life.world.pass_time(20 * SECOND)
    assert wire.refused
    life.world.pass_time(10 * MINUTE)
    assert life.world.process.next_try() is None
    life.end()
    life.world.pass_time(10 * MINUTE)  # what timed out is tried again after its pause
    assert not life.world.process.given_up
    check_life(life)


# --------------------------------------------------------------------------------------------------- the wake-up


@pytest.mark.parametrize("service", ["due", "stream"])
def test_who_comes_due_in_an_hour_without_wake_ups_is_woken_after_it(service: str) -> None:
    profiles, stream, now = MemoryProfiles(), MemoryStream(), NOW
    for number in range(60):
        due = profile_item(number, due_at=NOW + number * MINUTE)
        profiles.commit(Commit(items=((None, due),)))

    def clock() -> int:
        return now

    wire = Outage(service, NOW + 10 * MINUTE, HOUR, clock)
    wake = WakeProfiles(
        due=wired(wire, "due", profiles),
        stream=wired(wire, "stream", stream),
        clock=clock,
        sleep=lambda _: None,
        stream_shards=1,
        count=lambda *_: None,
    )
    for minute in range(90):
        now = NOW + minute * MINUTE
        try:
            wake()
        except Unavailable:
            assert 10 <= minute < 70
    assert wire.failed >= 1
    assert {one.partition_key for one in stream.records} == {profile_id(number) for number in range(60)}


# --------------------------------------------------------------------------------------------------- the entrances

SHOP = source(id="store", type="shopify", origins=(), consent={"analytics": True})
SHOP_SECRET = "shop secret"


class Entrances:
    """The functions that take what customers do and say, every port wired."""

    def __init__(self, wire: Wire) -> None:
        self.stream, self.holds = MemoryStream(), MemoryHolds()
        key_id, self._token = new_key(SERVER, bytes)
        keys = MemoryKeys()
        keys.add(Key(key_id=key_id, source="shop", type=SERVER, digest=digest(self._token), created_at=NOW))
        ports: dict[str, Any] = {
            "definitions": wired(wire, "definitions", Fixed(definitions(SHOP))),
            "stream": wired(wire, "stream", self.stream),
            "pseudonyms": wired(wire, "pseudonyms", Pseudonyms()),
        }
        self._collect = CollectEvents(
            keys=wired(wire, "keys", keys), allowances=MemoryAllowances(), count=lambda *_: None, **ports
        )
        secrets = MemorySecrets({"store": (SHOP_SECRET,)})
        self._receive = ReceiveWebhook(
            secrets=wired(wire, "secrets", secrets),
            requests=MemoryPrivacyRequests(),
            count=lambda *_: None,
            **ports,
        )
        self._manage = ManageProfiles(
            profiles=MemoryProfiles(),
            deliveries=MemoryDeliveries(),
            holds=wired(wire, "holds", self.holds),
            keys=wired(wire, "keys", keys),
            in_flight=lambda _: False,
            clock=lambda: NOW,
            **ports,
        )

    def collect(self) -> None:
        call = {"type": "track", "event": "Page", "anonymousId": "me", "messageId": "m1"}
        calls = [call, {**call, "messageId": "m2", "anonymousId": "you"}, {"type": "nothing", "messageId": "m3"}]
        body = json.dumps({"batch": calls}).encode()
        self._collect(Submission(call="batch", body=body, token=self._token), NOW)

    def receive(self) -> None:
        body = json.dumps({"id": 1, "token": "cart-1", "line_items": []}).encode()
        signature = sign(SHOP_SECRET, body).decode()
        headers = {"x-shopify-hmac-sha256": signature, "x-shopify-topic": "carts/create"}
        self._receive("store", Call(headers=headers, body=body), NOW)

    def withdraw(self) -> None:
        key = self._manage.authorise(self._token)
        self._manage.set_consent("user_id:me", b'{"consent": {"email": false}}', key)


ENTRANCES = [Entrances.collect, Entrances.receive, Entrances.withdraw]


def ports_of(call: Callable[[Entrances], None]) -> list[str]:
    wire = Steady()
    call(Entrances(wire))
    return sorted(set(wire.calls))


def answer(entrances: Entrances, entrance: Callable[[Entrances], None]) -> Response:
    """What the gateway gets."""

    def endpoint(_: Request) -> Response:
        entrance(entrances)
        return Response()

    return respond({}, endpoint, lambda _: None)


def aws_error(code: str, status: int) -> Exception:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")  # type: ignore[typeddict-item] # what the rest says nobody reads


OUT_OF_REACH: dict[str, Callable[[str], Exception]] = {
    "throttled": lambda _: aws_error("ThrottlingException", 400),
    "too much for the table": lambda _: aws_error("ProvisionedThroughputExceededException", 400),
    "a fault of the service": lambda _: aws_error("InternalServerError", 500),
    "nobody there": lambda _: EndpointConnectionError(endpoint_url="https://service"),
    "no answer": lambda _: ReadTimeoutError(endpoint_url="https://service"),
    "keys left unread": ThrottledError,
}
OUR_FAULT: dict[str, Callable[[str], Exception]] = {
    "no permission": lambda _: aws_error("AccessDeniedException", 400),
    "no table": lambda _: aws_error("ResourceNotFoundException", 400),
    "a bug": KeyError,
}


@pytest.mark.parametrize("says", OUT_OF_REACH.values(), ids=list(OUT_OF_REACH))
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_an_entrance_asks_to_come_again_for_what_it_could_not_store(
    entrance: Callable[[Entrances], None], says: Callable[[str], Exception]
) -> None:
    calm = Entrances(Steady())
    assert answer(calm, entrance).status == 200
    assert calm.stream.records
    ports = ports_of(entrance)
    assert len(ports) >= 4
    for port in ports:
        shut = Entrances(Outage(port, NOW, HOUR, clock=lambda: NOW, says=says))
        refused = answer(shut, entrance)
        assert (refused.status, refused.body["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert shut.stream.records == []
        back = Entrances(Outage(port, NOW, HOUR, clock=lambda: NOW + HOUR, says=says))
        assert answer(back, entrance).status == 200
        assert back.stream.records == calm.stream.records


@pytest.mark.parametrize("says", OUR_FAULT.values(), ids=list(OUR_FAULT))
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_does_not_pass_by_itself_is_no_outage(
    entrance: Callable[[Entrances], None], says: Callable[[str], Exception]
) -> None:
    for port in ports_of(entrance):
        shut = Entrances(Outage(port, NOW, HOUR, clock=lambda: NOW, says=says))
        refused = answer(shut, entrance)
        assert (refused.status, refused.body["code"]) == (500, "internal")
        assert shut.stream.records == []


def test_a_withdrawal_whose_event_could_not_be_stored_acts_nevertheless() -> None:
    shut = Entrances(Outage("stream", NOW, HOUR, clock=lambda: NOW, says=OUT_OF_REACH["nobody there"]))
    assert answer(shut, Entrances.withdraw).status == 503
    assert shut.holds.held([Pseudonyms().key(read_address("user_id:me"))]) == {"email": NOW}
