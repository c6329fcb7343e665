"""Which parts of an outside document say what: the definition of a mapping, in JMESPath."""

from __future__ import annotations

from typing import Annotated

import msgspec

from attune.domain.definitions.conditions import Part

Expression = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000, description="a JMESPath expression")]
Expressions = Annotated[dict[str, Expression], msgspec.Meta(max_length=200)]


class Mapping(Part, frozen=True, kw_only=True):
    """How a document (a webhook's body, a row of a file) becomes events. Values are JMESPath expressions.

    `each` gives the list of items where a document holds several; all others are applied to one item. `type` is a call
    of the Segment spec or an expression for one. `time`: of receipt where it gives nothing. What gives nothing is
    left out. `consent` says by purpose what the item states of it (true, false), as of `consent_time`.
    """

    each: Expression | None = None
    type: Expression = "track"
    event: Expression | None = None
    message_id: Expression | None = None
    time: Expression | None = None
    identifiers: Annotated[dict[str, Expression], msgspec.Meta(min_length=1, max_length=16)]
    properties: Expressions = {}  # noqa: RUF012 - msgspec copies it
    traits: Expressions = {}  # noqa: RUF012
    consent: dict[str, Expression] = {}  # noqa: RUF012
    consent_time: Expression | None = None
