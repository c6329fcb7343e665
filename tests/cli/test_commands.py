"""Keys, secrets, profiles and consent from the command line, and how it says what went wrong."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import app
from tests.cli.conftest import Api, Attune
from tests.functions.management import ADMIN

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = ROOT / "definitions"
#: few enough that each test may apply them
EXAMPLES = (DEFINITIONS / "tracking_plans.yaml", DEFINITIONS / "sources.yaml")


@pytest.fixture
def server_key(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> str:
    attune("apply", *EXAMPLES)
    key = attune("keys", "create", "storefront", "--type", "server").out.strip()
    monkeypatch.setenv("ATTUNE_SERVER_KEY", key)
    return key


def test_a_key_is_the_only_thing_on_standard_output(attune: Attune) -> None:
    attune("apply", *EXAMPLES)
    browser = attune("keys", "create", "storefront")
    assert browser.code == 0
    assert browser.out.startswith("atn_w_")
    assert browser.out.count("\n") == 1
    assert attune("keys", "create", "storefront", "--type", "server").out.startswith("atn_s_")


def test_keys_are_listed_and_revoked_by_their_ids(attune: Attune) -> None:
    attune("apply", *EXAMPLES)
    key_id = attune("keys", "create", "storefront").out.split("_")[2]
    assert key_id in attune("keys", "ls", "storefront").out
    assert attune("keys", "revoke", "storefront", key_id).code == 0
    assert key_id not in attune("keys", "ls", "storefront").out
    assert attune("keys", "revoke", "storefront", key_id).err.startswith("attune: unknown_key: ")


def test_a_masked_key_is_listed_as_one(attune: Attune) -> None:
    attune("apply", *EXAMPLES)
    assert attune("keys", "create", "storefront", "--type", "server", "--role", "masked").out.startswith("atn_s_")
    [line] = [line for line in attune("keys", "ls", "storefront").out.splitlines() if "server" in line]
    assert "masked" in line


def test_a_sources_secrets_come_from_standard_input(attune: Attune, api: Api) -> None:
    attune("apply", *EXAMPLES)
    ran = attune("secrets", "put-source", "shopify_store", stdin="new-secret\n\n old-secret \n")
    assert (ran.code, ran.out) == (0, "")
    assert "2 live" in ran.err
    assert attune("secrets", "put-source", "shopify_store", stdin="short").err.startswith("attune: invalid_secret: ")
    assert attune("secrets", "put-source", "storefront", stdin="new-secret").code == 1


def test_a_channels_secret_is_printed_once(attune: Attune) -> None:
    attune("apply", DEFINITIONS / "channels.yaml")
    made = attune("secrets", "new-channel", "shop_webhook")
    assert made.code == 0
    assert len(base64.b64decode(made.out.strip().removeprefix("whsec_"))) == 32


def test_consent_is_set_by_purpose(attune: Attune, api: Api, server_key: str) -> None:
    ran = attune("consent", "set", "email:Ada@Example.com", "--grant", "sms", "--withdraw", "email")
    assert ran.code == 0
    answer = json.loads(ran.out)
    assert answer["accepted"] is True
    [record] = api.deployment.records()
    [said] = record["events"]
    assert said["consent"] == {"sms": True, "email": False}
    assert (said["message_id"], record["source"]) == (answer["message_id"], "storefront")


def test_consent_that_says_nothing_clear_is_refused(attune: Attune, server_key: str) -> None:
    for arguments, message in (
        (("email:a@b.example",), "name at least one purpose"),
        (("email:a@b.example", "--grant", "sms", "--withdraw", "sms"), "both granted and withdrawn: sms"),
        (("email:a@b.example", "--grant", "post"), "unknown_purpose: "),
        (("a@b.example", "--grant", "sms"), "addressed as namespace:value"),
        (("user_id:a/b", "--grant", "sms"), "cannot stand in an address"),
        (("user_id:null", "--grant", "sms"), "invalid_identifier: "),
        (("user_id:u1", "--grant", "sms", "--effective-at", "soon"), "invalid_time: "),
    ):
        ran = attune("consent", "set", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert message in ran.err


def test_a_profile_that_is_not_there_is_said_in_words(attune: Attune, server_key: str) -> None:
    ran = attune("profile", "show", "user_id:100%")
    assert (ran.code, ran.out, ran.err) == (1, "", "attune: unknown_profile: no profile has this identifier\n")


def test_a_wrong_key_is_said_in_words(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", "wrong")
    ran = attune("apply", *EXAMPLES)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "attune: unknown_admin_key: send the admin key as Authorization: Bearer\n"


# -------------------------------------------------------------------------------------------- where the API is


def test_a_running_local_stack_is_found(bare: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    stack = {"api_url": api.url, "admin_key": ADMIN, "server_key": "s", "outputs": {"a": "b"}}
    (tmp_path / ".local/stack.json").write_text(json.dumps(stack))
    assert bare("apply", "--dry-run", *EXAMPLES).code == 0


def test_the_local_stacks_keys_are_sent_nowhere_else(bare: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    stack = {"api_url": "http://127.0.0.1:9", "admin_key": ADMIN}
    (tmp_path / ".local/stack.json").write_text(json.dumps(stack))
    ran = bare("--api-url", api.url, "apply", *EXAMPLES)
    assert (ran.code, api.requests) == (1, [])
    assert "no key is given" in ran.err


def test_options_come_before_the_environment(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_API_URL", "http://127.0.0.1:9")
    assert attune("--api-url", api.url + "/", "apply", "--dry-run", *EXAMPLES).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no API is named"),
        (("--api-url", "http://shop.example", "--admin-key", "k"), "keys travel over https only"),
        (("--api-url", "shop.example", "--admin-key", "k"), "keys travel over https only"),
        (("--api-url", "http://127.0.0.1:9", "--admin-key", "k"), "http://127.0.0.1:9 cannot be reached"),
    ],
)
def test_an_api_that_is_not_there_is_said_in_words(bare: Attune, arguments: tuple[str, ...], message: str) -> None:
    ran = bare(*arguments, "apply", *EXAMPLES)
    assert ran.code == 1
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_stack_file_that_is_broken_is_said_in_words(bare: Attune, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert "broken.json: is not what" in bare("--stack", "broken.json", "apply", *EXAMPLES).err


def test_the_command_runs_as_a_module_from_the_checkout() -> None:
    ran = subprocess.run([sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("apply", "schema", "keys", "secrets", "profile", "consent", "models", "demo"):
        assert command in ran.stdout


def test_every_command_explains_itself() -> None:
    assert all(command.callback is not None and command.callback.__doc__ for command in app.registered_commands)
