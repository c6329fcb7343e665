"""All clients at once against one stack: doors are opened, clients send, and afterwards everything is judged once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from local.state import ROOT
from tests.clients.browser import Browser, Page, Pages, find_chromium
from tests.clients.calls import calls_of
from tests.clients.documented import filled_in, snippets
from tests.clients.fault_door import AT_ONCE, Door, mark
from tests.clients.judge import Judge
from tests.clients.roster import FAULTS, FOREIGN, GIVEN_UP, NODE, Client

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from local.state import Stack
    from tests.clients.judge import Stored

#: seconds for all clients to send, retries included, and then for the pipeline to store what they sent
SENDING: Final = 90
STORING: Final = 60
#: seconds until every function knows new definitions
SETTLING: Final = 6
#: seconds that a warm function takes at most, on a machine that has something else to do
QUICK: Final = 1.0


@dataclass
class Scenario:
    """One client and what is done to it, and what came of it."""

    client: Client
    behaviour: str
    name: str
    door: Door
    key: str
    calls: list[dict[str, Any]] = field(default_factory=list)
    #: what the application heard, and the message ids that it kept by mark; None until its driver has answered
    told: dict[str, Any] | None = None
    stored: list[Stored] = field(default_factory=list)
    quarantined: dict[str, str] = field(default_factory=dict)
    profile: dict[str, Any] | None = None

    @property
    def user(self) -> str:
        """The customer of this scenario."""
        return f"u-{self.name}"

    @property
    def url(self) -> str:
        """Where the client sends to."""
        return f"http://{self.door.address}"

    def order(self) -> dict[str, Any]:
        """What the driver is told."""
        return {
            "name": self.name,
            "url": self.url,
            "key": self.key,
            "gzip": self.behaviour == "gzip",
            "batched": self.behaviour == "batched",
            "leaves": self.behaviour == "left page",
            "patient": self.behaviour != "503 unaided",
            "calls": self.calls,
        }

    def snippet(self) -> str:
        """The documented lines with this scenario's address, key and customer."""
        return filled_in(snippets()[self.client.name], host=self.url, key=self.key, user=self.user)

    def is_through(self) -> bool:
        """Whether nothing more is to be expected of the client."""
        if self.behaviour == FOREIGN:
            return bool(self.refusals())
        if self.behaviour == "as documented":
            done = any(call["type"] == "track" for one in self.door.asked if one.status == 200 for call in one.calls)
        else:
            refused = {mark(call) for one in self.door.asked if not one.status for call in one.calls}
            given_up = refused if self.behaviour in GIVEN_UP else set()
            done = {mark(call) for call in self.calls} <= self.door.delivered() | given_up
        return done and not self.door.unmet and self.door.begun == len(self.door.asked)

    def refusals(self) -> list[str]:
        """Requests that the stack answered 403, preflights aside."""
        asked = [f"POST {one.path} {one.status}" for one in self.door.asked]
        return [one for one in (*asked, *self.door.others) if " 403" in one]

    def message_ids(self) -> set[str]:
        """Those that reached the stack."""
        return {str(call.get("messageId")) for one in self.door.asked if one.status == 200 for call in one.calls}


@dataclass
class Session:
    """A run of some clients with all their behaviours."""

    stack: Stack
    clients: Collection[Client]
    folder: Path
    scenarios: dict[tuple[str, str], Scenario] = field(default_factory=dict)
    _pages: Pages | None = None

    def run(self) -> None:
        """Send everything, then look once."""
        began, run = datetime.now(UTC).replace(microsecond=0), str(int(time.time()))
        with ExitStack() as closing, httpx.Client(
            base_url=self.stack.api_url, headers={"Authorization": f"Bearer {self.stack.admin_key}"},
            timeout=35, trust_env=False,
        ) as admin:  # fmt: skip
            ids = {kind: f"clients_{kind.replace(' ', '_')}_{run}" for kind in ("server", "browser", FOREIGN)}
            keys = {kind: self._new_source(admin, closing, source, kind) for kind, source in ids.items()}
            self._prepare(run, keys, closing)
            self._settle([keys["server"], keys["browser"]])
            self._send(closing)
            judge = Judge(self.stack, set(ids.values()), began)
            closing.callback(judge.close)
            self._judge(judge)

    def _new_source(self, admin: httpx.Client, closing: ExitStack, source: str, kind: str) -> str:
        """A key of a new source, which vouches for consent, so that no client has to say it.

        `kind`: of the key, or `FOREIGN` for a source that takes events from one page alone, which is none of ours.
        """
        path, origins = f"/v1/definitions/source/{source}", ["https://shop.example.com"] if kind == FOREIGN else []
        consent = {"analytics": True, "personalization": True}
        definition = {"kind": "source", "id": source, "consent": consent, "origins": origins}
        admin.put(path, json=definition).raise_for_status()
        closing.callback(lambda: self._forget(path))
        return str(
            admin.post(f"/v1/sources/{source}/keys", json={"type": "server" if kind == "server" else "browser"})
            .raise_for_status()
            .json()["key"]
        )

    def _forget(self, path: str) -> None:
        headers = {"Authorization": f"Bearer {self.stack.admin_key}"}
        httpx.delete(f"{self.stack.api_url}{path}", headers=headers, timeout=35, trust_env=False).raise_for_status()

    def _settle(self, keys: list[str]) -> None:
        """Wait until every function knows the sources and some are warm: a page waits 10 s for them, then gives up."""
        least = time.monotonic() + SETTLING

        def ask(number: int) -> None:
            while True:
                auth, began = (keys[number % len(keys)], ""), time.monotonic()
                answer = httpx.get(f"{self.stack.api_url}/sourceConfig", auth=auth, timeout=35, trust_env=False)
                now = time.monotonic()
                if (now > least and answer.status_code == httpx.codes.OK and now - began < QUICK) or now > least + 30:
                    return

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(ask, range(AT_ONCE)))

    def _prepare(self, run: str, keys: dict[str, str], closing: ExitStack) -> None:
        now = datetime.now(UTC)
        for place, client in enumerate(self.clients):
            for number, behaviour in enumerate(client.behaviours):
                name = f"c{run}-{place}-{number}"  # also a host's name, and nobody else's customer
                door = Door(self.stack.api_url, FAULTS[behaviour])
                closing.callback(door.close)
                kind = FOREIGN if behaviour == FOREIGN else "browser" if client.on_page else "server"
                scenario = Scenario(client, behaviour, name, door, keys[kind])
                if behaviour != "as documented":
                    scenario.calls = calls_of(name, client.calls, now)
                self.scenarios[client.name, behaviour] = scenario

    def _send(self, closing: ExitStack) -> None:
        until = time.monotonic() + SENDING
        with ThreadPoolExecutor() as threads:
            if any(client.on_page for client in self.clients):
                self._open_pages(closing)
            for client in self.clients:
                if not client.on_page:
                    threads.submit(self._run_driver, client)
                    threads.submit(self._run_snippet, self.scenarios[client.name, "as documented"])
            while not all(one.is_through() for one in self.scenarios.values()) and time.monotonic() < until:
                time.sleep(0.2)

    def _open_pages(self, closing: ExitStack) -> None:
        pages = self._pages = Pages()
        closing.callback(pages.close)
        shown = [one for one in self.scenarios.values() if one.client.on_page]
        for one in shown:
            body = one.snippet() if one.behaviour == "as documented" else ""
            pages.pages[one.name] = Page(one.client.library, one.client.driver, one.order(), body)
        chromium = find_chromium()
        assert chromium is not None
        browser = Browser(chromium, self.folder / "chromium")
        closing.callback(browser.close)
        browser.open(pages.tabs())

    def _run_driver(self, client: Client) -> None:
        mine = [one for one in self.scenarios.values() if one.client is client and one.calls]
        said = json.dumps([one.order() for one in mine])
        ended = _run([*client.command], said)
        answers = {answer["name"]: answer for answer in map(json.loads, ended.stdout.splitlines())}
        for one in mine:
            one.told = answers.get(one.name, {"errors": [f"the driver died: {ended.stderr[-500:]}"], "kept": {}})

    def _run_snippet(self, scenario: Scenario) -> None:
        is_python = scenario.client.command[0] == sys.executable
        command = [sys.executable, "-c"] if is_python else [str(NODE), "--input-type=module", "--eval"]
        ended = _run([*command, scenario.snippet()], "")
        errors = [] if ended.returncode == 0 else [ended.stderr[-500:]]
        scenario.told = {"errors": errors, "kept": {}}

    def _judge(self, judge: Judge) -> None:
        until = time.monotonic() + STORING
        wanted = {one for scenario in self.scenarios.values() for one in scenario.message_ids()}
        while wanted - {row["message_id"] for row in judge.rows()} and time.monotonic() < until:
            time.sleep(0.5)
        stored = judge.stored()
        marks = {mark(call): one for one in self.scenarios.values() for call in one.calls}
        lying = judge.quarantined([*marks, *(one.user for one in self.scenarios.values())])
        pages = self._pages.told if self._pages else {}
        for one in self.scenarios.values():
            ids = one.message_ids()
            one.stored = [row for row in stored if row.message_id in ids or _is_of(row, one)]
            one.quarantined = {name: key for name, key in lying.items() if name == one.user or marks.get(name) is one}
            one.profile = _settled(judge, one)
            one.told = one.told or pages.get(one.name)


def _is_of(row: Stored, scenario: Scenario) -> bool:
    """Whether the event names the scenario's customer, under whatever message id."""
    return any(value == scenario.user for _, value in row.event.get("identifiers", ()))


def _settled(judge: Judge, scenario: Scenario) -> dict[str, Any] | None:
    """The profile once it counts what lies in the lake: a row is laid down before its commit."""
    applied = Counter(row.verdict for row in scenario.stored)["applied"]
    until = time.monotonic() + 5
    while (profile := judge.profile(scenario.user)) is None or profile["events"] < applied:
        if not applied or time.monotonic() > until:
            break
        time.sleep(0.3)
    return profile


def _run(command: list[str], said: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, input=said, capture_output=True, text=True, cwd=ROOT, timeout=SENDING, check=False
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, 1, str(late.stdout or ""), f"not done after {SENDING} seconds")
