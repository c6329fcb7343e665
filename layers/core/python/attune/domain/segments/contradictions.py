"""What is certain of a condition without asking anybody: it never holds, always does, or says a thing twice. Pure.

Only what is certain. A conjunction is impossible where two of its tests of one trait exclude each other, where more
events would have to lie in a part of a time than may lie in all of it, where lots do not meet, or where a part and its
opposite both stand in it. A condition always holds if its opposite is impossible; it is implied if the others and its
opposite are. Silence says nothing: there is more that is impossible than is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attune.domain.definitions.conditions import AllOf, AnyOf, NotOf
from attune.domain.segments.exclusions import Literal, contradict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.domain.definitions.conditions import Condition

#: alternatives inside one condition that are looked at one by one
_MOST_ALTERNATIVES: Final = 16


@dataclass(frozen=True, slots=True)
class Certainty:
    """`code`: `never_holds`, `always_holds` or `implied`; where, and in words."""

    code: str
    path: str
    text: str


def certainties(when: Condition) -> list[Certainty]:
    """Of a segment's condition, the innermost place first where one follows from another."""
    found = list(_found(when, "$.when"))
    if impossible(when) and not any(one.path == "$.when" for one in found):
        found.append(Certainty("never_holds", "$.when", "so the whole can never hold: nobody will ever be in it"))
    return found


def impossible(*conditions: Condition) -> bool:
    """Whether it is certain that these never hold at once."""
    return _is_impossible([Literal(one) for one in conditions])


def _found(condition: Condition, path: str) -> Iterator[Certainty]:
    inner = [one for part, place in _parts(condition, path) for one in _found(part, place)]
    yield from inner
    if any(one.code != "implied" for one in inner):
        return
    if impossible(condition):
        yield Certainty("never_holds", path, "can never hold")
    elif impossible(NotOf(condition=condition)):
        yield Certainty("always_holds", path, "always holds, so it says nothing")
    elif isinstance(condition, AllOf | AnyOf):
        yield from _implied(condition, path)


def _parts(condition: Condition, path: str) -> Iterator[tuple[Condition, str]]:
    match condition:
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            yield from ((part, f"{path}.conditions[{index}]") for index, part in enumerate(parts))
        case NotOf(condition=part):
            yield part, f"{path}.condition"
        case _:
            return


def _implied(condition: AllOf | AnyOf, path: str) -> Iterator[Certainty]:
    """Parts without which the condition would say the same; of two that say the same the second."""
    left = list(enumerate(condition.conditions))
    for place in reversed(left):
        index, part = place
        others = [one for at, one in left if at != index]
        if not others:
            return
        if isinstance(condition, AllOf):
            is_implied = impossible(*others, NotOf(condition=part))
        else:
            is_implied = impossible(part, *(NotOf(condition=one) for one in others))
        if is_implied:
            left.remove(place)
            whole = "whenever the others do" if isinstance(condition, AllOf) else "only where one of the others does"
            yield Certainty("implied", f"{path}.conditions[{index}]", f"holds {whole}: it can be left out")


# ------------------------------------------------------------------------------------------------ conjunctions


def _is_impossible(wanted: Sequence[Literal]) -> bool:
    literals: list[Literal] = []
    choices: list[list[Literal]] = []
    for one in wanted:
        _flatten(one, literals, choices)
    if contradict(literals):
        return True
    return any(
        len(choice) <= _MOST_ALTERNATIVES and all(_is_impossible([*literals, one]) for one in choice)
        for choice in choices
    )


def _flatten(one: Literal, literals: list[Literal], choices: list[list[Literal]]) -> None:
    """Into what must hold, and alternatives of which one must."""
    match one.condition:
        case NotOf(condition=part):
            _flatten(Literal(part, not one.holds), literals, choices)
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            inner = [Literal(part, one.holds) for part in parts]
            if isinstance(one.condition, AllOf) == one.holds:
                for literal in inner:
                    _flatten(literal, literals, choices)
            else:
                choices.append(inner)
        case _:
            literals.append(one)
