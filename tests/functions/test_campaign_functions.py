"""run_campaigns and deliver_messages as Lambda loads them: from their files, with settings from the environment."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from standardwebhooks import Webhook

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.campaigns.deliveries import State
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.profiles.carts import Cart
from attune.domain.profiles.changes import SegmentEntered, encode_outbox
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Profile, Timer, Trait
from attune.domain.profiles.state import encode_profile
from attune.domain.segments import compile_segments
from attune.ports import Commit, ProfileItem
from attune.runtime.clock import now
from tests.adapters.cloud import REGION, Cloud
from tests.builders import DAY, MINUTE, campaign, channel, definition_list, definitions, profile_id

FUNCTIONS = Path(__file__).parents[2] / "functions"
WHSEC = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:x", aws_request_id="r"
)


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent; answers with the statuses of the list in turn."""

    received: list[tuple[dict[str, str], bytes]]
    statuses: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.statuses.pop(0) if self.statuses else 200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    kept = type("Kept", (Receiver,), {"received": [], "statuses": []})
    server = HTTPServer(("127.0.0.1", 0), kept)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks", kept
    server.shutdown()
    server.server_close()
    thread.join()


class Deployed:
    """The tables, the queue and the secrets of both functions, and one shopper who has just abandoned a cart."""

    def __init__(self, url: str) -> None:
        cloud = Cloud()
        self.names = {role: cloud.table(role) for role in ("profiles", "identities", "deliveries", "definitions")}
        self.queue = cloud.client("sqs").create_queue(QueueName=cloud.name("queue"))["QueueUrl"]
        self.secret = cloud.secret(json.dumps({"shop_webhook": [WHSEC]}))
        self.tables, self.sqs = cloud.client("dynamodb"), cloud.client("sqs")
        message = {"greeting": "Hello {{ traits.first_name }}", "products": {"value": "cart.products"}}
        store = DynamoDefinitions(self.tables, self.names["definitions"], clock=now)
        for definition in definition_list(channel(url=url), campaign(message=message)):
            store.put(definition, read_version=None)
        self.entered = SegmentEntered("abandoned_cart", now() - MINUTE, "cart-1")
        self.store_shopper()

    def store_shopper(self) -> None:
        keyed = compile_segments(definitions()).segments["abandoned_cart"].keyed
        assert keyed is not None
        at = self.entered.at - 15 * MINUTE
        profile = Profile(
            profile_id=profile_id(),
            consent={name: Consent(True, at, "shop") for name in ("analytics", "personalization", "email")},
            timers={keyed.slot: {"cart-1": Timer(did=at)}},
            carts={"cart-1": Cart(products=[{"sku": "tea", "quantity": 2}])},
            traits={"first_name": Trait("Ada", at, b"1")},
        )
        item = ProfileItem(profile_id=profile_id(), version=1, state=encode_profile(profile))
        store = DynamoProfiles(self.tables, profiles=self.names["profiles"], identities=self.names["identities"])
        store.commit(Commit(items=((None, item),)))

    def environment(self) -> dict[str, str]:
        return {
            **{f"{role.upper()}_TABLE": name for role, name in self.names.items()},
            "DELIVERY_QUEUE_URL": self.queue,
            "CHANNEL_SECRETS": self.secret,
            "ALLOWED_ADDRESSES": "127.0.0.1/32",
        }

    def deliveries(self) -> list[Any]:
        return DynamoDeliveries(self.tables, self.names["deliveries"]).of_profile(profile_id())

    def stream_event(self, outbox: str = "") -> dict[str, Any]:
        text = outbox or encode_outbox((self.entered,))
        image = {"profile_id": {"S": profile_id()}, "outbox": {"S": text}, "version": {"N": "2"}}
        records = [
            {"eventName": "REMOVE", "dynamodb": {"Keys": {}, "SequenceNumber": "1"}},
            {"eventName": "MODIFY", "dynamodb": {"NewImage": {"profile_id": {"S": "x"}}, "SequenceNumber": "2"}},
            {"eventName": "MODIFY", "dynamodb": {"NewImage": image, "SequenceNumber": "3"}},
        ]
        return {"Records": records}

    def queue_event(self) -> dict[str, Any]:
        received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return {
            "Records": [
                {"messageId": one["MessageId"], "receiptHandle": one["ReceiptHandle"], "body": one["Body"]}
                for one in received
            ]
        }


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, receiver: tuple[str, type[Receiver]]) -> Iterator[Deployed]:
    settings = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # moto keeps in-process HTTP of other libraries alone: the webhook itself goes over a real socket.
    with mock_aws():
        boto3.setup_default_session()
        stack = Deployed(receiver[0])
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        yield stack


def load(function: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    spec = importlib.util.spec_from_file_location(f"{function}_handler", FUNCTIONS / function / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda event: module.handler(event, CONTEXT)


def test_from_a_segment_change_to_a_webhook_that_the_receiver_verifies(
    deployed: Deployed, receiver: tuple[str, type[Receiver]]
) -> None:
    assert load("run_campaigns")(deployed.stream_event()) == {"batchItemFailures": []}
    assert load("deliver_messages")(deployed.queue_event()) == {"batchItemFailures": []}
    ((headers, body),) = receiver[1].received
    assert Webhook(WHSEC).verify(body, headers) == {
        "greeting": "Hello Ada",
        "products": [{"sku": "tea", "quantity": 2}],
    }
    (delivery,) = deployed.deliveries()
    assert (delivery.state, headers["webhook-id"]) == (State.DELIVERED, delivery.delivery_id)


def test_a_delivery_is_gone_when_the_purpose_of_its_channel_says(deployed: Deployed) -> None:
    store = DynamoDefinitions(deployed.tables, deployed.names["definitions"], clock=now)
    store.put(Purpose(id="email", retention=Retention(messages="40d")), read_version=None)
    load("run_campaigns")(deployed.stream_event())
    [delivery] = deployed.deliveries()
    assert delivery.expires_at == (delivery.created_at + 40 * DAY) // 1_000


def test_a_failed_attempt_reports_its_message_and_hides_it_until_the_next(
    deployed: Deployed, receiver: tuple[str, type[Receiver]]
) -> None:
    receiver[1].statuses[:] = [503]
    load("run_campaigns")(deployed.stream_event())
    event = deployed.queue_event()
    failures = load("deliver_messages")(event)["batchItemFailures"]
    assert failures == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert deployed.queue_event() == {"Records": []}
    assert deployed.deliveries()[0].reason == "status_503"


def test_the_same_stream_batch_again_changes_nothing(deployed: Deployed, receiver: tuple[str, type[Receiver]]) -> None:
    run, deliver = load("run_campaigns"), load("deliver_messages")
    for _ in range(2):
        run(deployed.stream_event())
        deliver(deployed.queue_event())
    assert len(receiver[1].received) == 1
    assert len(deployed.deliveries()) == 1


def test_an_outage_reports_the_records_sequence_number(deployed: Deployed) -> None:
    run = load("run_campaigns")
    deployed.tables.delete_table(TableName=deployed.names["deliveries"])
    assert run(deployed.stream_event()) == {"batchItemFailures": [{"itemIdentifier": "3"}]}


def test_bad_data_fails_no_batch_and_no_log_quotes_it(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert load("run_campaigns")(deployed.stream_event("ada@example.com")) == {"batchItemFailures": []}
    foreign = {"messageId": "m", "receiptHandle": "not one", "body": "ada@example.com"}
    assert load("deliver_messages")({"Records": [foreign]}) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert "ada@example.com" not in "".join(capsys.readouterr())


def test_the_receivers_address_is_not_reached_unless_it_is_opened(
    deployed: Deployed, receiver: tuple[str, type[Receiver]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_ADDRESSES", "")
    load("run_campaigns")(deployed.stream_event())
    load("deliver_messages")(deployed.queue_event())
    assert receiver[1].received == []
    assert deployed.deliveries()[0].reason == "refused_address"
