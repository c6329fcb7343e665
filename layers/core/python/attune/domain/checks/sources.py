"""What types cannot say of a source: which fields belong to its type, and that they can be used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from attune.domain.checks.mappings import mapping_problems
from attune.domain.checks.normalisation import normalisation_problems
from attune.domain.checks.purposes import jurisdiction_problems, known_purposes, purpose_problems
from attune.domain.checks.signatures import signature_problems
from attune.domain.checks.urls import origin_problem, url_problem
from attune.domain.definitions.sources import Source

_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\.myshopify\.com")
_ORGANIZATION: Final = re.compile(r"00D[A-Za-z0-9]{12}([A-Za-z0-9]{3})?")
#: fields that only some types of source have
_FIELDS: Final = {
    "origins": ("http",),
    "consent_categories": ("http", "onetrust"),
    "rate_limit": ("http",),
    "shop_domain": ("shopify",),
    "url": ("hubspot",),
    "organization_id": ("salesforce",),
    "signature": ("webhook", "onetrust"),
    "mapping": ("webhook", "file", "stripe", "salesforce"),
    "delimiter": ("file",),
}
#: and those without which a type cannot work; what else is needed is told by what is checked of the field
_NEEDED: Final = {"webhook": ("signature", "mapping"), "onetrust": ("signature",), "file": ("mapping",)}


def source_problems(
    source: Source, tracking_plans: Collection[str], purposes: Collection[str] = known_purposes()
) -> Iterator[str]:
    """What types cannot say of a source, these plans and purposes being there."""
    yield from _purposes(source, purposes)
    if source.country:
        yield from jurisdiction_problems("$.country", source.country)
    yield from _fields(source, purposes)
    yield from _addresses(source)
    if source.tracking_plan and source.tracking_plan not in tracking_plans:
        yield f"$.tracking_plan: there is no tracking plan `{source.tracking_plan}`"
    yield from normalisation_problems(source.normalise)


def _purposes(source: Source, known: Collection[str]) -> Iterator[str]:
    for purpose in source.consent:
        yield from purpose_problems(f"$.consent.{purpose}", purpose, known)
    for category, purposes in source.consent_categories.items():
        for index, purpose in enumerate(purposes):
            yield from purpose_problems(f"$.consent_categories.{category}[{index}]", purpose, known)


def _fields(source: Source, purposes: Collection[str]) -> Iterator[str]:
    """Those that do not belong to the type would change nothing, which nobody means who writes them."""
    for field, types in _FIELDS.items():
        if source.type not in types and getattr(source, field):
            yield f"$.{field}: only a source of type {' or '.join(types)} has one"
    for field in _NEEDED.get(source.type, ()):
        if not getattr(source, field):
            yield f"$.{field}: a source of type {source.type} needs one"
    if source.signature is not None:
        yield from signature_problems("$.signature", source.signature)
    if source.mapping is not None:
        yield from mapping_problems("$.mapping", source.mapping, purposes)


def _addresses(source: Source) -> Iterator[str]:
    for index, origin in enumerate(source.origins):
        if reason := origin_problem(origin):
            yield f"$.origins[{index}]: {reason}"
    if source.type == "shopify" and not _SHOP.fullmatch(source.shop_domain):
        yield "$.shop_domain: must be the shop's permanent domain, such as my-shop.myshopify.com"
    if source.type == "salesforce" and not _ORGANIZATION.fullmatch(source.organization_id):
        yield "$.organization_id: must be the organisation's id, 00D and 12 or 15 more letters and digits"
    if source.type == "hubspot":
        reason = url_problem(source.url) or ("must not have a query" if "?" in source.url else "")
        if reason:
            yield f"$.url: {reason}; it is the address that HubSpot calls"
