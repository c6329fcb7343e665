"""What else arrives: a till's file, a CRM's webhook, a call that went wrong and is mended; and what became of it."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import httpx

from local.demo.report import Report
from local.demo.shop import EVERYTHING, Shop
from local.state import ROOT, client_settings

#: the source of the shop's own keys, and two more
SHOP, TILLS, CRM = "storefront", "demo_tills", "demo_crm"
#: seconds: for a file to be read; for an event to be in a profile; for a new secret to be known
READ_WITHIN: Final = 120
FOLDED_WITHIN: Final = 60
HEARD_WITHIN: Final = 75
TILLS_DEFINITION: Final[dict[str, Any]] = {
    "kind": "source",
    "id": TILLS,
    "type": "file",
    "consent": {"analytics": True, "personalization": True},
    "mapping": {
        "event": "'Order Completed'",
        "message_id": "receipt",
        "time": "sold_at",
        "identifiers": {"loyalty_id": "card"},
        "properties": {"order_id": "receipt", "total": "to_number(total)"},
    },
}


@dataclass
class Collecting:
    """One telling; `run` makes its customers new ones."""

    shop: Shop
    report: Report
    run: str
    crm_secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def tell(self) -> None:
        """Everything in order."""
        self.report.chapter("A till's file, a CRM's webhook, and a call that went wrong")
        self.shop.admin("PUT", f"/v1/definitions/source/{TILLS}", TILLS_DEFINITION)
        crm = {"kind": "source", "id": CRM, "type": "hubspot", "url": self._crm, "consent": {"analytics": True}}
        self.shop.admin("PUT", f"/v1/definitions/source/{CRM}", crm)
        self.shop.admin("PUT", f"/v1/sources/{CRM}/secrets", {"secrets": [self.crm_secret]})
        self.tills()
        self.mended()
        self.crm()

    def tills(self) -> None:
        """Three sales, two with a loyalty card, dropped into the bucket as `aws s3 cp` would."""
        since = time.monotonic()
        card, key = f"card-{self.run}", f"imports/{TILLS}/{self.run}.csv"
        rows = [f"{self.run}-1,{card},59.90", f"{self.run}-2,{card},12.00", f"{self.run}-3,,7.50"]
        content = "\n".join(["receipt,card,total,sold_at", *(f"{row},2026-03-02T10:15:00Z" for row in rows)])
        store = boto3.client("s3", **client_settings(self.shop.stack.aws_endpoint_url))
        bucket = self.shop.stack.outputs["ImportsBucket"]
        store.put_object(Bucket=bucket, Key=key, Body=content.encode())

        def read() -> dict[str, Any]:
            found = store.list_objects_v2(Bucket=bucket, Prefix=f"{key}.report.json").get("Contents", [])
            return json.loads(store.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read()) if found else {}

        told = self.report.eventually(read, lambda seen: seen.get("state") == "done", READ_WITHIN, "reading the file")
        shown = {name: told.get(name) for name in ("rows", "accepted", "rejected", "rejected_rows")}
        self.report.check(
            "a file of store sales was read, and its report says which row names nobody",
            "3 rows, 2 accepted, row 4 without an identifier",
            f"{shown}",
            ok=(told.get("accepted"), told.get("rejected")) == (2, {"no_identifier": 1})
            and [row["line"] for row in told["rejected_rows"]] == [4],
            since=since,
        )
        since = time.monotonic()
        known = self._eventually("loyalty_id", card)
        self.report.check(
            "the sales are in the profile of the loyalty card",
            "a profile",
            f"{known}",
            ok=known is not None,
            since=since,
        )

    def crm(self) -> None:
        """HubSpot tells of a contact's new address."""
        since = time.monotonic()
        email, now = f"grace-{self.run}@example.com", int(time.time() * 1_000)
        notice = {
            "subscriptionType": "contact.propertyChange",
            "portalId": 1,
            "subscriptionId": 2,
            "objectId": now,
            "occurredAt": now,
            "propertyName": "email",
            "propertyValue": email,
        }
        # a function that has looked at the secrets hears of a new one within a minute; HubSpot tries again too
        status = self.report.eventually(
            lambda: self._notify([notice]), lambda seen: seen == httpx.codes.OK, HEARD_WITHIN, "the secret is new"
        )
        forged = self._notify([notice | {"objectId": 1}], secret=self.crm_secret[::-1])
        known = self._eventually("email", email)
        self.report.check(
            "a CRM's webhook was accepted by its signature, a forged one was not",
            "200, 401, and a profile under the address",
            f"{status}, {forged}, {known and known['identifiers']}",
            ok=(status, forged) == (httpx.codes.OK, httpx.codes.UNAUTHORIZED) and known is not None,
            since=since,
        )

    def mended(self) -> None:
        """A call that names nobody lies in quarantine until somebody says where it says who it was."""
        since = time.monotonic()
        visitor = f"mended-{self.run}"
        call = {"type": "track", "event": "Product Viewed", "messageId": visitor, "properties": {"visitor": visitor}}
        consent = {"context": {"consent": {"categoryPreferences": dict(EVERYTHING)}}}
        self.shop.send_json({"batch": [call], **consent})
        patch = "merge(@, {anonymousId: properties.visitor})"
        replay = (
            "quarantine",
            "replay",
            "--reason",
            "no_identifier",
            "--source",
            SHOP,
            "--since",
            "15m",
            "--patch",
            patch,
        )
        told = self.report.eventually(lambda: self._attune(*replay), lambda said: "1 replayed" in said, FOLDED_WITHIN)
        known = self._eventually("anonymous_id", visitor)
        self.report.check(
            "a call without an identifier was found in quarantine, mended by a patch and replayed",
            "1 replayed, and a profile",
            f"{told}, {known and known['profile_id']}",
            ok="1 replayed" in told and known is not None,
            since=since,
        )

    def books(self) -> None:
        """Once a run has counted: nothing that arrived is unaccounted for."""
        self.report.chapter("What became of everything that arrived")
        since = time.monotonic()
        for line in self._attune("ledger").splitlines():
            self.report.say(line)
        sources = self.shop.admin("GET", "/v1/ledger")["sources"]
        unbalanced = [one["source"] for one in sources if not _balances(one)]
        seen = {one["source"]: one["received"] for one in sources}
        self.report.check(
            "received = accepted + rejected, and every accepted event has an end",
            f"all sources balance, {TILLS} and {CRM} among them",
            f"{seen}; not: {unbalanced}",
            ok=not unbalanced and {TILLS, CRM} <= seen.keys(),
            since=since,
        )

    @property
    def _crm(self) -> str:
        return f"{self.shop.stack.api_url}/v1/webhooks/{CRM}"

    def _notify(self, batch: list[dict[str, Any]], secret: str = "") -> int:
        body, stamp = json.dumps(batch).encode(), str(int(time.time() * 1_000))
        signed = f"POST{self._crm}".encode() + body + stamp.encode()
        digest = base64.b64encode(hmac.digest((secret or self.crm_secret).encode(), signed, hashlib.sha256)).decode()
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Request-Timestamp": stamp,
            "X-HubSpot-Signature-v3": digest,
        }
        return httpx.post(self._crm, content=body, headers=headers, timeout=30, trust_env=False).status_code

    def _eventually(self, namespace: str, value: str) -> dict[str, Any] | None:
        return self.report.eventually(
            lambda: self.shop.profile(namespace, value), lambda found: found is not None, FOLDED_WITHIN
        )

    def _attune(self, *arguments: str) -> str:
        """What the command says, as an operator runs it."""
        stack = self.shop.stack
        keys = {"ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key}
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={**os.environ, **keys},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout.strip() or done.stderr.strip()


def _balances(one: dict[str, Any]) -> bool:
    ends = one["applied"] + one["duplicate"] + one["conflict"]
    ends += sum(one["dropped"].values()) + sum(one["quarantined"].values())
    return bool(one["accepted"] == ends and one["received"] == one["accepted"] + sum(one["rejected"].values()))
