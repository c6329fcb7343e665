"""What every client is told to say, in the words of the Segment spec, and what must be stored of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

#: values that a client or a server could spoil on their way
DELICATE: Final = {
    "text": "Zoë said \u201chi\u201d, 你好 👋",
    "empty": "",
    "price": 19.99,
    "count": 3,
    "large": 9_007_199_254_740_991,
    "below zero": -0.5,
    "yes": True,
    "no": False,
    "dotted.name": "kept",
    "list": [1, "two", {"three": 3.5}],
    "nested": {"a": {"b": {"c": "deep"}}},
    "when": "2026-02-28T23:59:60Z",
    "markup": "</script><b>&amp;</b>",
}
#: fields of a call that have a place of their own, or that speak of its sending
PLACED: Final = frozenset({
    "type", "event", "name", "category", "properties", "traits", "context", "integrations", "userId", "anonymousId",
    "previousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "writeKey",
})  # fmt: skip
PRODUCT: Final = {"product_id": "p-1", "sku": "SH-1", "name": "Linen shirt", "price": 49.0, "quantity": 1}


def calls_of(scenario: str, offered: frozenset[str], now: datetime) -> list[dict[str, Any]]:
    """One of each call that a client offers, and three times a track call, as a session goes.

    Two tell when they happened, the others leave that to the client. `context.mark` names each.
    """
    user, earlier = f"u-{scenario}", now - timedelta(hours=2, milliseconds=123)
    plan: list[dict[str, Any]] = [
        {"type": "identify", "traits": {**DELICATE, "plan": "gold", "address": {"city": "Köln"}}},
        {"type": "track", "event": "Product Added", "properties": {**DELICATE, **PRODUCT, "products": [PRODUCT]}},
        {"type": "page", "category": "Docs", "name": "Start", "properties": {"tab": "first", "depth": 2}},
        {"type": "screen", "category": "App", "name": "Cart", "properties": {"rows": [1, 2]}},
        {"type": "group", "groupId": f"g-{scenario}", "traits": {"name": "Ärzte GmbH", "employees": 12}},
        {"type": "alias", "previousId": f"old-{scenario}"},
        {"type": "track", "event": "Order Completed", "properties": {"order_id": "o-1", "total": 49.0}, "at": earlier},
        {"type": "track", "event": "Größe gewählt", "properties": {"size": "M"}, "at": earlier},
    ]
    said = []
    for number, call in enumerate(one for one in plan if one["type"] in offered):
        at = call.pop("at", None)
        said.append({
            **call,
            "userId": user,
            "anonymousId": f"a-{scenario}",
            "context": {"mark": f"{scenario}-{number}", "campaign": {"name": "spring", "source": "mail"}},
            "integrations": {"All": True, "Salesforce": False},
            **({"timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds")} if at else {}),
        })  # fmt: skip
    return said


def holds(stored: Any, said: Any) -> bool:
    """Whether everything that was said is there; objects may hold more, and numbers compare as numbers."""
    if isinstance(said, dict):
        return isinstance(stored, dict) and all(name in stored and holds(stored[name], said[name]) for name in said)
    if isinstance(said, list):
        same_length = isinstance(stored, list) and len(stored) == len(said)
        return same_length and all(holds(one, other) for one, other in zip(stored, said, strict=True))
    return type(stored) in (type(said), int, float) and bool(stored == said)


def missing_of(event: dict[str, Any], call: dict[str, Any]) -> list[str]:
    """What a stored event lacks of a call: the call as told to a driver, or as it was on the wire."""
    wanted = {
        "type": call.get("type"),
        "name": call.get("event") if call.get("type") == "track" else None,
        "properties": _properties(call),
        "traits": _traits(call),
        "context": _context(call),
    }
    missing = [f"{part}: {event.get(part)!r} for {value!r}" for part, value in wanted.items()
               if value is not None and not holds(event.get(part), value)]  # fmt: skip
    known = {(namespace, value) for namespace, value in event.get("identifiers", ())}
    claimed = [("user_id", call.get("userId")), ("anonymous_id", call.get("previousId"))]
    if call["type"] != "alias":
        claimed.append(("anonymous_id", call.get("anonymousId")))
    return missing + [f"identifier {one}" for one in claimed if one[1] and one not in known]


def _properties(call: dict[str, Any]) -> dict[str, Any] | None:
    """Where a call's fields lie that are no properties on the wire."""
    fields = ("groupId", "traits") if call["type"] == "group" else ("name", "category")
    named = {name: call[name] for name in fields if call.get(name)}
    return {**(call.get("properties") or {}), **named} or None


def _traits(call: dict[str, Any]) -> dict[str, Any] | None:
    return call.get("traits") if call["type"] == "identify" else None


def _context(call: dict[str, Any]) -> dict[str, Any]:
    """The call's own, and there what the Segment spec knows no place for."""
    context = {name: value for name, value in (call.get("context") or {}).items() if name != "traits"}
    if call.get("integrations"):
        context["integrations"] = call["integrations"]
    placed = PLACED | ({"groupId"} if call["type"] == "group" else set())
    unknown = {name: value for name, value in call.items() if name not in placed}
    return {**context, **({"unknown_fields": unknown} if unknown else {})}
