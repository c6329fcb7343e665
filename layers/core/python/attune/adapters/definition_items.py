"""How a definition, and each of its versions, looks as an item of the definitions table, its key aside."""

from __future__ import annotations

from typing import Any

import msgspec

from attune.domain.definitions.kinds import Definition, Segment, decode_definition
from attune.domain.past.takeovers import Standing, Version, took_over_at


def encode_standing(standing: Standing) -> dict[str, Any]:
    """Attributes that have nothing to say are left out."""
    item: dict[str, Any] = encode_version(standing) | {"since": _number(standing.since)}
    if standing.settled:
        item["settled"] = {"BOOL": True}
    if standing.serving:
        item |= {"serving": _document(standing.serving), "serving_version": _number(standing.serving_version)}
    if standing.takes_over_at is not None:
        item["takes_over_at"] = _number(standing.takes_over_at)
    return item


def decode_standing(item: Any) -> Standing:
    """The inverse; items of before there were takeovers have neither `since` nor what follows it."""
    serving = decode_definition(msgspec.json.decode(item["serving"]["S"])) if "serving" in item else None
    return Standing(
        definition=_definition(item),
        version=int(item["version"]["N"]),
        applied_at=int(item.get("at", {"N": "0"})["N"]),
        since=int(item.get("since", {"N": "0"})["N"]),
        settled="settled" in item,
        serving=serving if isinstance(serving, Segment) else None,
        serving_version=int(item.get("serving_version", {"N": "0"})["N"]),
        takes_over_at=int(item["takes_over_at"]["N"]) if "takes_over_at" in item else None,
    )


def encode_version(standing: Standing) -> dict[str, Any]:
    """The version that was just applied, for its history."""
    since = took_over_at(standing)
    return {
        "version": _number(standing.version),
        "document": _document(standing.definition),
        "at": _number(standing.applied_at),
    } | ({} if since is None else {"since": _number(since)})


def decode_version(item: Any) -> Version:
    """One of the history."""
    return Version(
        version=int(item["version"]["N"]),
        definition=None if "deleted" in item else _definition(item),
        applied_at=int(item.get("at", {"N": "0"})["N"]),
        since=int(item["since"]["N"]) if "since" in item else None,
    )


def _definition(item: Any) -> Definition:
    return decode_definition(msgspec.json.decode(item["document"]["S"]))


def _document(definition: Definition) -> dict[str, str]:
    return {"S": msgspec.json.encode(definition).decode()}


def _number(number: int) -> dict[str, str]:
    return {"N": str(number)}
