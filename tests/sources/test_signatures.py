"""Every way in which a webhook proves where it comes from: what its sender signs passes, and nothing else does.

What must pass is signed here anew, by the sender's own documentation or library, and by vectors that others published.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.signatures import (
    BasicSignature,
    HmacSignature,
    Signature,
    StandardSignature,
    StripeSignature,
    TokenSignature,
)
from attune.domain.definitions.sources import Source
from attune.sources.formats import FORMATS
from attune.sources.webhooks import Call
from tests.builders import MINUTE, NOW
from tests.faults.effort import LONG

BODY = '{"id": 1, "who": "Zoë", "list": [1, 2, 3]}'.encode()
ORGANIZATION = "00D000000000062EAA"
SHOP = "shop.myshopify.com"
URL = "https://collect.example/v1/webhooks/crm"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OUTBOUND = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{}</OrganizationId></notifications>'
    "</e:Body></e:Envelope>"
)
EXAMPLES = 20_000 if LONG else 150

type Sign = Callable[[bytes, str, int], dict[str, str]]


def mac(secret: str, data: bytes, digest: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), data, digest).digest()


def by_hmac(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"x-sig": "sha256=" + mac(secret, body).hex()}


def by_timed_hmac(body: bytes, secret: str, now: int) -> dict[str, str]:
    signed = mac(secret, f"v0:{now}:".encode() + body, "sha512")
    return {"x-time": str(now), "x-sig": base64.b64encode(signed).decode()}


def by_sha1(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"x-sig": mac(secret, body, "sha1").hex()}


def by_standard(body: bytes, secret: str, now: int) -> dict[str, str]:
    stamp = datetime.fromtimestamp(now // 1000, UTC)
    signed = Webhook(secret).sign("msg_1", stamp, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(now // 1000), "webhook-signature": signed}


def by_stripe(body: bytes, secret: str, now: int) -> dict[str, str]:
    signed = mac(secret, f"{now // 1000}.".encode() + body).hex()
    return {"stripe-signature": f"t={now // 1000},v1={signed},v0={'0' * 64}"}


def by_token(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def by_basic(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


def by_shopify(body: bytes, secret: str, now: int) -> dict[str, str]:
    return {"x-shopify-hmac-sha256": base64.b64encode(mac(secret, body)).decode(), "x-shopify-shop-domain": SHOP}


def by_hubspot(body: bytes, secret: str, now: int) -> dict[str, str]:
    signed = mac(secret, f"POST{URL}".encode() + body + str(now).encode())
    return {"x-hubspot-request-timestamp": str(now), "x-hubspot-signature-v3": base64.b64encode(signed).decode()}


@dataclass(frozen=True)
class Scheme:
    """`covers`: what else than the secret itself is proven; `header`: where the proof stands."""

    source: Source
    sign: Sign
    header: str
    secret: str = "the secret of the source"
    other: str = "another secret of this kind"
    covers_body: bool = True
    #: ms by which the time of signing may be off; `unit`: ms in which the sender tells time
    tolerance: int | None = None
    unit: int = 1

    def call(self, body: bytes = BODY, secret: str | None = None, at: int = NOW) -> Call:
        return Call(headers=self.sign(body, self.secret if secret is None else secret, at), body=body)

    def proves(self, call: Call, secrets: Sequence[str] | None = None, now: int = NOW) -> bool:
        live = (self.secret,) if secrets is None else secrets
        return FORMATS[self.source.type].proves(call, self.source, live, now)

    def proof(self, call: Call) -> str:
        """Without what Stripe adds for its tests, which proves nothing."""
        return call.headers[self.header].partition(",v0=")[0]

    def with_header(self, text: str, call: Call | None = None) -> Call:
        made = call or self.call()
        return msgspec.structs.replace(made, headers={**made.headers, self.header: text})


def generic(signature: Signature) -> Source:
    return Source(id="any", type="webhook", signature=signature, mapping=Mapping(identifiers={"email": "email"}))


TIMED = HmacSignature(
    header="X-Sig",
    hash="sha512",
    encoding="base64",
    content="v0:{timestamp}:{body}",
    timestamp_header="X-Time",
    timestamp_unit="ms",
    tolerance="90s",
)
STANDARD_OTHER = "whsec_" + base64.b64encode(b"another secret of the kind").decode()
SCHEMES = {
    "hmac": Scheme(generic(HmacSignature(header="X-Sig", prefix="sha256=")), by_hmac, "x-sig"),
    "hmac with a time": Scheme(generic(TIMED), by_timed_hmac, "x-sig", tolerance=90_000),
    "hmac of sha1": Scheme(generic(HmacSignature(header="X-Sig", hash="sha1")), by_sha1, "x-sig"),
    "standard webhooks": Scheme(
        generic(StandardSignature()),
        by_standard,
        "webhook-signature",
        secret=STANDARD,
        other=STANDARD_OTHER,
        tolerance=5 * MINUTE,
        unit=1000,
    ),
    "stripe's, elsewhere": Scheme(
        generic(StripeSignature(tolerance="10s")), by_stripe, "stripe-signature", tolerance=10_000, unit=1000
    ),
    "stripe": Scheme(Source(id="pay", type="stripe"), by_stripe, "stripe-signature", tolerance=5 * MINUTE, unit=1000),
    "token": Scheme(
        generic(TokenSignature(header="Authorization", prefix="Bearer ")), by_token, "authorization", covers_body=False
    ),
    "basic": Scheme(
        generic(BasicSignature()),
        by_basic,
        "authorization",
        secret="crm:a password",
        other="crm:another one",
        covers_body=False,
    ),
    "shopify": Scheme(Source(id="shop", type="shopify", shop_domain=SHOP), by_shopify, "x-shopify-hmac-sha256"),
    "hubspot": Scheme(
        Source(id="crm", type="hubspot", url=URL), by_hubspot, "x-hubspot-signature-v3", tolerance=5 * MINUTE
    ),
}
TIMED_SCHEMES = {name: scheme for name, scheme in SCHEMES.items() if scheme.tolerance is not None}


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return SCHEMES[request.param]


@pytest.fixture(params=TIMED_SCHEMES)
def timed(request: pytest.FixtureRequest) -> Scheme:
    return TIMED_SCHEMES[request.param]


def flips(text: str | bytes) -> Iterator[bytes]:
    """All that differ in one bit."""
    data = text.encode("latin-1") if isinstance(text, str) else text
    for bit in range(len(data) * 8):
        yield data[: bit // 8] + bytes([data[bit // 8] ^ (1 << bit % 8)]) + data[bit // 8 + 1 :]


# ------------------------------------------------------------------------------------------------- published vectors
def test_the_vector_of_standard_webhooks() -> None:
    call = Call(
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        body=b'{"test": 2432232314}',
    )
    assert SCHEMES["standard webhooks"].proves(call, now=1_614_265_330_000)


def test_the_same_vector_under_the_names_that_svix_gives_its_headers() -> None:
    call = Call(
        headers={
            "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "svix-timestamp": "1614265330",
            "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        body=b'{"test": 2432232314}',
    )
    source = generic(StandardSignature(headers="svix"))
    assert FORMATS["webhook"].proves(call, source, [STANDARD], 1_614_265_330_000)
    assert not SCHEMES["standard webhooks"].proves(call, now=1_614_265_330_000)


def test_the_vector_of_stripe() -> None:
    signed = "t=1614265330,v1=347e9afe3d74ec4c5cbefd270edc9246513ae3da7b375223e302560fbd4146eb"
    call = Call(headers={"stripe-signature": signed}, body=b'{"id":"evt_1"}')
    assert SCHEMES["stripe"].proves(call, ["whsec_test"], now=1_614_265_330_000)


def test_the_vector_of_shopify() -> None:
    signed = {"x-shopify-hmac-sha256": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=", "x-shopify-shop-domain": SHOP}
    assert SCHEMES["shopify"].proves(Call(headers=signed, body=b'{"id":1}'), ["hush"])


def test_the_vector_of_hubspot() -> None:
    headers = {
        "x-hubspot-request-timestamp": "15000000",
        "x-hubspot-signature-v3": "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
    }
    call = Call(headers=headers, body=b"{'example_field':'example_value'}")
    source = Source(id="crm", type="hubspot", url="https://www.example.com/webhook_uri")
    assert FORMATS["hubspot"].proves(call, source, ["yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"], 15_000_000)


def test_the_vector_of_github() -> None:
    signed = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    source = generic(HmacSignature(header="X-Hub-Signature-256", prefix="sha256="))
    call = Call(headers={"x-hub-signature-256": signed}, body=b"Hello, World!")
    assert FORMATS["webhook"].proves(call, source, ["It's a Secret to Everybody"], NOW)


def test_the_vector_of_slack() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    signature = HmacSignature(
        header="X-Slack-Signature",
        prefix="v0=",
        content="v0:{timestamp}:{body}",
        timestamp_header="X-Slack-Request-Timestamp",
    )
    call = Call(headers=headers, body=body)
    assert FORMATS["webhook"].proves(call, generic(signature), ["8f742231b10e8888abcd99yyyzzz85a5"], 1_531_420_618_000)


# ------------------------------------------------------------------------------------------------------- every scheme
def test_what_its_sender_signs_passes_under_any_live_secret(scheme: Scheme) -> None:
    assert scheme.proves(scheme.call())
    assert scheme.proves(scheme.call(), [scheme.other, scheme.secret])
    assert scheme.proves(scheme.call(), [scheme.secret, scheme.other])
    assert scheme.proves(scheme.call(b""))


def test_no_other_secret_passes(scheme: Scheme) -> None:
    assert not scheme.proves(scheme.call(secret=scheme.other))
    assert not scheme.proves(scheme.call(), [scheme.other])


def test_a_source_without_a_secret_takes_nothing(scheme: Scheme) -> None:
    for secrets in ((), ("",), ("", "")):
        assert not scheme.proves(scheme.call(), secrets)
        if scheme.sign is not by_standard:  # the library refuses to sign so
            assert not scheme.proves(scheme.call(secret=""), secrets)


def test_no_bit_of_the_proof_is_idle(scheme: Scheme) -> None:
    call = scheme.call()
    text = scheme.proof(call)
    assert scheme.proves(scheme.with_header(text, call))
    for flipped in flips(text):
        assert not scheme.proves(scheme.with_header(flipped.decode("latin-1"), call)), flipped


def test_no_bit_of_the_body_is_idle(scheme: Scheme) -> None:
    bodies = [*flips(BODY), b"", BODY + b" ", b" " + BODY, BODY + BODY, BODY[:-1], BODY.replace(b" ", b"")]
    for body in bodies:
        passes = scheme.proves(msgspec.structs.replace(scheme.call(), body=body))
        assert passes is not scheme.covers_body, body


def test_no_bit_of_the_time_is_idle(timed: Scheme) -> None:
    """Neither where it stands in a header of its own, nor beside the signature."""
    call = timed.call()
    for name, text in call.headers.items():
        if str(NOW // timed.unit) == text:
            for flipped in flips(text):
                headers = {**call.headers, name: flipped.decode("latin-1")}
                assert not timed.proves(msgspec.structs.replace(call, headers=headers)), flipped


def test_a_time_counts_up_to_exactly_its_tolerance(timed: Scheme) -> None:
    assert timed.tolerance is not None
    at = NOW // timed.unit * timed.unit
    for off, passes in ((timed.tolerance, True), (timed.tolerance + 1, False)):
        assert timed.proves(timed.call(at=at), now=at + off) is passes
        assert timed.proves(timed.call(at=at), now=at - off) is passes


def test_a_missing_doubled_or_respelt_proof_is_refused(scheme: Scheme) -> None:
    call = scheme.call()
    text = scheme.proof(call)
    for name in call.headers:
        without = {other: value for other, value in call.headers.items() if other != name}
        assert not scheme.proves(msgspec.structs.replace(call, headers=without)), name
        emptied = msgspec.structs.replace(call, headers={**without, name: ""})
        assert not scheme.proves(emptied), name
    for wrong in (
        f"{text},{text}",
        f"{text}, {text}",
        text.swapcase(),
        f'"{text}"',
        text[:-1],
        text.partition("=")[2],
        text + "=",
        "=",
        ",",
        "é",
    ):
        assert not scheme.proves(scheme.with_header(wrong, call)), wrong


def test_what_one_source_was_sent_is_no_proof_to_another(scheme: Scheme) -> None:
    for name, other in SCHEMES.items():
        if other.sign is not scheme.sign:
            assert not other.proves(scheme.call()), name


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.sampled_from(sorted(SCHEMES)),
    parts=st.data(),
    body=st.binary(max_size=40),
)
def test_whatever_comes_is_refused_and_breaks_nothing(name: str, parts: Any, body: bytes) -> None:
    scheme = SCHEMES[name]
    signed = scheme.call().headers
    odd = st.text(max_size=40) | st.text("0123456789abcdef=,.tv1 ", max_size=80) | st.just("\udcff" * 4)
    headers = {
        header: parts.draw(odd | st.just(text) if header != scheme.header else odd) for header, text in signed.items()
    }
    call = Call(headers=headers, body=body, raw_query=parts.draw(odd), query={"token": parts.draw(odd)})
    assert scheme.proves(call) is False
    assert scheme.proves(call, ["whsec_é", "whsec_", "not base64"]) is False


@pytest.mark.skipif(not LONG, reason="a minute: part of the long runs")
def test_bodies_of_any_length_prove_nothing_but_themselves(scheme: Scheme) -> None:
    dice = random.Random(1)
    for _ in range(20_000):
        body = dice.randbytes(dice.randrange(400)).hex().encode()
        call = scheme.call(body)
        assert scheme.proves(call)
        if scheme.covers_body and body:
            at = dice.randrange(len(body))
            assert not scheme.proves(msgspec.structs.replace(call, body=body[:at] + b"~" + body[at + 1 :]))


# ---------------------------------------------------------------------------------------------- what only some can do
def test_each_of_several_signatures_may_be_the_right_one() -> None:
    """So that a sender may change its secret at any time."""
    stripe, standard = SCHEMES["stripe"], SCHEMES["standard webhooks"]
    right = stripe.call().headers["stripe-signature"].split(",")[1]
    stamp = f"t={NOW // 1000}"
    for parts in ([stamp, "v1=" + "0" * 64, right], [right, stamp], [stamp, "unknown=1", right]):
        assert stripe.proves(stripe.with_header(",".join(parts)))
    right = standard.call().headers["webhook-signature"]
    for several in (f"v1,AAAA {right}", f"{right} v1a,AAAA", f"v2,x {right} v1,0"):
        assert standard.proves(standard.with_header(several))


def test_a_signature_of_another_version_proves_nothing() -> None:
    stripe, standard = SCHEMES["stripe"], SCHEMES["standard webhooks"]
    header = stripe.call().headers["stripe-signature"]
    assert not stripe.proves(stripe.with_header(header.replace("v1=", "v2=")))
    right = standard.call().headers["webhook-signature"]
    assert not standard.proves(standard.with_header(right.replace("v1,", "v1a,")))


def test_a_second_time_makes_the_first_one_doubtful() -> None:
    stripe = SCHEMES["stripe"]
    header = stripe.call().headers["stripe-signature"]
    assert not stripe.proves(stripe.with_header(f"{header},t={NOW // 1000}"))
    old = stripe.call(at=NOW - 600_000)
    assert not stripe.proves(stripe.with_header(old.headers["stripe-signature"] + f",t={NOW // 1000}", old))


def test_a_flood_of_signatures_is_not_looked_through() -> None:
    stripe = SCHEMES["stripe"]
    header = stripe.call().headers["stripe-signature"]
    stamp, right, _ = header.split(",")
    assert not stripe.proves(stripe.with_header(",".join([stamp, *["v1=0"] * 10, right])))


def test_an_id_may_take_no_part_of_the_content_for_itself() -> None:
    """`a.1` + `2` + body and `a` + `1` + `2.body` would be the same bytes."""
    standard = SCHEMES["standard webhooks"]
    signed = base64.b64encode(
        hmac.digest(base64.b64decode(STANDARD[6:]), f"a.{NOW // 1000}.{NOW // 1000}.x".encode(), hashlib.sha256)
    )
    headers = {"webhook-timestamp": str(NOW // 1000), "webhook-signature": "v1," + signed.decode()}
    honest = Call(headers={**headers, "webhook-id": "a"}, body=f"{NOW // 1000}.x".encode())
    shifted = Call(headers={**headers, "webhook-id": f"a.{NOW // 1000}"}, body=b"x")
    assert standard.proves(honest)
    assert not standard.proves(shifted)


def test_a_shop_proves_nothing_for_another_shop_nor_an_address_for_another() -> None:
    shopify, hubspot = SCHEMES["shopify"], SCHEMES["hubspot"]
    elsewhere = msgspec.structs.replace(shopify.source, shop_domain="other.myshopify.com")
    assert not FORMATS["shopify"].proves(shopify.call(), elsewhere, [shopify.secret], NOW)
    elsewhere = msgspec.structs.replace(hubspot.source, url=URL + "2")
    assert not FORMATS["hubspot"].proves(hubspot.call(), elsewhere, [hubspot.secret], NOW)


# --------------------------------------------------------------------------------------------------------- Salesforce
SALES = Source(id="sales", type="salesforce", organization_id=ORGANIZATION)
TOKEN = "a long token of ours"


def outbound(token: str = TOKEN, organization: str = ORGANIZATION, body: bytes | None = None) -> Call:
    return Call(query={"token": token}, body=OUTBOUND.format(organization).encode() if body is None else body)


def test_salesforce_needs_the_token_and_its_organization() -> None:
    proves = FORMATS["salesforce"].proves
    assert proves(outbound(), SALES, [TOKEN], NOW)
    assert proves(outbound(), SALES, ["new token", TOKEN], NOW)
    short = msgspec.structs.replace(SALES, organization_id=ORGANIZATION[:15])
    assert proves(outbound(), short, [TOKEN], NOW)
    assert proves(outbound(organization=ORGANIZATION[:15]), SALES, [TOKEN], NOW)


def test_whoever_knows_only_the_organization_is_refused() -> None:
    proves = FORMATS["salesforce"].proves
    refused = [outbound(token=""), outbound(token=ORGANIZATION), outbound(token=f"{TOKEN},{TOKEN}"), outbound("é")]
    refused += [outbound(flipped.decode("latin-1")) for flipped in flips(TOKEN)]
    refused.append(Call(body=outbound().body, headers={"authorization": TOKEN}, raw_query=f"token={TOKEN}"))
    for call in refused:
        assert not proves(call, SALES, [TOKEN], NOW), call.query
    assert not proves(outbound(""), SALES, [""], NOW)
    assert not proves(outbound(), SALES, [], NOW)


def test_another_organization_is_refused_even_with_the_token() -> None:
    proves = FORMATS["salesforce"].proves
    wrong = ["", "00D", ORGANIZATION[:14], ORGANIZATION[:16], ORGANIZATION + "A", ORGANIZATION.swapcase()]
    for organization in (*wrong, "00D000000000063EAA", ORGANIZATION[:17] + "B"):
        assert not proves(outbound(organization=organization), SALES, [TOKEN], NOW), organization
    assert not proves(outbound(organization=""), Source(id="sales", type="salesforce"), [TOKEN], NOW)
