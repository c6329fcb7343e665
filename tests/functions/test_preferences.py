"""The preference link and its page as deployed, on moto: what people see, what they say, and what is refused."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any, override
from urllib.parse import urlencode

import msgspec
import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.consent.preference_links import PreferenceLink, link_token
from attune.domain.errors import AttuneError
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.runtime.http import refusal, reply
from attune.runtime.preference_pages import in_pages
from tests.builders import DAY, NOW, SECRET, key_of
from tests.functions.management import ADMIN, Answer, Deployment

ADA, ID = Identifier("email", "ada@example.com"), "cd" * 16
FORM = "application/x-www-form-urlencoded"
PURPOSES = ["advertising", "analytics", "email", "personalization", "research", "sms"]
RESEARCH = {"kind": "purpose", "id": "research", "name": "Research & <b>more</b>", "description": 'Ask "why".'}


class Page(HTMLParser):
    """What of a page matters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.legends: list[str] = []
        self._in: str = ""
        self.feed(text)
        self.metas = {
            attributes["name"]: attributes["content"] for attributes in self.of("meta") if "name" in attributes
        }

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._in = tag

    @override
    def handle_data(self, data: str) -> None:
        if self._in == "legend" and data.strip():
            self.legends.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def fields(self) -> dict[str, str]:
        """As a browser would send the form untouched."""
        chosen = [one for one in self.of("input") if one["type"] == "hidden" or "checked" in one]
        return {one["name"]: one["value"] for one in chosen}


def store_ada(deployment: Deployment) -> None:
    """Ada consented to e-mail and withdrew advertising."""
    store(deployment, ADA, Identity(profile_id=ID, at=NOW, namespace="email"))


def store(deployment: Deployment, named: Identifier, identity: Identity) -> None:
    """A profile that consented to e-mail and withdrew advertising, and the identity that leads to it."""
    identity_key = key_of(named.namespace, named.value)
    consent = {"email": Consent(True, NOW, "shop"), "advertising": Consent(False, NOW, "shop")}
    profile = Profile(profile_id=identity.profile_id, links={identity_key: Link(named, NOW)}, consent=consent)
    claim = Claim(identity_key=identity_key, read=None, identity=identity)
    tables = deployment.tables
    profiles = DynamoProfiles(
        deployment.cloud.client("dynamodb"), profiles=tables["profiles"], identities=tables["identities"]
    )
    item = ProfileItem(profile_id=identity.profile_id, version=1, state=encode_profile(profile))
    profiles.commit(Commit(items=((None, item),), claims=(claim,)))


@pytest.fixture(scope="module")
def key(deployment: Deployment) -> str:
    """A server key, and Ada."""
    deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    assert deployment.call("PUT", "/v1/definitions/purpose/research", RESEARCH, key=ADMIN).status == 200
    made = deployment.call("POST", "/v1/sources/shop/keys", {"type": "server"}, key=ADMIN)
    store_ada(deployment)
    return str(made.body["key"])


@pytest.fixture(scope="module")
def path(deployment: Deployment, key: str) -> str:
    """The path of Ada's link."""
    made = deployment.call("POST", "/v1/profiles/email%3Aada%40example.com/preferences-link", key=key)
    assert made.status == 201
    return str(made.body["url"]).removeprefix("https://api.example")


def post(deployment: Deployment, path: str, fields: Any) -> Answer:
    return deployment.call("POST", path, raw=urlencode(fields).encode(), kind=FORM)


def test_only_a_server_key_makes_links(deployment: Deployment, key: str) -> None:
    route = "/v1/profiles/email%3Aada%40example.com/preferences-link"
    browsers = deployment.call("POST", "/v1/sources/shop/keys", {"type": "browser"}, key=ADMIN).body["key"]
    for other, status, code in (
        (None, 401, "unknown_server_key"),
        (ADMIN, 401, "unknown_server_key"),
        (browsers, 403, "server_key_required"),
    ):
        answer = deployment.call("POST", route, key=other)
        assert (answer.status, answer.body["code"]) == (status, code)


def test_the_page_shows_every_purpose_as_it_stands(deployment: Deployment, path: str) -> None:
    answer = deployment.call("GET", path)
    page = Page(answer.body)
    assert (answer.status, answer.headers["attune-code"], page.metas["attune-code"]) == (200, "choices", "choices")
    assert len(page.legends) == len(PURPOSES)
    assert page.fields() | {"seen": ""} == {"seen": "", "purpose.email": "yes", "purpose.advertising": "no"}
    offered = sorted({one["name"] for one in page.of("input") if one["type"] == "radio"})
    assert offered == [f"purpose.{purpose}" for purpose in PURPOSES]


def test_the_page_says_of_whom_it_is_to_nobody_and_loads_nothing(deployment: Deployment, path: str) -> None:
    answer = deployment.call("GET", path)
    assert "ada" not in answer.body.lower()
    page = Page(answer.body)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "video", "audio"}
    assert "url(" not in answer.body
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    assert [one.get("action") for one in page.of("form")] == [None]


def test_the_page_s_headers_let_nothing_in_and_nothing_out(deployment: Deployment, path: str) -> None:
    headers = deployment.call("GET", path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_what_the_company_writes_of_a_purpose_is_text_and_nothing_else(deployment: Deployment, path: str) -> None:
    text = deployment.call("GET", path).body
    assert "Research &amp; &lt;b&gt;more&lt;/b&gt;" in text
    assert "Ask &quot;why&quot;." in text
    assert "<b>" not in text


def test_every_choice_can_be_read_and_made_without_seeing_it(deployment: Deployment, path: str) -> None:
    """A language, one heading, a group with a legend for each purpose, a label around each button."""
    text = deployment.call("GET", path).body
    page = Page(text)
    assert page.of("html")[0]["lang"] == "en"
    assert len(page.of("h1")) == 1
    assert len(page.of("main")) == 1
    radios = [one for one in page.of("input") if one["type"] == "radio"]
    assert len(re.findall(r"<label><input [^>]*type=\"radio\"[^>]*> \w", text)) == len(radios) == 2 * len(PURPOSES)
    assert len(page.of("fieldset")) == len(page.legends) == len(PURPOSES)


def test_looking_puts_nothing_on_the_stream(deployment: Deployment, path: str) -> None:
    before = len(deployment.records())
    for _ in range(3):
        deployment.call("GET", path)
    assert len(deployment.records()) == before


def test_an_answer_is_held_sent_on_and_shown(deployment: Deployment, path: str) -> None:
    fields = Page(deployment.call("GET", path).body).fields()
    answer = post(deployment, path, fields | {"purpose.email": "no", "purpose.sms": "yes"})
    assert (answer.status, answer.headers["attune-code"]) == (200, "choices_saved")
    [said] = deployment.records()[-1]["events"]
    assert (said["type"], said["consent"]) == ("$consent", {"sms": True, "email": False, "advertising": False})
    assert said["evidence"] == {"method": "preference_page"}
    assert Page(deployment.call("GET", path).body).fields()["purpose.email"] == "no"


ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)


@pytest.mark.parametrize(("body", "kind"), [(ONE_CLICK, FORM), MULTIPART])
def test_one_click_in_a_mail_program_ends_mail(deployment: Deployment, path: str, body: str, kind: str) -> None:
    answer = deployment.call("POST", path, raw=body.encode(), kind=kind)
    assert (answer.status, answer.headers["attune-code"]) == (200, "unsubscribed")
    [said] = deployment.records()[-1]["events"]
    assert said["consent"] == {"email": False}


SEEN = "seen=0011223344556677"
BAD_FORMS = [
    (b"", 400, "invalid_body"),
    (b"{}", 400, "invalid_body"),
    (b"\xff\xfe", 400, "invalid_body"),
    (b"purpose.email=no", 400, "invalid_body"),
    (f"{SEEN}&purpose.email=maybe".encode(), 400, "invalid_body"),
    (f"{SEEN}&purpose.email=yes&purpose.email=no".encode(), 400, "invalid_body"),
    (f"{SEEN}&email=no".encode(), 400, "invalid_body"),
    (f"{SEEN}&purpose.email=%ff".encode(), 400, "invalid_body"),
    (f"{SEEN}&purpose.fishing=no".encode(), 400, "unknown_purpose"),
    (f"{SEEN}&purpose.$restriction=yes".encode(), 400, "unknown_purpose"),
    (f"{SEEN}&purpose.=yes".encode(), 400, "unknown_purpose"),
    (f"{SEEN}&{ONE_CLICK}".encode(), 400, "invalid_body"),
    (b"List-Unsubscribe=Two-Clicks", 400, "invalid_body"),
    (f"{SEEN}&purpose.analytics=yes".encode(), 409, "choices_changed"),
    ((SEEN + "&" + "&".join(f"purpose.p{n}=no" for n in range(300))).encode(), 400, "invalid_body"),
    (SEEN.encode() + b"&x=" + b"x" * 10_000, 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_FORMS)
def test_what_is_no_answer_changes_nothing(
    deployment: Deployment, path: str, body: bytes, status: int, code: str
) -> None:
    before = len(deployment.records())
    answer = deployment.call("POST", path, raw=body, kind=FORM)
    assert (answer.status, answer.headers["attune-code"]) == (status, code)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert len(deployment.records()) == before


def link_of(address: str, made_at: int = NOW) -> PreferenceLink:
    return PreferenceLink(identity_key=key_of("email", address), expires_at=2**39, made_at=made_at, source="shop")


def altered(path: str) -> dict[str, str]:
    token = path.rpartition("/")[2]
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = {}
    for name, place in {"a later end": 20, "a later making": 27}.items():
        mine = bytearray(data)
        mine[place] ^= 1
        changed[name] = base64.urlsafe_b64encode(bytes(mine)).decode().rstrip("=")
    strange = link_token(b"somebody else's secret", link_of("eve@example.com"))
    return changed | {"cut short": token[:-1], "another's": strange, "nonsense": "x", "padded": token + "="}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", ["a later end", "a later making", "cut short", "another's", "nonsense", "padded"])
def test_an_altered_link_is_a_403_that_says_so_as_a_page(
    deployment: Deployment, path: str, method: str, kind: str
) -> None:
    before = len(deployment.records())
    answer = deployment.call(method, f"/v1/preferences/{altered(path)[kind]}", raw=ONE_CLICK.encode(), kind=FORM)
    assert (answer.status, answer.headers["attune-code"]) == (403, "invalid_link")
    assert Page(answer.body).metas["attune-code"] == "invalid_link"
    assert len(deployment.records()) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_expired_link_is_a_410_and_changes_nothing(deployment: Deployment, key: str, method: str) -> None:
    late = msgspec.structs.replace(link_of(ADA.value), expires_at=(NOW - DAY) // 1_000)
    before = len(deployment.records())
    place = f"/v1/preferences/{link_token(SECRET, late)}"
    answer = deployment.call(method, place, raw=ONE_CLICK.encode(), kind=FORM)
    assert (answer.status, answer.headers["attune-code"]) == (410, "link_expired")
    assert len(deployment.records()) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_behind_the_link_of_somebody_unknown_nothing_is_held(deployment: Deployment, key: str, method: str) -> None:
    nothing_is_held(deployment, method, link_of("eve@example.com"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_behind_the_link_of_who_was_erased_nobody_s_later_life_is_seen(
    deployment: Deployment, key: str, method: str
) -> None:
    """As of somebody unknown: who has the link of the old life does not even learn that there is a new one."""
    named, born = Identifier("email", f"{method}@example.com".lower()), NOW + 2
    identity = Identity(profile_id=named.value.encode().hex()[:32], at=born, namespace="email", erased_at=NOW + 1)
    store(deployment, named, identity)
    for made_at in (NOW, NOW + 1):
        nothing_is_held(deployment, method, link_of(named.value, made_at))
    token = link_token(SECRET, link_of(named.value, born))
    answer = deployment.call(method, f"/v1/preferences/{token}", raw=ONE_CLICK.encode(), kind=FORM)
    assert answer.headers["attune-code"] in {"choices", "unsubscribed"}


def nothing_is_held(deployment: Deployment, method: str, link: PreferenceLink) -> None:
    before = len(deployment.records())
    answer = deployment.call(method, f"/v1/preferences/{link_token(SECRET, link)}", raw=ONE_CLICK.encode(), kind=FORM)
    assert (answer.status, answer.headers["attune-code"]) == (200, "nothing_held")
    assert "form" not in {tag for tag, _ in Page(answer.body).tags}
    assert len(deployment.records()) == before


def test_what_happens_is_not_told_in_the_log(
    deployment: Deployment, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.call("GET", path)
    post(deployment, path, {"seen": "x", "purpose.email": "no"})
    told = "".join(capsys.readouterr())
    assert path.rpartition("/")[2] not in told
    assert ADA.value not in told


def test_whether_the_signal_is_heeded_is_published(deployment: Deployment) -> None:
    answer = deployment.call("GET", "/.well-known/gpc.json")
    assert answer.status == 200
    assert answer.body == {"gpc": True}


def test_who_looks_or_decides_is_recorded_and_who_holds_no_link_is_not(deployment: Deployment, path: str) -> None:
    client = deployment.cloud.client("dynamodb")

    def told() -> list[str]:
        items = client.scan(TableName=deployment.tables["ledger"])["Items"]
        return [text["S"] for item in items for name, text in item.items() if name == "route" and "S" in text]

    before = told()
    deployment.call("GET", path)
    deployment.call("POST", path, raw=ONE_CLICK.encode(), kind=FORM)
    deployment.call("GET", path + "x")
    after = told()
    for route in before:
        after.remove(route)
    assert sorted(after) == ["GET /v1/preferences/{token}", "POST /v1/preferences/{token}"]


@pytest.mark.parametrize(("code", "status"), [("unavailable", 503), ("internal", 500)])
def test_what_fails_is_told_as_a_page_on_the_page_s_routes_and_nowhere_else(code: str, status: int) -> None:
    """And what the answer says beside, such as when to come again, stays."""

    def failing(event: dict[str, Any], context: object) -> dict[str, Any]:
        return reply(refusal(AttuneError(code, "away", status=status, retry_after=5)))

    shown = in_pages(failing, frozenset({"GET /v1/preferences/{token}"}))
    page = shown({"routeKey": "GET /v1/preferences/{token}"}, None)
    assert (page["statusCode"], page["headers"]["attune-code"], page["headers"]["retry-after"]) == (status, code, "5")
    assert page["headers"]["content-type"] == "text/html; charset=utf-8"
    assert Page(page["body"]).metas["attune-code"] == code
    assert json.loads(shown({"routeKey": "$default"}, None)["body"])["code"] == code
