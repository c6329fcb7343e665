"""Take a shop's webhook: the source that its path names, a signature over its bytes, an event onto the stream."""

from __future__ import annotations

import base64
import hmac
from typing import Final

import msgspec

from attune.domain.definitions import Source
from attune.domain.errors import AttuneError
from attune.domain.events import Origin, Record, Rejected
from attune.ports import Count, DefinitionReader, EventStream, Identified, Secrets
from attune.sources.payloads import KB, UnreadableError, too_large
from attune.sources.shopify import read_webhook
from attune.use_cases.write_records import stream_entries

#: bytes: what a record of the stream can carry even if it must go to quarantine whole
MAX_WEBHOOK: Final = 500 * KB


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it came: the path's source, the raw body, and the headers that matter, empty where missing."""

    source: str
    body: bytes
    signature: str = ""
    topic: str = ""
    shop: str = ""


class ReceiveWebhook:
    """Callable with a notice and the time of receipt; returns when it is stored."""

    def __init__(
        self,
        *,
        definitions: DefinitionReader,
        secrets: Secrets,
        pseudonyms: Identified,
        stream: EventStream,
        count: Count,
    ) -> None:
        """`secrets`: the live webhook secrets by source."""
        self._definitions = definitions
        self._secrets = secrets
        self._pseudonyms = pseudonyms
        self._stream = stream
        self._count = count

    def __call__(self, notice: Notice, now: int) -> None:
        """What is signed and cannot be an event goes to quarantine with its reason.

        Raises `StreamUnavailableError`, or `AttuneError`: `unknown_source` (404), `invalid_signature` (401),
        `too_large` (413).
        """
        source = self._definitions.current().sources.get(notice.source)
        if source is None or source.type != "shopify":
            raise AttuneError("unknown_source", "no source of this name receives webhooks", status=404)
        if len(notice.body) > MAX_WEBHOOK:
            raise too_large(MAX_WEBHOOK)
        self._check_signature(source, notice)
        request = Record(source=source.id, origin=Origin.WEBHOOK, received_at=now, key="", trusted=True)
        try:
            webhook = read_webhook(notice.topic, notice.body, source, now)
        except UnreadableError as unreadable:
            rejected = (Rejected(reason=unreadable.reason, raw=notice.body),)
            self._stream.put(stream_entries(self._pseudonyms, request, (), rejected))
            self._count("EventsRejected", 1, {"source": source.id, "reason": unreadable.reason})
            return
        # Consent first, in a record that says we made it: no sender's event may have an internal type.
        made = msgspec.structs.replace(request, origin=Origin.INTERNAL)
        entries = stream_entries(self._pseudonyms, made, webhook.consents)
        self._stream.put(entries + stream_entries(self._pseudonyms, request, (webhook.event,)))
        self._count("EventsAccepted", 1 + len(webhook.consents), {"source": source.id})

    def _check_signature(self, source: Source, notice: Notice) -> None:
        """Base64 of HMAC-SHA256 over the raw body, under either live secret.

        The body names no shop, so the path does, and a shop's secret signs for its own source only.
        """
        given = notice.signature.strip().encode("utf-8", "surrogatepass")
        secrets = [secret for secret in self._secrets.live(source.id) if secret]
        matches = [hmac.compare_digest(given, sign(secret, notice.body)) for secret in secrets]
        shop_differs = bool(source.shop_domain) and notice.shop.strip().lower() != source.shop_domain.lower()
        if not any(matches) or shop_differs:
            raise AttuneError("invalid_signature", "the signature does not match this source and body", status=401)


def sign(secret: str, body: bytes) -> bytes:
    """What Shopify puts into `X-Shopify-Hmac-Sha256`."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
