"""Request bodies of the management APIs: strict JSON of a bounded size, into a type that names what is wrong."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.sources.payloads import UnreadableError, read_json, too_large

#: bytes; a definition is one DynamoDB item, and those end at 400 KB
MAX_BODY: Final = 100_000


def read_value(body: bytes) -> Any:
    """The JSON value; `AttuneError` `too_large` (413) or `invalid_json` (400)."""
    if len(body) > MAX_BODY:
        raise too_large(MAX_BODY)
    try:
        return read_json(body)
    except UnreadableError as error:
        raise AttuneError("invalid_json", f"the body is not JSON that can be used: {error.reason}") from None


def read_body[T](body: bytes, shape: type[T]) -> T:
    """The body as `shape`; `AttuneError` `invalid_body` (400) names the path that does not fit."""
    try:
        return msgspec.convert(read_value(body), shape)
    except msgspec.ValidationError as error:
        raise AttuneError("invalid_body", problem_line(error)) from None


def problem_line(error: msgspec.ValidationError) -> str:
    """`<JSON path>: <problem>`, from msgspec's own `<problem> - at <path>`."""
    problem, _, path = str(error).rpartition(" - at ")
    return f"{path.strip('`')}: {problem}" if problem else f"$: {error}"
