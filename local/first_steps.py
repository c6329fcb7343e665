"""What a new deployment needs before its first event, done as a user does it: through the API and the CLI."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx

from local.state import ROOT, LocalCloudError, Stack, client_settings

#: the examples of the repository: a source, segments, campaigns
DEFINITIONS = ROOT / "definitions"
#: seconds until every function has noticed a change of definitions or secrets
SETTLING = 6


def read_admin_key(address: str, secret: str) -> str:
    """The generated key of the definitions API, read as an operator reads it."""
    client = boto3.client("secretsmanager", **client_settings(address))
    return client.get_secret_value(SecretId=secret)["SecretString"]


def apply_definitions(stack: Stack, folder: Path = DEFINITIONS) -> None:
    """Apply the definitions of a folder with the `attune` command."""
    applied = subprocess.run(
        [sys.executable, "-m", "cli", "apply", "--no-backfill", str(folder)],
        cwd=ROOT,
        env={**os.environ, "ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key},
        capture_output=True,
        text=True,
        check=False,
    )
    if applied.returncode != 0:
        raise LocalCloudError(f"the definitions were not applied:\n{applied.stdout}{applied.stderr}")


def with_keys(stack: Stack) -> Stack:
    """The same stack with a new browser and a new server key of its first HTTP source."""
    with httpx.Client(
        base_url=stack.api_url,
        headers={"Authorization": f"Bearer {stack.admin_key}"},
        timeout=35,
        trust_env=False,  # no proxy stands between this machine and itself
    ) as api:
        source = _first_http_source(api)
        created = {kind: _create_key(api, source, kind) for kind in ("browser", "server")}
    return replace(stack, write_key=created["browser"], server_key=created["server"])


def _first_http_source(api: httpx.Client) -> str:
    answer = _json(api.get("/v1/definitions/source"))
    # A definition is shown without the fields that have their default, and `http` is one.
    kinds: dict[str, str] = {shown["id"]: shown["definition"].get("type", "http") for shown in answer["definitions"]}
    sources = [source for source, kind in kinds.items() if kind == "http"]
    if not sources:
        raise LocalCloudError("the definitions hold no source of type http, so there is nothing to create keys for")
    return sources[0]


def _create_key(api: httpx.Client, source: str, kind: str) -> str:
    return str(_json(api.post(f"/v1/sources/{source}/keys", json={"type": kind}))["key"])


def _json(response: httpx.Response) -> Any:
    if not response.is_success:
        request = response.request
        raise LocalCloudError(f"{request.method} {request.url} answered {response.status_code}: {response.text}")
    return response.json()
