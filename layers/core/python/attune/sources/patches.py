"""A patch: a JMESPath expression that is given a document and gives the corrected one."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from attune.domain.collection.expressions import Evaluation, ExpressionError
from attune.sources.payloads import UnreadableError


def patched(raw: bytes, patch: str) -> bytes:
    """The document in `raw`, corrected, as JSON.

    It is read more leniently than an entrance does, so that what an entrance refuses can be corrected: of a key that
    occurs twice the last counts. Of bytes that are no JSON at all nothing is read: the patch is given null, and can
    only give a whole document of its own. Raises `UnreadableError`: `unpatchable`.
    """
    try:
        return msgspec.json.encode(Evaluation().of(patch, _document(raw)))
    except (ExpressionError, TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        raise UnreadableError("unpatchable") from None


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
