"""How a generic webhook proves where it comes from: a scheme and what it needs to know. Secrets are kept elsewhere.

Of a source's live secrets (one or two, while they are rotated) any may sign.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from attune.domain.definitions.conditions import Duration, Part

HeaderName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$", description="the name of an HTTP header")]


class HmacSignature(Part, frozen=True, kw_only=True, tag="hmac", tag_field="scheme"):
    """An HMAC in a header, behind `prefix`, over `content`: `{body}`, or with a time, as `{timestamp}.{body}`.

    With a timestamp, `timestamp_header` holds it, and a webhook is refused whose time is more than `tolerance` off.
    """

    header: HeaderName
    prefix: Annotated[str, msgspec.Meta(max_length=32)] = ""
    hash: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    content: Annotated[str, msgspec.Meta(max_length=100)] = "{body}"
    timestamp_header: HeaderName | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    tolerance: Duration = "5m"


class StandardSignature(Part, frozen=True, kw_only=True, tag="standard_webhooks", tag_field="scheme"):
    """As https://www.standardwebhooks.com says, with secrets `whsec_…`; some senders call the headers `svix-…`."""

    headers: Literal["webhook", "svix"] = "webhook"
    tolerance: Duration = "5m"


class StripeSignature(Part, frozen=True, kw_only=True, tag="stripe", tag_field="scheme"):
    """`t=<seconds>,v1=<hex>`, as Stripe and others send it, over `<t>.<body>`."""

    header: HeaderName = "Stripe-Signature"
    tolerance: Duration = "5m"


class TokenSignature(Part, frozen=True, kw_only=True, tag="token", tag_field="scheme"):
    """The secret itself in a header, behind `prefix`, such as `Bearer `. It proves the sender, not the body."""

    header: HeaderName
    prefix: Annotated[str, msgspec.Meta(max_length=32)] = ""


class BasicSignature(Part, frozen=True, kw_only=True, tag="basic", tag_field="scheme"):
    """`Authorization: Basic`; the secret is `user:password`. It proves the sender, not the body."""


Signature = HmacSignature | StandardSignature | StripeSignature | TokenSignature | BasicSignature
