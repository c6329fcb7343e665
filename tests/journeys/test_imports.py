"""A file of store sales, dropped into the bucket as the manual says, is in the customer's profile; and its report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.state import Stack

MANUAL = (ROOT / "docs/collect.md").read_text().partition("\n## Files\n")[2].partition("\n## ")[0]
#: the part of the AWS CLI that the manual uses
AWS = """
import sys
import boto3
_, s3, cp, source, target = sys.argv
assert (s3, cp) == ("s3", "cp")
client = boto3.client("s3")
if target == "-":
    bucket, _, key = source.removeprefix("s3://").partition("/")
    print(client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
else:
    bucket, _, key = target.removeprefix("s3://").partition("/")
    client.put_object(Bucket=bucket, Key=key, Body=open(source, "rb").read())
"""

pytestmark = pytest.mark.cloud


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Path:
    """A folder with the manual's files and its commands, as somebody has them who follows it."""
    for name, command in {"aws": f"-c '{AWS}'", "attune": "-m cli"}.items():
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        script.chmod(0o755)
    (tmp_path / "tills.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "sales.csv").write_text(blocks("csv")[0])
    return tmp_path


def run(desk: Path, stack: Stack, command: str) -> str:
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=desk,
        env={
            "PATH": f"{desk}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ATTUNE_API_URL": stack.api_url,
            "ATTUNE_ADMIN_KEY": stack.admin_key,
            "IMPORTS_BUCKET": stack.outputs["ImportsBucket"],
            "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
            "AWS_DEFAULT_REGION": stack.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done
    return done.stdout


def eventually[T](look: Callable[[], T | None], seconds: float = 60) -> T:
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.3)
    return found


def store(stack: Stack) -> Any:
    make: Any = boto3.client
    return make("s3", **client_settings(stack.aws_endpoint_url))


def report(stack: Stack, key: str) -> dict[str, Any] | None:
    client = store(stack)
    try:
        body = client.get_object(Bucket=stack.outputs["ImportsBucket"], Key=f"{key}.report.json")["Body"].read()
    except client.exceptions.NoSuchKey:
        return None
    found: dict[str, Any] = json.loads(body)
    return None if found["state"] == "reading" else found


def profile(stack: Stack, card: str) -> dict[str, Any] | None:
    headers = {"Authorization": f"Bearer {stack.server_key}"}
    answer = httpx.get(f"{stack.api_url}/v1/profiles/loyalty_id%3A{card}", headers=headers, trust_env=False, timeout=35)
    return dict(answer.json()) if answer.status_code == 200 else None


def test_the_manuals_file_is_in_the_profile_of_who_has_the_card(stack: Stack, desk: Path) -> None:
    drop, show = blocks("sh")
    run(desk, stack, drop)
    eventually(lambda: report(stack, "imports/tills/2026-03-02.csv"))
    shown = json.loads(blocks("json")[0])
    said = json.loads(run(desk, stack, show))
    assert {name: said[name] for name in shown} == shown
    found = eventually(lambda: profile(stack, "L-4711"))
    assert {"namespace": "email", "value": "mary@example.com"}.items() <= {
        key: value for one in found["identifiers"] if one["namespace"] == "email" for key, value in one.items()
    }.items()


def test_a_file_of_several_chunks_arrives_whole_and_once_whatever_is_told_of_it(stack: Stack, desk: Path) -> None:
    """As somebody else's notification would, another run is begun for the same file."""
    run(desk, stack, "attune apply tills.yaml")
    name, card = uuid.uuid4().hex, uuid.uuid4().hex[:12]
    key, header = f"imports/tills/{name}.csv", blocks("csv")[0].splitlines()[0]
    rows = [
        f"{name}-{number};{card};;1.50;2026-03-02T10:{number // 60 % 60:02}:{number % 60:02}Z;Bonn"
        for number in range(1_200)
    ]
    content = "\n".join([header, *rows]).encode()
    store(stack).put_object(Bucket=stack.outputs["ImportsBucket"], Key=key, Body=content)
    make: Any = boto3.client
    machines = make("stepfunctions", **client_settings(stack.aws_endpoint_url))
    machines.start_execution(
        stateMachineArn=stack.outputs["ImportMachineArn"], input=json.dumps({"detail": {"object": {"key": key}}})
    )
    found = eventually(lambda: report(stack, key), 120)
    assert (found["state"], found["rows"], found["accepted"], found["rejected"]) == ("done", 1_200, 1_200, {})
    assert eventually(lambda: profile(stack, card))


def test_a_file_that_cannot_be_read_says_why(stack: Stack, desk: Path) -> None:
    key = f"imports/nobody-{uuid.uuid4().hex[:8]}/sales.csv"
    store(stack).put_object(Bucket=stack.outputs["ImportsBucket"], Key=key, Body=b"a,b\n1,2\n")
    assert eventually(lambda: report(stack, key))["reason"] == "unknown_source"
    assert stack.outputs["ImportMachineArn"]
