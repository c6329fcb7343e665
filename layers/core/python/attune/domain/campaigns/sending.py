"""Whether a campaign's message may leave now, and what its template may see.

Asked when a delivery is claimed and again before every send: the same question, so the same code.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain import segments
from attune.domain.consent.gate import Edge, Refusal, Refused, allowed
from attune.domain.profiles import carts
from attune.domain.profiles.changes import SegmentEntered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune.domain.definitions.kinds import Campaign, Channel, Definitions, Eligibility
    from attune.domain.profiles.changes import Change
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled


class Reason(StrEnum):
    """Why a delivery was not sent; part of the API."""

    NO_CAMPAIGN = "no_campaign"
    NO_CHANNEL = "no_channel"
    NO_PROFILE = "no_profile"
    NO_CONSENT = "no_consent"
    EXPIRED = "expired"
    RESTRICTED = "restricted"
    HELD = "held"
    LEFT_SEGMENT = "left_segment"
    NOT_ELIGIBLE = "not_eligible"


class Send(msgspec.Struct, frozen=True, tag=True):
    """Nothing speaks against it; the profile it goes to and the channel it takes."""

    profile: Profile
    channel: Channel


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """It must not leave. `detail` names the purpose or the segment; `refused` is the gate's answer, if it was that."""

    reason: Reason
    detail: str = ""
    refused: Refused | None = None


type Decision = Send | NotSent

#: who never gave consent and who withdrew it are refused alike
_REASONS: Final = {
    Refusal.EXPIRED: Reason.EXPIRED,
    Refusal.RESTRICTED: Reason.RESTRICTED,
    Refusal.HELD: Reason.HELD,
}


def triggered(definitions: Definitions, changes: Iterable[Change]) -> list[tuple[Campaign, SegmentEntered]]:
    """Every campaign that a change starts, in order of the changes, then of campaign ids."""
    campaigns = [campaign for _, campaign in sorted(definitions.campaigns.items())]
    return [
        (campaign, change)
        for change in changes
        if isinstance(change, SegmentEntered)
        for campaign in campaigns
        if campaign.trigger.segment == change.segment
    ]


def decide(
    campaign: Campaign | None,
    channel: Channel | None,
    cause: SegmentEntered,
    profile: Profile | None,
    *,
    held: Mapping[str, int],
    compiled: Compiled,
    now: int,
) -> Decision:
    """Send or not; None stands for what is no longer there.

    `held`: withdrawals by purpose that the stream has not carried yet (ms). `profile` was read consistently.
    """
    if campaign is None:
        return NotSent(Reason.NO_CAMPAIGN)
    if channel is None:
        return NotSent(Reason.NO_CHANNEL)
    if profile is None:
        return NotSent(Reason.NO_PROFILE)
    # A clock that lags behind the writer's must not see the profile before the entry that brought us here.
    at = max(now, cause.at)
    consent = compiled.policies.in_use(profile)
    answer = allowed(Edge.SEND, consent, at=at, held=held, purpose=channel.purpose)
    if isinstance(answer, Refused):
        return NotSent(_REASONS.get(answer.reason, Reason.NO_CONSENT), answer.purpose, answer)
    if not segments.holds(compiled, profile, cause.segment, cause.key, at):
        return NotSent(Reason.LEFT_SEGMENT, cause.segment)
    return _eligibility_refusal(campaign.eligibility, profile, compiled, at) or Send(profile, channel)


def message_context(
    campaign: Campaign, cause: SegmentEntered, profile: Profile, *, compiled: Compiled, now: int
) -> dict[str, Any]:
    """What a template sees: `profile`, `traits`, `campaign`, and `cart` where the cause has one."""
    at = max(now, cause.at)
    context: dict[str, Any] = {
        "profile": {"profile_id": profile.profile_id, "segments": segments.members(compiled, profile, at)},
        "traits": segments.traits_at(compiled, profile, at),
        "campaign": {"id": campaign.id, "name": campaign.name},
    }
    cart = profile.carts.get(cause.key) if cause.key else None
    return context if cart is None else context | {"cart": carts.view(cart)}


def _eligibility_refusal(eligibility: Eligibility, profile: Profile, compiled: Compiled, at: int) -> NotSent | None:
    if not (eligibility.in_segments or eligibility.not_in_segments):
        return None
    inside = set(segments.members(compiled, profile, at))
    for segment in eligibility.in_segments:
        if segment not in inside:
            return NotSent(Reason.NOT_ELIGIBLE, segment)
    for segment in eligibility.not_in_segments:
        # Whether somebody is in a segment that is not defined cannot be known: that refuses too.
        if segment in inside or segment not in compiled.segments:
            return NotSent(Reason.NOT_ELIGIBLE, segment)
    return None
