"""Where events come from, as people define it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from attune.domain.definitions.conditions import Named, Part
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.purposes import Jurisdiction
from attune.domain.definitions.signatures import Signature

#: sources that receive webhooks
WEBHOOK_TYPES = frozenset({"shopify", "hubspot", "salesforce", "stripe", "onetrust", "webhook"})


class RateLimit(Part, frozen=True, kw_only=True):
    """Requests a second that clients of a source may send, all its keys together.

    `burst`: how many at once; a second's worth if it is 0.
    """

    per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    burst: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class Source(Named, frozen=True, kw_only=True, tag="source"):
    """Where events come from.

    `consent` is what the source vouches for where an event says nothing itself (its legal basis), by purpose.
    `consent_categories` maps a consent banner's category names, or OneTrust's purposes, to purposes; a category named
    like a purpose needs no entry. `country`: the jurisdiction of its people where an event says nothing of it.
    `tracking_plan`: the id of one. `url`: the address under which HubSpot calls us, which its signature covers.
    `personal`: traits, properties and namespaces that masked keys do not see, besides what they never do.
    `delimiter`: between the cells of CSV files, a comma unless told.
    """

    type: Literal["http", "shopify", "hubspot", "salesforce", "stripe", "onetrust", "webhook", "file"] = "http"
    origins: tuple[str, ...] = ()
    consent: dict[str, bool] = {}  # noqa: RUF012 - msgspec copies it
    consent_categories: dict[str, tuple[str, ...]] = {}  # noqa: RUF012
    country: Jurisdiction = ""
    tracking_plan: str = ""
    normalise: Normalisation = Normalisation()
    personal: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None
    shop_domain: str = ""
    url: str = ""
    organization_id: str = ""
    signature: Signature | None = None
    mapping: Mapping | None = None
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
