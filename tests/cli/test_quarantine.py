"""Quarantine from the command line: what is asked of the API, and every word about what came of it."""

from __future__ import annotations

import json
import re
import shlex
import time
from typing import Any

import pytest

from attune.adapters.s3_quarantine import S3Quarantine
from attune.domain.collection.quarantine import REPLAYED, Came, Quarantined, Trace, quarantined
from attune.domain.events import Origin
from attune.use_cases.repairs import replay_quarantined
from cli import quarantine as command
from tests.builders import DAY, EVERYTHING, NOW, Pseudonyms
from tests.cli.conftest import Api, Attune, Ran
from tests.functions.management import ADMIN, ROOT

CAME = Came(origin=Origin.CLIENT, trusted=True, how={"call": "track"})
CALL = {"event": "Product Viewed", "messageId": "m1", "context": {"consent": {"categoryPreferences": EVERYTHING}}}
NAMED = "merge(@, {userId: 'u1'})"


@pytest.fixture
def said(attune: Attune) -> Attune:
    """The command, without what the function beside it in this process writes of its metrics."""

    def run(*arguments: str) -> Ran:
        ran = attune(*arguments)
        lines = ran.out.splitlines(keepends=True)
        return Ran(ran.code, "".join(line for line in lines if not line.startswith('{"_aws"')), ran.err)

    return run


@pytest.fixture
def store(api: Api) -> S3Quarantine:
    api.deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    return S3Quarantine(api.deployment.cloud.client("s3"), api.deployment.quarantine, Pseudonyms().key)


def keep(store: S3Quarantine, fields: Any = CALL, reason: str = "no_identifier", at: int = NOW) -> Quarantined:
    raw = json.dumps(fields).encode()
    store.keep(reason, "shop", at, raw, CAME)
    return quarantined(reason, "shop", at, raw, CAME, Pseudonyms().key)


def test_ls_counts_by_reason_and_source_and_lists_one_reason_s_inputs(attune: Attune, store: S3Quarantine) -> None:
    assert attune("quarantine", "ls").err == "nothing lies in quarantine\n"
    one, later = keep(store), keep(store, at=NOW + DAY)
    keep(store, reason="invalid_time")
    store.leave_trace(one, Trace(at=NOW, by="x", outcome="invalid_time"))
    ran = attune("quarantine", "ls")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["invalid_time", "shop", "1", "waiting", "0", "replayed"],
        ["no_identifier", "shop", "2", "waiting", "0", "replayed"],
    ]
    size = str(len(json.dumps(CALL)))
    listed = attune("quarantine", "ls", "--reason", "no_identifier")
    assert [line.split() for line in listed.out.splitlines()] == [
        [one.id, "2025-06-15T15:06:40.000Z", size, "B", "waiting", "2025-06-15T15:06:40.000Z", "invalid_time"],
        [later.id, "2025-06-16T15:06:40.000Z", size, "B", "waiting"],
    ]
    first = attune("quarantine", "ls", "--reason", "no_identifier", "--limit", "1")
    assert (first.out.split()[0], first.err) == (one.id, "the first 1; more with --limit\n")
    assert attune("quarantine", "ls", "--reason", "no_identifier", "--state", "replayed").out == ""
    assert attune("quarantine", "ls", "--since", "2025-06-16").out.split()[:3] == ["no_identifier", "shop", "1"]
    assert attune("quarantine", "ls", "--since", "7d").out == ""


def test_show_prints_all_that_is_known_or_the_bytes_alone(attune: Attune, store: S3Quarantine) -> None:
    one = keep(store)
    shown = json.loads(attune("quarantine", "show", one.id).out)
    assert (shown["id"], json.loads(shown["text"]), shown["came"]["how"]) == (one.id, CALL, {"call": "track"})
    assert attune("quarantine", "show", one.id, "--raw").out == json.dumps(CALL)
    gone = attune("quarantine", "show", one.id[:-1] + "x")
    assert (gone.code, gone.err) == (1, "attune: unknown_input: no input of this id lies in quarantine\n")


def test_fix_shows_what_would_come_of_it_and_replays_when_told_to(said: Attune, api: Api, store: S3Quarantine) -> None:
    one = keep(store)
    before = len(api.deployment.records())
    plain = said("quarantine", "fix", one.id)
    assert (plain.code, plain.out) == (1, "0 would be replayed, 0 were before, 1 stay: no_identifier 1\n")
    tried = said("quarantine", "fix", one.id, "--patch", NAMED)
    event, _, told = tried.out.rpartition("}\n")
    assert json.loads(event + "}")["identifiers"] == [["user_id", "u1"]]
    assert (tried.code, told) == (0, "1 would be replayed, 0 were before, 0 stay\n")
    assert tried.err == "nothing was changed: this was a dry run\n"
    assert len(api.deployment.records()) == before
    assert store.traces(one) == []

    done = said("quarantine", "fix", one.id, "--patch", NAMED, "--apply")
    assert (done.code, done.out) == (0, "1 replayed, 0 were before, 0 stay\n")
    assert len(api.deployment.records()) == before + 1
    assert [(trace.outcome, trace.patch) for trace in store.traces(one)] == [(REPLAYED, NAMED)]
    again = said("quarantine", "fix", one.id, "--patch", NAMED, "--apply")
    assert again.out == "0 would be replayed, 1 were before, 0 stay\n"
    assert said("quarantine", "fix", one.id, "--patch", NAMED, "--apply", "--again").out.startswith("1 replayed")


def test_a_patch_that_cannot_be_right_is_applied_to_nothing(said: Attune, api: Api, store: S3Quarantine) -> None:
    one = keep(store)
    ran = said("quarantine", "fix", one.id, "--patch", "merge(", "--apply")
    assert (ran.code, ran.err.startswith("attune: invalid_patch: $.patch: is not JMESPath")) == (1, True)
    assert store.traces(one) == []


def test_many_are_replayed_call_by_call_and_what_stays_is_named(said: Attune, api: Api, store: S3Quarantine) -> None:
    total = replay_quarantined.MAX_INPUTS + 5
    for number in range(total - 1):
        keep(store, CALL | {"messageId": f"m{number}"}, at=NOW + number)
    bad = keep(store, CALL | {"messageId": "bad", "event": ""}, at=NOW + total)
    dry = said("quarantine", "replay", "--reason", "no_identifier", "--patch", NAMED, "--dry-run")
    assert (dry.code, dry.out) == (
        1,
        f"{bad.id}  invalid_name\n{total - 1} would be replayed, 0 were before, 1 stay: invalid_name 1\n",
    )
    api.requests.clear()
    ran = said("quarantine", "replay", "--reason", "no_identifier", "--source", "shop", "--patch", NAMED)
    assert (ran.code, ran.out) == (
        1,
        f"{bad.id}  invalid_name\n{total - 1} replayed, 0 were before, 1 stay: invalid_name 1\n",
    )
    assert [method for method, _ in api.requests] == ["GET", "POST", "POST"]
    again = said("quarantine", "replay", "--all", "--patch", NAMED)
    assert again.out.endswith(f"0 replayed, {total - 1} were before, 1 stay: invalid_name 1\n")


def test_named_inputs_are_replayed_as_many_a_call_as_the_api_takes(said: Attune, api: Api, store: S3Quarantine) -> None:
    ones = [keep(store, CALL | {"messageId": f"m{number}"}, at=NOW + number) for number in range(command.MAX_IDS + 1)]
    ran = said("quarantine", "replay", *(one.id for one in ones), "--patch", NAMED)
    assert (ran.code, ran.out) == (0, f"{len(ones)} replayed, 0 were before, 0 stay\n")
    assert command.MAX_IDS == replay_quarantined.TOGETHER


@pytest.mark.parametrize(
    "arguments", [(), ("--all", "--reason", "no_identifier"), ("x", "--source", "shop"), ("x", "--all")]
)
def test_it_is_never_guessed_what_is_to_be_replayed(offline: Attune, arguments: tuple[str, ...]) -> None:
    ran = offline("quarantine", "replay", *arguments)
    assert ran.code == 1
    assert ran.err.startswith("attune: name inputs, or choose by")


def test_words_of_the_command_are_those_of_the_api() -> None:
    assert (command.REPLAYED, command.BEFORE) == (REPLAYED, replay_quarantined.BEFORE)


def test_the_commands_of_the_manual_do_what_it_says(said: Attune, api: Api, store: S3Quarantine) -> None:
    manual = (ROOT / "docs/collect.md").read_text().partition("\n## Quarantine\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```\n(.*?)```", manual, re.DOTALL)
    commands = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(commands) == 10
    now = time.time_ns() // 1_000_000
    one = keep(store, CALL | {"properties": {"customer_no": "C1"}}, at=now)
    keep(store, CALL | {"messageId": "m2", "properties": {"customer_no": "C2"}}, at=now)
    keep(store, CALL | {"messageId": "m3", "userId": "C3"}, reason="plan_violation", at=now)
    rans = [said(*(one.id if word == "$ID" else word for word in words[1:])) for words in commands]
    assert [ran.code for ran in rans] == [0] * 10, rans
    _, listed, _, raw, _, fixed, dry, replayed, dry_many, many = (ran.out for ran in rans)
    assert listed.count("waiting") == 2
    assert json.loads(raw)["properties"] == {"customer_no": "C1"}
    assert fixed == replayed == "1 replayed, 0 were before, 0 stay\n"
    assert dry == "1 would be replayed, 0 were before, 0 stay\n"
    assert dry_many == "1 would be replayed, 1 were before, 0 stay\n"
    assert many == "1 replayed, 1 were before, 0 stay\n"
    events = [event for record in api.deployment.records() for event in record["events"]]
    assert [event["identifiers"] for event in events] == [[["user_id", who]] for who in ("C1", "C3", "C2")]
