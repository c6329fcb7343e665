"""Whether a condition holds for a profile at an instant, since when, and when time alone will change that.

Everything is answered from state that does not depend on the order in which events arrived. An event counts from its
own time on; a window (t - W, t] no longer holds an event that is exactly W old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from attune.domain.segments.comparisons import compare
from attune.domain.segments.conditions import Absence, Every, Inverse, Score, Some, Trait, Window

if TYPE_CHECKING:
    from attune.domain.profiles import Profile, Timer
    from attune.domain.segments.conditions import Node

#: an abandoned thing is forgotten 30 days after it was last touched, as the weak identifiers are that lead to it
ABANDONED_LIFETIME: Final = 30 * 86_400_000


def node_holds(node: Node, profile: Profile, key: str, at: int) -> bool:
    """Truth of the condition at `at`, for the keyed thing `key` where the condition is about one."""
    match node:
        case Window():
            oldest = _nth_newest(node, profile)
            return oldest is not None and (node.within is None or oldest > at - node.within)
        case Absence():
            due = _due(node, profile, key)
            return due is not None and due[1] <= at < due[0] + ABANDONED_LIFETIME
        case Trait() | Score():
            return compare(node.operator, _known(node, profile)[0], node.value)
        case Every():
            return all(node_holds(child, profile, key, at) for child in node.nodes)
        case Some():
            return any(node_holds(child, profile, key, at) for child in node.nodes)
        case Inverse():
            return not node_holds(node.node, profile, key, at)
        case _:
            assert_never(node)


def node_since(node: Node, profile: Profile, key: str, at: int) -> int:
    """The instant since which the condition has had the truth value that it has at `at`; 0 for always."""
    match node:
        case Window():
            return _window_since(node, profile, at)
        case Absence():
            return _absence_since(node, profile, key, at)
        case Trait() | Score():
            return _known(node, profile)[1]
        case Every() | Some():
            truth = node_holds(node, profile, key, at)
            children = [
                node_since(child, profile, key, at)
                for child in node.nodes
                if node_holds(child, profile, key, at) == truth
            ]
            # a conjunction becomes true with its last child and false with its first; a disjunction the other way round
            return max(children) if truth == isinstance(node, Every) else min(children)
        case Inverse():
            return node_since(node.node, profile, key, at)
        case _:
            assert_never(node)


def node_until(node: Node, profile: Profile, key: str, at: int) -> int | None:
    """The first instant after `at` at which time alone may change the condition's truth; None for never."""
    match node:
        case Window():
            oldest = _nth_newest(node, profile)
            leaves = None if oldest is None or node.within is None else oldest + node.within
            return leaves if leaves is not None and leaves > at else None
        case Absence():
            due = _due(node, profile, key)
            instants = () if due is None else (due[1], due[0] + ABANDONED_LIFETIME)
            return min((instant for instant in instants if instant > at), default=None)
        case Trait() | Score():
            return None
        case Every() | Some():
            changes = [node_until(child, profile, key, at) for child in node.nodes]
            return min((instant for instant in changes if instant is not None), default=None)
        case Inverse():
            return node_until(node.node, profile, key, at)
        case _:
            assert_never(node)


def cancelled(timer: Timer) -> bool:
    """The thing was bought (or emptied) at or after it was last touched, or was never touched at all."""
    return timer.did is None or (timer.without is not None and timer.without >= timer.did)


def _known(node: Trait | Score, profile: Profile) -> tuple[Any, int]:
    """What is compared, and since when it is known; nothing has always been."""
    match node:
        case Trait():
            trait = profile.traits.get(node.trait)
            return (trait.value, trait.time) if trait else (None, 0)
        case Score():
            score = profile.scores.get(node.model)
            return (score.value, score.at) if score else (None, 0)
        case _:
            assert_never(node)


def _nth_newest(node: Window, profile: Profile) -> int | None:
    """Time of the event that decides the window: it holds while this one is young enough."""
    marks = profile.windows.get(node.slot, ())
    return marks[-node.at_least].time if len(marks) >= node.at_least else None


def _window_since(node: Window, profile: Profile, at: int) -> int:
    oldest = _nth_newest(node, profile)
    if oldest is None:
        return 0
    if node.within is not None and oldest <= at - node.within:
        return oldest + node.within
    return profile.windows[node.slot][-1].time


def _due(node: Absence, profile: Profile, key: str) -> tuple[int, int] | None:
    """When the thing was last touched and when it counts as abandoned; None while nothing is pending."""
    timer = profile.timers.get(node.slot, {}).get(key)
    if timer is None or timer.did is None or cancelled(timer):
        return None
    return timer.did, timer.did + node.after


def _absence_since(node: Absence, profile: Profile, key: str, at: int) -> int:
    timer = profile.timers.get(node.slot, {}).get(key)
    if timer is None or timer.did is None:
        return 0
    if cancelled(timer):
        return timer.without or 0
    touched, due = timer.did, timer.did + node.after
    if at < due:
        return touched
    return due if at < touched + ABANDONED_LIFETIME else touched + ABANDONED_LIFETIME
