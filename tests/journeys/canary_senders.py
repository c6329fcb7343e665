"""Who else tells of a person: shops and CRMs by webhook, tills by files; and where what was told gets stuck."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from attune.sources import hubspot
from local.first_steps import SETTLING
from tests.failed_batches import document, kinesis_record
from tests.journeys.canaries import eventually

if TYPE_CHECKING:
    from tests.journeys.canaries import Person

SECRET: Final = "a-secret-of-the-canaries"
ORGANIZATION: Final = "00D000000000062EAA"
VOUCHED: Final = {"analytics": True, "personalization": True}
JSON: Final = {"Content-Type": "application/json"}


class Senders:
    """Each a source of this run alone, so that no secret of another run is remembered anywhere."""

    def __init__(self, person: Person) -> None:
        self.person, self.canaries = person, person.canaries
        self._number = self.canaries.number

    def connect(self) -> None:
        """All of them, so that all functions hear of them at once."""
        tills = {
            "identifiers": {"loyalty_id": "card", "email": "mail"},
            "time": "at",
            "event": "'Store Visit'",
            "properties": {"name": "name", "extra": "extra"},
        }
        told: dict[str, dict[str, Any]] = {
            "shop": {"type": "shopify", "shop_domain": self._shop},
            "crm": {"type": "hubspot", "url": f"{self.person.stack.api_url}/v1/webhooks/{self.source('crm')}"},
            "pay": {"type": "stripe"},
            "sales": {"type": "salesforce", "organization_id": ORGANIZATION},
            "receipts": {
                "type": "onetrust",
                "signature": {"scheme": "token", "header": "Authorization", "prefix": "Bearer "},
            },
            "tills": {"type": "file", "mapping": tills},
        }
        for name, says in told.items():
            definition = {"kind": "source", "id": self.source(name), "consent": VOUCHED, **says}
            self.person.admin("PUT", f"/v1/definitions/source/{self.source(name)}", definition)
            if name != "tills":
                self.person.admin("PUT", f"/v1/sources/{self.source(name)}/secrets", {"secrets": [SECRET]})
        time.sleep(SETTLING)

    def source(self, name: str) -> str:
        return f"{name}_{self._number}"

    @property
    def _shop(self) -> str:
        return f"c{self._number}.myshopify.com"

    # ---------------------------------------------------------------------------------------------------- webhooks

    def tell(self) -> None:
        """Orders, contacts, customers, receipts; all of them by the address, so that it is one person."""
        self._order_in_the_shop()
        self._change_the_contact()
        self._pay()
        self._change_in_sales()
        self._choose_what_nobody_mapped()

    def _post(self, name: str, body: bytes, headers: dict[str, str], query: str = "") -> None:
        target = f"/v1/webhooks/{self.source(name)}{query}"
        answer = self.person.api.post(target, content=body, headers=headers)
        assert answer.status_code == 200, (name, answer.text)

    def _of_the_shop(self, topic: str, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": self._shop,
            "X-Shopify-Webhook-Id": f"{topic}-{self._number}",
            "X-Shopify-Hmac-SHA256": base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode(),
        }
        self._post("shop", body, JSON | headers)

    def _order_in_the_shop(self) -> None:
        one = self.canaries
        customer = {"id": int(one.customer), "email": one.mail, "verified_email": True}
        self._of_the_shop(
            "orders/create",
            {
                "id": int(self._number) + 3,
                "email": one.mail,
                "cart_token": one.hooktoken,
                "customer": customer | {"first_name": one.hookname, "last_name": one.hooklast},
                "line_items": [{"id": 1, "product_id": 2, "title": one.hooksold, "quantity": 1, "price": "5.00"}],
                "total_price": "5.00",
                "currency": "EUR",
            },
        )

    def ask_by_the_shop(self) -> None:
        """A request that waits for the officer's word, and names an order."""
        one = self.canaries
        customer = {"id": int(one.customer), "email": one.mail}
        asked = {"shop_domain": self._shop, "customer": customer, "orders_requested": [int(one.asked)]}
        self._of_the_shop("customers/data_request", asked | {"data_request": {"id": 1}})

    def _change_the_contact(self) -> None:
        one, at = self.canaries, int(time.time() * 1_000)  # before they consented it would not be linked
        changes = {"email": one.mail, "jobtitle": one.hubtitle, "favourite": one.hubown}
        contact: dict[str, Any] = {
            "subscriptionType": "contact.propertyChange",
            "portalId": 1,
            "objectId": int(self._number),
        }
        contact["occurredAt"] = at
        body = json.dumps([contact | {"propertyName": name, "propertyValue": said} for name, said in changes.items()])
        stamp = str(at)
        address = hubspot.signed_address(f"{self.person.stack.api_url}/v1/webhooks/{self.source('crm')}", "")
        signature = hubspot.sign(SECRET, "POST", address, body.encode(), stamp).decode()
        headers = {"X-HubSpot-Request-Timestamp": stamp, "X-HubSpot-Signature-v3": signature}
        self._post("crm", body.encode(), JSON | headers)

    def _pay(self) -> None:
        one, now = self.canaries, int(time.time())
        customer: dict[str, Any] = {"id": one.stripeid, "email": one.mail, "name": one.stripename}
        customer["address"] = {"line1": one.stripestreet}
        event = {"id": f"evt_{self._number}", "type": "customer.created", "created": now, "data": {"object": customer}}
        body = json.dumps(event).encode()
        signature = hmac.digest(SECRET.encode(), f"{now}.".encode() + body, "sha256").hex()
        self._post("pay", body, JSON | {"Stripe-Signature": f"t={now},v1={signature}"})

    def _change_in_sales(self) -> None:
        one = self.canaries
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
            '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
            f"<OrganizationId>{ORGANIZATION}</OrganizationId><Notification><Id>04l{self._number}</Id>"
            '<sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
            f"<sf:Id>003{self._number}</sf:Id><sf:Email>{one.mail}</sf:Email><sf:Name>{one.salesname}</sf:Name>"
            f"<sf:Department>{one.salesdept}</sf:Department>"
            "</sObject></Notification></notifications></e:Body></e:Envelope>"
        ).encode()
        headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
        self._post("sales", body, headers, f"?token={SECRET}")

    def _choose_what_nobody_mapped(self) -> None:
        """It waits in quarantine, whatever is written beside it."""
        one = self.canaries
        purposes = [{"name": "Knitting", "status": "ACTIVE", "note": one.trusted}]
        receipt = {"receiptId": "r-1", "identifier": one.mail, "identifierType": "Email", "purposes": purposes}
        receipt["interactionDate"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._post("receipts", json.dumps(receipt).encode(), JSON | {"Authorization": f"Bearer {SECRET}"})

    # ------------------------------------------------------------------------------------------------------- files

    def drop_files(self) -> None:
        """With somebody else in each but the table."""
        one = self.canaries
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())  # before they consented it would not be kept
        head, bob = "card,mail,at,name,extra", f"other-{self._number},,{at},Bob,"
        rows = f"{head}\n{bob}\n{one.card},{one.mail},{at},{one.csvname},{one.csvextra}\n".encode()
        line = {"card": one.card, "mail": one.mail, "at": at, "name": one.ndjsonname, "extra": {"deep": one.ndjsonprop}}
        other = {"card": f"other-{self._number}", "at": at, "name": "Bob"}
        lines = f"{json.dumps(line)}\n{json.dumps(other)}\n".encode()
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "visits.parquet"
            cells = {"card": one.card, "mail": one.mail, "at": at, "name": one.tablename, "extra": ""}
            columns = ", ".join(f"'{cell}' AS {name}" for name, cell in cells.items())
            duckdb.sql(f"SELECT {columns}").write_parquet(str(table))
            dropped = {"visits.csv": rows, "visits.ndjson": lines, "visits.parquet": table.read_bytes()}
        bucket, s3 = self.person.stack.outputs["ImportsBucket"], self.person.aws("s3")
        keys = [f"imports/{self.source('tills')}/{name}" for name in dropped]
        for key, content in zip(keys, dropped.values(), strict=True):
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        eventually(lambda: all(self._is_read(s3, bucket, key) for key in keys))

    def _is_read(self, s3: Any, bucket: str, key: str) -> bool:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}.report.json").get("Contents")
        if not found:
            return False
        state = json.loads(s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read())
        assert state["state"] != "failed", state
        return bool(state["state"] != "reading")

    # ------------------------------------------------------------------------------------------ where it gets stuck

    def be_given_up(self) -> None:
        """A batch with one more of their requests lies in the bucket of those that were given up, as AWS leaves it."""
        one, stream = self.canaries, self.person.stack.outputs["StreamName"]
        key, data = self._carried(stream)
        record = json.loads(data)
        [event, *_] = record["events"]
        event |= {"message_id": f"given-{self._number}", "time": event["time"] + 1, "traits": {"given": one.given}}
        record["events"] = [event]
        name = f"aws/lambda/{uuid.uuid4()}/shardId-000000000000/2025/06/15/2025-06-15T15.06.40-{uuid.uuid4()}"
        body = document([kinesis_record(key, json.dumps(record).encode())])
        self.person.aws("s3").put_object(Bucket=self.person.stack.outputs["FailuresBucket"], Key=name, Body=body)

    def _carried(self, stream: str) -> tuple[str, bytes]:
        """A request of theirs as the stream carried it: key and bytes."""
        kinesis, text = self.person.aws("kinesis"), f"a-{self._number}".encode()
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            place = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while place:
                found = kinesis.get_records(ShardIterator=place, Limit=10_000)
                for record in found["Records"]:
                    if text in record["Data"]:
                        return record["PartitionKey"], record["Data"]
                place = found["NextShardIterator"] if found["Records"] else ""
        raise AssertionError("the stream has no such record")


class Gone:
    """An endpoint that takes nothing any more: each message to it becomes a dead letter."""

    def __init__(self) -> None:
        self.asked = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.asked += 1
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self.send_response(410)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody needs to know."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hooks"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
