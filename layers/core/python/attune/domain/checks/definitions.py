"""What types cannot say of a definition: that what it refers to exists and that what it states can come true.

Every problem is one line, `<JSON path>: <what is wrong>`, so that all of them can be shown at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final

from attune.domain.campaigns import templates
from attune.domain.checks.computations import computation_problems
from attune.domain.checks.purposes import kept_twice, known_purposes, purpose_definition_problems, purpose_problems
from attune.domain.checks.segments import placed, segment_problems
from attune.domain.checks.sources import source_problems
from attune.domain.checks.urls import url_problem
from attune.domain.definitions.conditions import ConsentTest
from attune.domain.definitions.kinds import Campaign, Channel, ComputedTrait, Definition, Definitions, Segment
from attune.domain.definitions.purposes import DEFAULTS, Purpose
from attune.domain.definitions.references import MAX_TOGETHER, reached, segments_named, together, traits_named
from attune.domain.definitions.sources import Source
from attune.domain.definitions.tracking_plans import TrackingPlan

_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def check(definition: Definition, others: Definitions) -> list[str]:
    """Every problem of `definition` among `others` (in which it may itself appear, in any version)."""
    problems: Iterator[str]
    purposes = known_purposes(others.purposes)
    match definition:
        case Purpose():
            twice = kept_twice(definition, others.purposes, others.computed_traits)
            problems = chain(purpose_definition_problems(definition), twice)
        case TrackingPlan():
            # Loads the validator, which only those functions carry that need it.
            from attune.domain.checks.tracking_plans import plan_problems

            problems = plan_problems(definition)
        case Source():
            problems = source_problems(definition, others.tracking_plans, purposes)
        case Segment():
            problems = chain(segment_problems(definition, purposes), _references(definition, others))
        case ComputedTrait():
            problems = chain(computation_problems("$.compute", definition.compute), _told_too(definition, others))
        case Channel():
            problems = _channel(definition, purposes)
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
    if kind == "purpose" and definition_id not in DEFAULTS:
        asking += _named_by(definition_id, others)
    asking += [
        f"source {source.id}"
        for _, source in sorted(others.sources.items())
        if kind == "tracking_plan" and source.tracking_plan == definition_id
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


def _named_by(purpose: str, others: Definitions) -> Iterator[str]:
    """What would not pass the checks without a purpose that nobody knows unless it is defined."""
    for _, versions in sorted(_versions(others).items()):
        tests = [node.condition for one in versions for node in placed(one) if isinstance(node.condition, ConsentTest)]
        if any(test.purpose == purpose for test in tests):
            yield f"segment {versions[0].id}"
    for _, source in sorted(others.sources.items()):
        mapped = source.mapping.consent if source.mapping else ()
        if purpose in (*source.consent, *chain(*source.consent_categories.values()), *mapped):
            yield f"source {source.id}"
    yield from (f"channel {one.id}" for _, one in sorted(others.channels.items()) if one.purpose == purpose)


def _told_too(trait: ComputedTrait, others: Definitions) -> Iterator[str]:
    for _, purpose in sorted(others.purposes.items()):
        if trait.id in purpose.retention.traits:
            yield f"$.id: purpose `{purpose.id}` says how long a trait of this name is kept, which holds of told ones"


def _asks_for(versions: tuple[Segment, ...], segment: str) -> bool:
    return any(segment in segments_named(version).values() for version in versions)


def _channel(channel: Channel, purposes: Collection[str]) -> Iterator[str]:
    if reason := url_problem(channel.url):
        yield f"$.url: {reason}"
    yield from purpose_problems("$.purpose", channel.purpose, purposes)


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
