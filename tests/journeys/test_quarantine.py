"""A call that names nobody, found in quarantine, mended by a patch and replayed, on the deployed stack."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.profiles.state import decode_profile
from local.demo.shop import EVERYTHING, Shop
from local.state import StateDirectory, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.state import Stack

ROOT = Path(__file__).parents[2]
PATIENCE = 60
NAMED = "merge(@, {anonymousId: properties.visitor})"

pytestmark = pytest.mark.cloud

type Quarantine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quarantine(stack: Stack, tmp_path: Path) -> Quarantine:
    """`attune quarantine …`."""
    state = StateDirectory(tmp_path / ".local")
    state.create()
    state.write_stack(stack)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "cli"), "quarantine", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


def once[T](ask: Callable[[], T | None]) -> T:
    end = time.monotonic() + PATIENCE
    while (found := ask()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return found


def events_of(stack: Stack, profile_id: str) -> int:
    """How many the profile counts."""
    make: Any = boto3.client
    client = make("dynamodb", **client_settings(stack.aws_endpoint_url))
    store = DynamoProfiles(client, profiles=stack.outputs["ProfilesTable"], identities="")
    return decode_profile(store.items([profile_id], consistent=True)[profile_id].state).events


def test_a_call_that_names_nobody_is_mended_and_is_in_the_profile_once(
    stack: Stack, shop: Shop, quarantine: Quarantine
) -> None:
    visitor = f"mended-{int(time.time() * 1_000)}"
    call = {"type": "track", "event": "Product Viewed", "messageId": visitor, "properties": {"visitor": visitor}}
    body = {"batch": [call], "context": {"consent": {"categoryPreferences": dict(EVERYTHING)}}}
    sent = httpx.post(f"{stack.api_url}/v1/batch", json=body, auth=(stack.server_key, ""), timeout=30, trust_env=False)
    assert sent.status_code == httpx.codes.OK, sent.text

    def mine() -> str | None:
        for line in quarantine("ls", "--reason", "no_identifier", "--since", "15m").stdout.splitlines():
            name = line.split()[0]
            if visitor in quarantine("show", name, "--raw").stdout:
                return name
        return None

    name = once(mine)
    shown = json.loads(quarantine("show", name).stdout)
    assert json.loads(shown["text"]) == call
    assert (shown["state"], shown["came"]["origin"], shown["came"]["trusted"]) == ("waiting", "client", True)
    assert shown["came"]["how"]["context"]["consent"]["categoryPreferences"] == EVERYTHING

    assert quarantine("fix", name).stdout.endswith("1 stay: no_identifier 1\n")
    tried = quarantine("fix", name, "--patch", NAMED)
    assert (tried.returncode, visitor in tried.stdout) == (0, True), tried
    assert shop.profile("anonymous_id", visitor) is None
    for _ in range(2):  # the second time it is told by its message id
        done = quarantine("replay", name, "--patch", NAMED, "--again")
        assert done.stdout == "1 replayed, 0 were before, 0 stay\n", done
    assert quarantine("replay", name).stdout == "0 replayed, 1 were before, 0 stay\n"
    profile = once(lambda: shop.profile("anonymous_id", visitor))
    time.sleep(2)  # the second one is behind the first
    assert events_of(stack, profile["profile_id"]) == 1
    traces = json.loads(quarantine("show", name).stdout)["tried"]
    assert [(trace["outcome"], trace["patch"], trace["message_ids"]) for trace in traces] == [
        ("replayed", NAMED, [visitor])
    ] * 2
