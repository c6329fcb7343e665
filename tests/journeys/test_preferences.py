"""A link in a message, opened in a real browser on the deployed stack: what somebody refuses there is refused."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.demo.shop import EVERYTHING, SHOES, Shop
from tests.clients.browser import find_chromium
from tests.clients.roster import is_required
from tests.clients.tab import Tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.state import Stack

PATIENCE = 60

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api_url, timeout=35, trust_env=False) as client:
        yield client


def once(ask: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)


def visitor(shop: Shop) -> str:
    """Somebody new, who consents to everything a banner asks for."""
    name = f"reader-{time.time_ns()}"
    shop.visit(name, EVERYTHING).view(SHOES).end()
    once(lambda: shop.profile("anonymous_id", name) is not None)
    return name


def consent(shop: Shop, name: str) -> dict[str, bool]:
    profile = shop.profile("anonymous_id", name)
    assert profile is not None
    return {purpose: said["granted"] for purpose, said in profile["consent"].items()}


def link_of(stack: Stack, api: httpx.Client, name: str) -> str:
    headers = {"Authorization": f"Bearer {stack.server_key}"}
    path = f"/v1/profiles/anonymous_id%3A{name}/preferences-link"
    made: dict[str, Any] = api.post(path, json={"expires_in": "1d"}, headers=headers).raise_for_status().json()
    return str(made["url"])


def test_what_is_refused_in_the_browser_is_refused_and_what_is_allowed_counts(
    stack: Stack, shop: Shop, api: httpx.Client, tmp_path: Path
) -> None:
    chromium = find_chromium()
    if chromium is None and not is_required():
        pytest.skip("there is no Chromium here")
    assert chromium is not None
    name = visitor(shop)
    url = link_of(stack, api, name)
    assert url.startswith(f"{stack.api_url}/v1/preferences/")
    with Tab(chromium, tmp_path / "profile") as tab:
        tab.open(url)
        assert tab.checked() == {f"purpose.{purpose}": "yes" for purpose in EVERYTHING}
        tab.click("input[name='purpose.email'][value='no']")
        tab.click("input[name='purpose.sms'][value='yes']")
        tab.click("button", loads=True)
        assert tab.headers["attune-code"] == "choices_saved"
        assert consent(shop, name)["email"] is False  # before the stream has carried it
        once(lambda: consent(shop, name).get("sms") is True)
        tab.open(url)
        assert tab.checked() == {
            "purpose.analytics": "yes",
            "purpose.personalization": "yes",
            "purpose.email": "no",
            "purpose.sms": "yes",
        }
        tab.open(url[:-1])
        assert (tab.status, tab.headers["attune-code"]) == (403, "invalid_link")


def test_one_click_in_a_mail_program_ends_mail(stack: Stack, shop: Shop, api: httpx.Client) -> None:
    name = visitor(shop)
    url = link_of(stack, api, name)
    assert api.get(url).status_code == 200
    assert consent(shop, name)["email"] is True
    assert api.post(url, data={"List-Unsubscribe": "One-Click"}).headers["attune-code"] == "unsubscribed"
    assert consent(shop, name)["email"] is False
    multipart = {"List-Unsubscribe": (None, "One-Click")}
    assert api.post(url, files=multipart).headers["attune-code"] == "unsubscribed"


def test_a_browser_s_signal_reaches_the_profile(stack: Stack, shop: Shop, api: httpx.Client) -> None:
    name = visitor(shop)
    shop.set_consent("anonymous_id", name, {"advertising": True})
    once(lambda: consent(shop, name).get("advertising") is True)
    call = {"anonymousId": name, "event": "Product Viewed", "context": {"consent": {"categoryPreferences": EVERYTHING}}}
    api.post("/v1/track", json=call, auth=(stack.write_key, ""), headers={"Sec-GPC": "1"}).raise_for_status()
    once(lambda: consent(shop, name)["advertising"] is False)
    assert consent(shop, name) == EVERYTHING | {"advertising": False}
    assert api.get("/.well-known/gpc.json").json()["gpc"] is True
