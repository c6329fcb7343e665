"""Values for tests: valid as they stand, every part replaceable by keyword."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

from attune.domain.campaigns.deliveries import Delivery, State, delivery_id
from attune.domain.definitions.conditions import Abandoned, KeyedFilter, Performed, ScoreTest
from attune.domain.definitions.kinds import Campaign, Channel, Definition, Definitions, Segment, Trigger, snapshot
from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, SCORE, WAKE, Event, Origin, Record, short_hash
from attune.domain.identifiers import Identifier, by_strength, identity_key, partition_key, profile_id_for
from attune.domain.learning.clusters import Clusters
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.profile import Profile
from attune.ports import ProfileItem

#: 2025-06-15T15:06:40Z
NOW = 1_750_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
SECRET = b"identity secret of the tests"
EVERYTHING = {"analytics": True, "personalization": True, "email": True}

_numbers = itertools.count(1)
#: the long runs ask for the keys of the same few people a million times
_key = functools.cache(identity_key)


class Pseudonyms:
    """`Identified` under the tests' own secret."""

    def __init__(self, secret: bytes = SECRET) -> None:
        self._secret = secret

    def key(self, identifier: Identifier) -> str:
        return _key(self._secret, identifier)

    def profile_id(self, first: str, generation: int) -> str:
        return profile_id_for(self._secret, first, generation)


def identifiers(**values: str) -> tuple[Identifier, ...]:
    """`identifiers(email="a@b.com", user_id="u1")`: strongest first."""
    return by_strength(Identifier(namespace, value) for namespace, value in values.items())


def key_of(namespace: str, value: str) -> str:
    """The identity key of an identifier."""
    return identity_key(SECRET, Identifier(namespace, value))


def event(name: str = "Product Viewed", **overrides: Any) -> Event:
    """A track call of one anonymous visitor, who consents to everything, at `NOW`."""
    fields: dict[str, Any] = {
        "type": "track",
        "name": name,
        "message_id": f"m{next(_numbers)}",
        "time": NOW,
        "identifiers": identifiers(anonymous_id="visitor"),
        "consent": dict(EVERYTHING),
    } | overrides
    fields.setdefault("fingerprint", _fingerprint(fields))
    return Event(**fields)


def identify(traits: dict[str, Any] | None = None, **overrides: Any) -> Event:
    """An identify call that links the visitor's device to user u1."""
    linked = identifiers(anonymous_id="visitor", user_id="u1")
    return event("", **({"type": "identify", "traits": traits or {}, "identifiers": linked} | overrides))


def consent_event(consent: dict[str, bool], **overrides: Any) -> Event:
    """A `$consent` event: what a person said, and nothing else."""
    return event("", **({"type": CONSENT, "consent": consent} | overrides))


def wake_event(profile_id: str, **overrides: Any) -> Event:
    """A `$wake` for one profile."""
    base: dict[str, Any] = {
        "type": WAKE,
        "identifiers": (),
        "consent": None,
        "properties": {"profile_id": profile_id},
        "message_id": f"wake-{profile_id}",
    }
    return event("", **(base | overrides))


def score_event(
    profile_id: str,
    value: Any = "vip",
    *,
    at: int = NOW,
    version: str = "run-1",
    model: str = SHOPPER_CLUSTERS,
    percentile: float | None = None,
    **overrides: Any,
) -> Event:
    """A `$score` for one profile: what the run's model says of it as of `at`."""
    said = {"profile_id": profile_id, "model": model, "value": value, "version": version, "at": at}
    if percentile is not None:
        said["percentile"] = percentile
    base: dict[str, Any] = {
        "type": SCORE,
        "identifiers": (),
        "consent": None,
        "properties": said,
        "time": at,
        "message_id": f"score-{version}-{profile_id}-{at}",
    }
    return event(model, **(base | overrides))


def vip_segment(**overrides: Any) -> Segment:
    """Whom the model counts among the best."""
    fields: dict[str, Any] = {"id": "vip", "when": ScoreTest(model=SHOPPER_CLUSTERS, value="vip")}
    return Segment(**(fields | overrides))


def _fingerprint(fields: dict[str, Any]) -> str:
    linked = [list(map(str, (i.namespace, i.value))) for i in fields["identifiers"]]
    content = [fields["type"], fields["name"], linked, fields["time"]]
    content += [fields.get("properties", {}), fields.get("traits", {})]
    return short_hash(json.dumps(content, sort_keys=True)).hex()


def record(*events: Event, **overrides: Any) -> Record:
    """One request's events of one partition key, as a trusted client sent them."""
    fields: dict[str, Any] = {
        "source": "shop",
        "origin": Origin.INTERNAL if any(e.type.startswith("$") for e in events) else Origin.CLIENT,
        "received_at": max((e.time for e in events), default=NOW),
        "trusted": True,
        "events": events,
    } | overrides
    if "key" not in fields:
        linked = [identifier for e in events for identifier in e.identifiers]
        fields["key"] = partition_key(SECRET, linked) if linked else _wake_key(events)
    return Record(**fields)


def _wake_key(events: tuple[Event, ...]) -> str:
    return str(events[0].properties.get("profile_id", "")) if events else ""


def source(**overrides: Any) -> Source:
    return Source(**({"id": "shop", "origins": ("https://shop.example",)} | overrides))


def views_segment(**overrides: Any) -> Segment:
    """Viewed a product more than 3 times in 24 hours."""
    when = Performed(event="Product Viewed", at_least=4, within="24h")
    fields: dict[str, Any] = {"id": "keen", "when": when}
    return Segment(**(fields | overrides))


def cart_segment(**overrides: Any) -> Segment:
    """Left a cart alone for 15 minutes without an order."""
    when = Abandoned(
        key="cart_id",
        did=(KeyedFilter(event="Product Added"), KeyedFilter(event="Cart Viewed")),
        without=(KeyedFilter(event="Order Completed"),),
        after="15m",
    )
    fields: dict[str, Any] = {"id": "abandoned_cart", "when": when, "grace": "2m"}
    return Segment(**(fields | overrides))


def channel(**overrides: Any) -> Channel:
    return Channel(**({"id": "shop_webhook", "url": "https://shop.example/hooks"} | overrides))


def campaign(**overrides: Any) -> Campaign:
    """Reminds of an abandoned cart."""
    fields: dict[str, Any] = {
        "id": "cart_reminder",
        "trigger": Trigger(segment="abandoned_cart"),
        "channel": "shop_webhook",
        "message": {"subject": "Hello {{ traits.first_name | default('you') }}"},
    }
    return Campaign(**(fields | overrides))


def definition_list(*more: Definition) -> tuple[Definition, ...]:
    """One source, two segments, a campaign and its channel; `more` replaces what has the same kind and id."""
    base: tuple[Definition, ...] = (source(), views_segment(), cart_segment(), channel(), campaign())
    named = {(type(one), one.id): one for one in (*base, *more)}
    return tuple(named.values())


def definitions(*more: Definition) -> Definitions:
    """`definition_list` as a snapshot."""
    return snapshot(definition_list(*more))


def segments_of(profile: Profile) -> list[str]:
    """Ids of the segments the profile is in as of its last fold, in order."""
    inside = (key.partition("\x1f")[0] for key, stay in profile.memberships.items() if stay.left_at is None)
    return sorted(set(inside))


def profile_id(number: int = 1) -> str:
    """A profile id as ids look: 32 hex digits, spread evenly."""
    return profile_id_for(SECRET, f"profile {number}")


def profile_item(number: int = 1, **overrides: Any) -> ProfileItem:
    fields: dict[str, Any] = {"profile_id": profile_id(number), "version": 1, "state": b"state"}
    return ProfileItem(**(fields | overrides))


def delivery(**overrides: Any) -> Delivery:
    """A delivery that was just claimed."""
    owner = overrides.get("profile_id", profile_id())
    cause = overrides.get("cause", SegmentEntered("abandoned_cart", NOW, "cart-1"))
    fields: dict[str, Any] = {
        "profile_id": owner,
        "delivery_id": delivery_id(campaign(), owner, cause),
        "campaign": "cart_reminder",
        "channel": "shop_webhook",
        "cause": cause,
        "state": State.CLAIMED,
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": (NOW + 90 * DAY) // 1_000,
    }
    return Delivery(**(fields | overrides))


def model(version: str = "run-1", **overrides: Any) -> Clusters:
    """Two clusters: who does much is `vip`, who does nothing is `lapsed`."""
    fields: dict[str, Any] = {
        "name": SHOPPER_CLUSTERS,
        "version": version,
        "trained_at": NOW,
        "features": FEATURES,
        "mean": (3.0, 0.5, 2.0, 5.0, 1.0, 0.5),
        "scale": (1.0, 0.5, 2.0, 1.0, 1.0, 0.5),
        "centroids": ((-1.0, 1.0, 1.0, 0.5, 1.0, 1.0), (1.0, -1.0, -1.0, -0.5, -1.0, -1.0)),
        "labels": ("vip", "lapsed"),
    }
    return Clusters(**(fields | overrides))
