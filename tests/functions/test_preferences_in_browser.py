"""The preference page in a real browser, its scripts off: with the mouse, with keys alone, to a screen reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, override

import msgspec
import pytest

from attune.domain.consent.preference_links import PreferenceLink, link_token
from tests.builders import NOW, SECRET, key_of
from tests.clients.browser import find_chromium
from tests.clients.roster import is_required
from tests.clients.tab import Tab
from tests.functions.management import ADMIN, Deployment
from tests.functions.test_preferences import ADA, store_ada

if TYPE_CHECKING:
    from pathlib import Path

LINK = PreferenceLink(identity_key=key_of("email", ADA.value), expires_at=2**39, made_at=NOW, source="shop")
STRANGER = msgspec.structs.replace(LINK, identity_key="ab" * 16)


class Door(ThreadingHTTPServer):
    """The deployed function behind a port of this machine."""

    daemon_threads = True

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.deployment = deployment
        self.url = f"http://127.0.0.1:{self.server_port}/v1/preferences/"

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the browser has gone


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes | None) -> None:
        kind = self.headers.get("Content-Type", "")
        answer = self.server.deployment.call(self.command, self.path, raw=body, kind=kind)
        page = answer.body.encode() if isinstance(answer.body, str) else b""
        self.send_response_only(answer.status)
        for name, text in {**answer.headers, "content-length": str(len(page))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(page)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def door(deployment: Deployment) -> Iterator[Door]:
    store_ada(deployment)
    deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    with Door(deployment) as door:
        threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield door
        door.shutdown()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    chromium = find_chromium()
    if chromium is None and not is_required():
        pytest.skip("there is no Chromium here")
    assert chromium is not None
    with Tab(chromium, tmp_path / "profile") as tab:
        yield tab


def test_with_the_mouse(door: Door, tab: Tab) -> None:
    tab.open(door.url + link_token(SECRET, LINK))
    assert tab.title() == "Your privacy choices"
    assert tab.checked() == {"purpose.email": "yes", "purpose.advertising": "no"}
    tab.click("input[name='purpose.email'][value='no']")
    tab.click("input[name='purpose.sms'][value='yes']")
    assert tab.checked() == {"purpose.email": "no", "purpose.advertising": "no", "purpose.sms": "yes"}
    tab.click("button", loads=True)
    assert (tab.title(), tab.status) == ("Your choices are saved", 200)
    assert "E-mail: not allowed" in tab.text()
    assert "Text messages: allowed" in tab.text()
    [said] = door.deployment.records()[-1]["events"]
    assert said["consent"] == {"sms": True, "email": False, "advertising": False}
    tab.click("a", loads=True)
    assert tab.checked()["purpose.email"] == "no"


def test_with_keys_alone(door: Door, tab: Tab) -> None:
    """Tab reaches each group once, arrows choose within, Enter sends: nothing on the way is a trap."""
    tab.open(door.url + link_token(SECRET, LINK))
    before = tab.checked()
    tab.press("Tab")
    tab.press("Space")
    assert tab.checked() == before | {"purpose.analytics": "yes"}
    tab.press("ArrowDown")
    assert tab.checked() == before | {"purpose.analytics": "no"}
    tab.press("Enter", loads=True)
    assert tab.headers["attune-code"] == "choices_saved"
    [said] = door.deployment.records()[-1]["events"]
    assert said["consent"]["analytics"] is False


def test_to_a_screen_reader(door: Door, tab: Tab) -> None:
    tab.open(door.url + link_token(SECRET, LINK))
    told = tab.spoken()
    assert ("heading", "Your privacy choices") in told
    assert ("main", "") in told
    groups = [name for role, name in told if role in ("group", "radiogroup")]
    assert "E-mail" in groups
    assert len(groups) == len([name for role, name in told if role == "radio" and name == "Allow"])
    assert len(groups) == len([name for role, name in told if role == "radio" and name == "Do not allow"])
    assert ("button", "Save my choices") in told


def test_the_page_asks_for_nothing_and_tells_nobody_its_address(door: Door, tab: Tab) -> None:
    address = door.url + link_token(SECRET, LINK)
    tab.open(address)
    tab.click("button", loads=True)
    assert set(tab.asked) == {f"GET {address}", f"POST {address}"}


def test_the_style_is_let_through_by_the_page_s_own_policy(door: Door, tab: Tab) -> None:
    tab.open(door.url + link_token(SECRET, LINK))
    assert tab.look("getComputedStyle(document.querySelector('main')).maxWidth") == "640px"


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (link_token(SECRET, LINK)[:-1], 403, "invalid_link"),
        (link_token(b"another", LINK), 403, "invalid_link"),
        (link_token(SECRET, msgspec.structs.replace(STRANGER, expires_at=1)), 410, "link_expired"),
        (link_token(SECRET, STRANGER), 200, "nothing_held"),
    ],
)
def test_a_link_that_does_not_work_says_so_in_words(door: Door, tab: Tab, token: str, status: int, code: str) -> None:
    tab.open(door.url + token)
    assert (tab.status, tab.headers["attune-code"]) == (status, code)
    assert len(tab.title()) > len("Error")
