"""What somebody may decide, as it stands, and what their answer changes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.consent.gate import Refusal, is_closed, reason_against
from attune.domain.consent.policies import POLICY
from attune.domain.events import short_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.consent.policies import Policies
    from attune.domain.definitions.purposes import Purpose
    from attune.domain.profiles.consent import Consent


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose as it stands. `decided`: somebody said so, or a policy does; else nobody said anything yet.

    `notice`: the version of the privacy notice that is shown with it, "" where its definition names none.
    """

    purpose: str
    name: str
    description: str
    allowed: bool
    decided: bool
    notice: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All purposes as they stand. `seen`: stands for exactly this, so that an answer to something older is told.

    `restricted`: whatever is allowed, nothing is done at present. `suppressed`: nothing more can be allowed, since
    nothing is taken in of the person but what they refuse. `in_flight`: a message that had begun to leave before
    something was refused may still be leaving.
    """

    choices: tuple[Choice, ...]
    seen: str
    restricted: bool = False
    suppressed: bool = False
    in_flight: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer changes: purposes that are granted, and those that are withdrawn."""

    granted: tuple[str, ...]
    withdrawn: tuple[str, ...]
    #: what was to be granted and is not: it was an answer to what has changed since, or nothing more can be allowed
    outdated: tuple[str, ...] = ()


def standing(
    policies: Policies,
    known: Mapping[str, Consent],
    held: Mapping[str, int],
    now: int,
    *,
    suppressed: bool = False,
) -> Standing:
    """Of a person for whom this stands (`Policies.standing`) and is held (since when, ms), at `now`."""
    choices = tuple(_choice(purpose, policies, known, held, now) for purpose in policies.purposes.values())
    parts = [f"{one!r} {_decided(known.get(one.purpose), now)!r} {held.get(one.purpose)}" for one in choices]
    return Standing(
        choices=choices,
        seen=short_hash("seen", *parts).hex(),
        restricted=is_closed(known, held),
        suppressed=suppressed,
    )


def _decided(record: Consent | None, now: int) -> Consent | None:
    """What stands, as nobody changes it by saying again where they are: until when a policy holds is not shown."""
    if record is None or not record.source.startswith(POLICY):
        return record
    return None if record.ended(now) else msgspec.structs.replace(record, until=0)


def _choice(
    purpose: Purpose, policies: Policies, known: Mapping[str, Consent], held: Mapping[str, int], now: int
) -> Choice:
    """As the gate takes it. A grant that has expired is none, and nobody's word any more."""
    against = reason_against(known.get(purpose.id), held.get(purpose.id), now)
    shown = {since: version for version, since in policies.notices.get(purpose.id, {}).items() if since <= now}
    return Choice(
        purpose=purpose.id,
        name=purpose.name or purpose.id,
        description=purpose.description,
        allowed=against is None,
        decided=against not in (Refusal.NO_CONSENT, Refusal.EXPIRED),
        notice=shown[max(shown)] if shown else "",
    )


def change(shown: Standing, answer: Mapping[str, bool], seen: str) -> Change:
    """What the answer to what was `seen` says, where it is now as `shown`.

    A refusal is said again though it stands: from now on nothing older grants, no grant that arrives late and no page
    that was opened before. A permission that stands is not: who leaves it as it is does not give it by that. An answer
    to something older still withdraws; it grants nothing, or a page left open, or a form sent twice, could undo what
    somebody said in between.
    """
    stands = {one.purpose: one for one in shown.choices}
    granted = tuple(purpose for purpose, allow in answer.items() if allow and not stands[purpose].allowed)
    withdrawn = tuple(purpose for purpose, allow in answer.items() if not allow)
    if seen != shown.seen or shown.suppressed:
        return Change(granted=(), withdrawn=withdrawn, outdated=granted)
    return Change(granted=granted, withdrawn=withdrawn)
