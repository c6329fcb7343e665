"""What types cannot say of a definition: that what it refers to exists and that what it states can come true.

Every problem is one line, `<JSON path>: <what is wrong>`, so that all of them can be shown at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final
from urllib.parse import SplitResult, urlsplit

from attune.domain import templates
from attune.domain.computation_checks import computation_problems
from attune.domain.consent import PURPOSES
from attune.domain.definitions import Campaign, Channel, ComputedTrait, Definition, Definitions, Segment, Source
from attune.domain.references import MAX_TOGETHER, reached, segments_named, together, traits_named
from attune.domain.segment_checks import segment_problems

#: hosts that may be addressed without TLS; the sender refuses them outside the local cloud
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\.myshopify\.com")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?|[0-9a-f:.]+")


def check(definition: Definition, others: Definitions) -> list[str]:
    """Every problem of `definition` among `others` (in which it may itself appear, in any version)."""
    problems: Iterator[str]
    match definition:
        case Source():
            problems = _source(definition)
        case Segment():
            problems = chain(segment_problems(definition), _references(definition, others))
        case ComputedTrait():
            problems = computation_problems("$.compute", definition.compute)
        case Channel():
            problems = _channel(definition)
        case Campaign():
            problems = _campaign(definition, others)
    # `$` at the end of the type's pattern lets a final line feed pass in Python, though not in JSON Schema
    identity = [] if _ID.fullmatch(definition.id) else ["$.id: is not a valid id"]
    return identity + list(problems)


def users(kind: str, definition_id: str, others: Definitions) -> list[str]:
    """Which definitions refer to this one, as `campaign cart_reminder`: it cannot go before they do."""
    asking = [
        f"segment {name}"
        for name, versions in sorted(_versions(others).items())
        if (kind == "segment" and name != definition_id and _asks_for(versions, definition_id))
        or (kind == "computed_trait" and any(definition_id in traits_named(version) for version in versions))
    ]
    return asking + [
        f"campaign {campaign.id}"
        for _, campaign in sorted(others.campaigns.items())
        if (kind == "segment" and definition_id in _segments_of(campaign).values())
        or (kind == "channel" and definition_id == campaign.channel)
    ]


def _references(segment: Segment, others: Definitions) -> Iterator[str]:
    """Segments that it asks for are there and do not ask for it, neither as they serve nor as they will."""
    versions = _versions(others) | {segment.id: (segment,)}
    for path, named in segments_named(segment).items():
        if named not in versions:
            yield f"{path}: there is no segment `{named}`"
        elif segment.id in reached((named,), versions):
            yield f"{path}: segment `{named}` asks for `{segment.id}` itself, so neither could ever be told"
            return
    sizes: dict[str, int] = {}
    for name in sorted(versions):
        asks = name == segment.id or segment.id in reached((name,), versions)
        if asks and (size := together(name, versions, sizes)) > MAX_TOGETHER:
            yield (
                f"$.when: with the segments it asks for `{name}` would hold {size} conditions,"
                f" at most {MAX_TOGETHER} are allowed"
            )


def _versions(definitions: Definitions) -> dict[str, tuple[Segment, ...]]:
    """Of each segment the one that serves and the one that waits to."""
    names = definitions.segments.keys() | definitions.pending.keys()
    both = {name: (definitions.segments.get(name), definitions.pending.get(name)) for name in names}
    return {name: tuple(one for one in found if one is not None) for name, found in both.items()}


def _asks_for(versions: tuple[Segment, ...], segment: str) -> bool:
    return any(segment in segments_named(version).values() for version in versions)


def _source(source: Source) -> Iterator[str]:
    for purpose in source.consent:
        yield from _purpose(f"$.consent.{purpose}", purpose)
    for category, purposes in source.consent_categories.items():
        for index, purpose in enumerate(purposes):
            yield from _purpose(f"$.consent_categories.{category}[{index}]", purpose)
    for index, origin in enumerate(source.origins):
        if reason := _origin_problem(origin):
            yield f"$.origins[{index}]: {reason}"
    if source.type != "http" and source.origins:
        yield "$.origins: only a source of type http takes events from browsers"
    if source.type == "shopify" and not _SHOP.fullmatch(source.shop_domain):
        yield "$.shop_domain: must be the shop's permanent domain, such as my-shop.myshopify.com"
    if source.type != "shopify" and source.shop_domain:
        yield "$.shop_domain: only a source of type shopify has one"


def _channel(channel: Channel) -> Iterator[str]:
    if reason := _url_problem(channel.url):
        yield f"$.url: {reason}"
    yield from _purpose("$.purpose", channel.purpose)


def _campaign(campaign: Campaign, others: Definitions) -> Iterator[str]:
    for path, segment in _segments_of(campaign).items():
        if segment not in others.segments:
            yield f"{path}: there is no segment `{segment}`"
    refused = set(campaign.eligibility.not_in_segments)
    if campaign.trigger.segment in refused:
        yield "$.eligibility.not_in_segments: holds the trigger's segment, so nobody would be eligible"
    for segment in sorted(refused & set(campaign.eligibility.in_segments)):
        yield f"$.eligibility: `{segment}` is both required and refused"
    if campaign.channel not in others.channels:
        yield f"$.channel: there is no channel `{campaign.channel}`"
    yield from templates.check(campaign.message)


def _segments_of(campaign: Campaign) -> dict[str, str]:
    """Segment ids by the path where the campaign names them."""
    lists = {
        "in_segments": campaign.eligibility.in_segments,
        "not_in_segments": campaign.eligibility.not_in_segments,
    }
    named = {
        f"$.eligibility.{field}[{index}]": segment
        for field, segments in lists.items()
        for index, segment in enumerate(segments)
    }
    return {"$.trigger.segment": campaign.trigger.segment} | named


def _purpose(path: str, purpose: str) -> Iterator[str]:
    if purpose not in PURPOSES:
        yield f"{path}: `{purpose}` is not a consent purpose; known are {', '.join(PURPOSES)}"


def _url_problem(text: str) -> str:
    """Shape only: where a name leads is checked at every send, because it may lead elsewhere by then."""
    url = _split(text)
    if isinstance(url, str):
        return url
    return "must not have a fragment" if url.fragment else ""


def _origin_problem(text: str) -> str:
    """An `Origin` header is scheme, host and port, and is compared as a whole."""
    url = _split(text)
    if isinstance(url, str):
        return url
    if url.path or url.query or url.fragment:
        return "must end after the host or port, without a slash"
    return "" if text == text.lower() else "must be lower case, as browsers send it"


def _split(text: str) -> SplitResult | str:
    """The parts of an address that may be used, or what is wrong with it."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return "holds characters that an address cannot"
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "is not an address"
    if not _HOST.fullmatch(host):
        return "has no valid host"
    if url.username is not None or url.password is not None:
        return "must not hold a user name or password"
    if url.scheme != "https" and not (url.scheme == "http" and host in LOOPBACK):
        return "must begin with https:// (http:// is for loopback on the local cloud only)"
    return url
