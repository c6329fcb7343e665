"""Every sender of webhooks that is understood, by the type of its source."""

from __future__ import annotations

from typing import Final

from attune.sources import generic, hubspot, onetrust, salesforce, shopify, signed, stripe
from attune.sources.salesforce_messages import STORED
from attune.sources.webhooks import Format

FORMATS: Final[dict[str, Format]] = {
    "hubspot": Format(proves=hubspot.proves, read=hubspot.read),
    "onetrust": Format(proves=signed.proves, read=onetrust.read),
    "salesforce": Format(proves=salesforce.proves, read=salesforce.read, accepted=STORED),
    "shopify": Format(proves=shopify.proves, read=shopify.read, reads=shopify.READS),
    "stripe": Format(proves=stripe.proves, read=stripe.read),
    "webhook": Format(proves=signed.proves, read=generic.read),
}
