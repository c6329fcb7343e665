"""What definitions do with fields: which segments, computed traits, models and campaigns read each, and what for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.campaigns.template_reads import ALL, reads
from attune.domain.definitions.conditions import Monetary
from attune.domain.definitions.references import leaves
from attune.domain.learning.models import MODELS
from attune.domain.profiles.activity import REVENUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.definitions.kinds import Campaign, Definitions, Segment

type _Name = tuple[str, str]

#: fields of conditions and computations, and the part of a person that each names
_NAMES: Final = {"trait": "trait", "property": "property", "key": "property", "model": "score", "list": "list"}
_NAMES_OF_DEFINITIONS: Final = {"segment": "segment", "purpose": "consent"}
#: whatever people compare with is no name
_VALUES: Final = frozenset({"value"})
#: of a cart, and the properties of events that it is made of
_CARTS: Final = ("cart_id", "checkout_id", "checkout_url", "currency", "products", "value")
#: a model's features are made of orders, looks and carts
_OF_MODELS: Final = tuple(("property", name) for name in REVENUE)


class Uses:
    """Who reads what; made once of a snapshot of definitions."""

    def __init__(self, direct: dict[str, frozenset[_Name]], purposes: dict[str, str], channels: dict[str, str]) -> None:
        self._direct = direct
        self._purposes = purposes
        self._channels = channels

    def readers(self, part: str, name: str) -> tuple[str, ...]:
        """`segment …`, `computed_trait …`, `score …`, `campaign …` that name the field themselves, sorted."""
        return tuple(sorted(reader for reader, named in self._direct.items() if _names(named, part, name)))

    def named(self, part: str) -> frozenset[str]:
        """All fields of a part that anything reads by name."""
        return frozenset(name for read in self._direct.values() for of, name in read if of == part and name != ALL)

    def sent_for(self, part: str, name: str) -> tuple[str, ...]:
        """Purposes of the channels of all campaigns that rest on the field, by whatever they read."""
        return tuple(sorted({purpose for one, purpose in self._purposes.items() if _names(self._all(one), part, name)}))

    def shown_to(self, part: str, name: str) -> tuple[str, ...]:
        """Channels whose messages may say the field itself."""
        return tuple(
            sorted({channel for one, channel in self._channels.items() if _names(self._direct[one], part, name)})
        )

    def _all(self, reader: str) -> frozenset[_Name]:
        """What it reads itself, and what that is made of."""
        found: set[_Name] = set()
        waiting = [reader]
        seen: set[str] = set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            named = self._direct.get(one, frozenset())
            found |= named
            for part, name in named:
                waiting += [f"{part} {name}", f"computed_trait {name}"] if part == "trait" else [f"{part} {name}"]
                if name == ALL:
                    kinds = ("segment",) if part == "segment" else ("computed_trait",)
                    waiting += [each for each in self._direct if each.partition(" ")[0] in kinds]
        return frozenset(found)


def uses_of(definitions: Definitions) -> Uses:
    """Of what serves and of what waits to."""
    direct: dict[str, frozenset[_Name]] = {}
    for segment in (*definitions.segments.values(), *definitions.pending.values()):
        known = direct.get(f"segment {segment.id}", frozenset())
        direct[f"segment {segment.id}"] = known | frozenset(_of_segment(segment))
    for computed in definitions.computed_traits.values():
        direct[f"computed_trait {computed.id}"] = frozenset(_named(msgspec.to_builtins(computed.compute)))
    for model in MODELS:
        direct[f"score {model}"] = frozenset(_OF_MODELS)
    purposes, channels = {}, {}
    for campaign in definitions.campaigns.values():
        reader = f"campaign {campaign.id}"
        direct[reader] = frozenset(_of_campaign(campaign))
        channels[reader] = campaign.channel
        if (channel := definitions.channels.get(campaign.channel)) is not None:
            purposes[reader] = channel.purpose
    return Uses(direct, purposes, channels)


def lists_of(definitions: Definitions) -> frozenset[str]:
    """Lists that segments ask for; others may be told without anybody reading them."""
    asked = (*definitions.segments.values(), *definitions.pending.values())
    return frozenset(name for segment in asked for part, name in _of_segment(segment) if part == "list")


def _of_segment(segment: Segment) -> Iterator[_Name]:
    for _, leaf in leaves(segment.when):
        yield from _named(msgspec.to_builtins(leaf))
        if isinstance(leaf, Monetary):
            yield from (("property", name) for name in REVENUE)


def _of_campaign(campaign: Campaign) -> Iterator[_Name]:
    yield "segment", campaign.trigger.segment
    yield from (("segment", one) for one in campaign.eligibility.in_segments)
    yield from (("segment", one) for one in campaign.eligibility.not_in_segments)
    for root, name in reads(campaign.message):
        match root, name:
            case "traits", _:
                yield "trait", name
            case "cart", _:
                named: Iterable[str] = _CARTS if name == ALL else (name,)
                yield from (("property", one) for one in named)
            case "profile", ("segments" | "*"):
                yield "segment", ALL
            case _:
                pass


def _named(node: Any) -> Iterator[_Name]:
    """Names at the top of their part, wherever a condition or a computation says them."""
    if isinstance(node, list | tuple):
        for one in node:
            yield from _named(one)
    if not isinstance(node, dict):
        return
    for field, value in node.items():
        part = _NAMES.get(field) or _NAMES_OF_DEFINITIONS.get(field)
        if part is not None and isinstance(value, str):
            yield part, value.partition(".")[0] if part == "property" else value
        elif field not in _VALUES:
            yield from _named(value)


def _names(named: frozenset[_Name], part: str, name: str) -> bool:
    """A computed trait is named as a trait is."""
    said = "trait" if part == "computed_trait" else part
    return (said, name) in named or (said, ALL) in named
