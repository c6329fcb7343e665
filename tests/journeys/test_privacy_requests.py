"""What a person may ask of the deployed stack through `attune privacy`: shown, corrected, restricted, forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import httpx
import pytest

from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from local.state import Stack

pytestmark = pytest.mark.cloud


def attune(stack: Stack, *arguments: str, timeout: float = 420) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "cli", "privacy", *arguments],
        cwd=ROOT,
        env={"ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def said(output: str) -> dict[str, Any]:
    """What a command has printed behind the request's id."""
    found: dict[str, Any] = json.loads(output[output.index("{") :])
    return found


def eventually[T](look: Callable[[], T | None], seconds: float = 30) -> T:
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.3)
    return found


def call(stack: Stack, path: str, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{stack.api_url}{path}", headers=headers, trust_env=False, timeout=35)


def profile(stack: Stack, address: str) -> dict[str, Any] | None:
    answer = call(stack, f"/v1/profiles/{address}", stack.server_key)
    return dict(answer.json()) if answer.status_code == 200 else None


def send(stack: Stack, *events: dict[str, Any]) -> None:
    agreed = dict.fromkeys(("analytics", "personalization", "email"), True)
    body = {"batch": list(events), "context": {"consent": {"categoryPreferences": agreed}}}
    auth = (stack.server_key, "")
    answer = httpx.post(f"{stack.api_url}/v1/batch", json=body, auth=auth, trust_env=False, timeout=35)
    assert answer.status_code == 200, answer.text


def withdraw(stack: Stack, address: str, purpose: str) -> None:
    answer = httpx.put(
        f"{stack.api_url}/v1/profiles/{address}/consent",
        headers={"Authorization": f"Bearer {stack.server_key}"},
        json={"consent": {purpose: False}},
        trust_env=False,
        timeout=35,
    )
    assert answer.status_code == 202, answer.text
    eventually(lambda: ((profile(stack, address) or {})["consent"][purpose]["source"] != "hold") or None)


def objects(stack: Stack) -> Any:
    make: Any = boto3.client
    return make("s3", **client_settings(stack.aws_endpoint_url))


def dropped(email: str) -> dict[str, bytes]:
    """Files with a row of theirs, as rows and as a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        duckdb.sql(f"SELECT '{email}' AS email").write_parquet(str(path))
        table = path.read_bytes()
    return {"one.csv": f"email,x\nnobody@example.com,1\n{email},2\n".encode(), "two.parquet": table}


def in_documents(stack: Stack, text: str) -> list[str]:
    """Versions in the audit bucket that hold a text."""
    bucket, s3 = stack.outputs["AuditBucket"], objects(stack)
    listed = s3.list_object_versions(Bucket=bucket).get("Versions", ())
    bodies = (
        (one["Key"], s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read())
        for one in listed
    )
    return [key for key, body in bodies if text.encode() in body]


def test_a_person_is_shown_corrected_restricted_and_forgotten(stack: Stack) -> None:
    stamp = str(int(time.time() * 1_000))
    ann, email = f"ann-{stamp}", f"ann.{stamp}@example.com"
    address = f"email:{email}"
    send(
        stack,
        {"type": "identify", "userId": ann, "messageId": f"{ann}-1", "traits": {"email": email, "first_name": "Ann"}},
        {"type": "track", "event": "Product Viewed", "userId": ann, "messageId": f"{ann}-2", "properties": {"a": 1}},
    )
    eventually(lambda: ((found := profile(stack, address)) and found["traits"].get("first_name") and found) or None)

    for name, content in dropped(email).items():
        objects(stack).put_object(Bucket=stack.outputs["ImportsBucket"], Key=f"taken/till/{stamp}{name}", Body=content)
    shown = said(attune(stack, "access", address, "--wait"))
    data = httpx.get(shown["json"], trust_env=False).json()
    assert {one["value"] for one in data["profiles"][0]["identifiers"]} == {ann, email}
    assert {one.get("name") or one["type"] for one in data["events"]} >= {"Product Viewed", "identify"}
    assert data["consent_history"]
    assert any(one["route"] == "GET /v1/profiles/{profile}" for one in data["who_looked"])
    assert [one["file"].partition(stamp)[2] for one in data["dropped_files"]] == ["one.csv", "two.parquet"]
    assert [key for key in in_documents(stack, email) if "/pieces/" in key] == []
    page = httpx.get(shown["html"], trust_env=False)
    assert "Product Viewed" in page.text
    assert page.headers["content-type"].startswith("text/html")

    withdraw(stack, address, "analytics")
    corrected = said(attune(stack, "rectify", address, "--trait", "first_name=Anne", "--wait"))
    assert corrected["outcome"]["applied"] is True
    assert (profile(stack, address) or {})["traits"]["first_name"] == "Anne"

    restricted = said(attune(stack, "restrict", address, "--wait"))
    assert restricted["outcome"]["applied"] is True
    freed = said(attune(stack, "unrestrict", address, "--wait"))
    assert freed["outcome"]["applied"] is True

    receipt = said(attune(stack, "erase", address, "--suppress", "--wait"))
    assert profile(stack, address) is None
    assert profile(stack, f"user_id:{ann}") is None
    assert receipt["profiles"] >= 1
    assert in_documents(stack, email) == []

    send(stack, {"type": "track", "event": "Late", "userId": ann, "messageId": f"{ann}-3"})
    time.sleep(3)
    assert profile(stack, f"user_id:{ann}") is None
    assert said(attune(stack, "unsuppress", address, "--wait"))["state"] == "done"

    send(stack, {"type": "track", "event": "Back", "userId": ann, "messageId": f"{ann}-4"})
    back = eventually(lambda: profile(stack, f"user_id:{ann}"))
    assert {purpose: one["granted"] for purpose, one in back["consent"].items()}["email"] is True
    assert "hold" not in {one["source"] for one in back["consent"].values()}


def test_of_somebody_unknown_there_is_a_receipt_of_nothing(stack: Stack) -> None:
    receipt = said(attune(stack, "erase", f"email:nobody.{int(time.time() * 1_000)}@example.com", "--wait"))
    assert receipt["profiles"] == 0
