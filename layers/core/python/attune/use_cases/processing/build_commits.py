"""From a folded profile to the one atomic change that stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.identity.markers import Grave
from attune.domain.identity.resolution import Claim
from attune.domain.profiles.duplicates import expires_at
from attune.domain.profiles.splits import is_pending
from attune.domain.profiles.state import encode_profile, plain_size
from attune.domain.profiles.timers import SWEEP_EVERY
from attune.domain.segments import next_due
from attune.ports import Commit, Page, ProfileItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.processing.forgetting import Forgotten
    from attune.domain.processing.working import Working
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled

#: a transaction takes 100 actions
MAX_ACTIONS: Final = 90
#: bytes of a profile's state as it is held in memory; DynamoDB refuses an item of more than 400 KB for good
MAX_STATE: Final = 300_000
#: what a withdrawal or a wake-up may bring a full profile to: neither may ever be refused for want of room
MAX_STATE_WITH_CONSENT: Final = 380_000


class ProfileTooLargeError(Exception):
    """With these events the profile would outgrow its item."""


def build_commits(
    changed: Sequence[Working], compiled: Compiled, forgotten: Forgotten | None, *, together: bool
) -> list[Commit]:
    """All that a working set comes to, in the order in which it must come about. `together`: profiles all at once."""
    commits = [build_commit(working, compiled) for working in changed]
    if commits and together:
        commits = [join_commits(commits)]
    return commits + _build_forgetting(forgotten) if forgotten else commits


def build_commit(working: Working, compiled: Compiled) -> Commit:
    """The survivor, the tombstones of those it absorbed, and what it claims and records: one atomic change."""
    profile = working.profile
    state = encode_profile(profile)
    if plain_size(state) > (MAX_STATE if working.grown else MAX_STATE_WITH_CONSENT):
        raise ProfileTooLargeError
    item = ProfileItem(
        profile_id=profile.profile_id,
        version=working.target_version,
        state=state,
        due_at=_due_at(working, _next_due(profile, compiled)),
        outbox=tuple(working.changes),
        pages=tuple(profile.pages),
    )
    tombstones = [
        (
            one.version,
            ProfileItem(
                profile_id=one.profile_id,
                version=(one.version or 0) + 1,
                merged_into=profile.profile_id,
                ledger_length=one.ledger_length,
                ledger_head=one.ledger_head,
            ),
        )
        for one in working.absorbed
    ]
    return Commit(
        items=((working.version, item), *tombstones),
        claims=tuple(working.claims.values()),
        ledger=tuple(working.ledger),
        pages=tuple(
            Page(reference=reference, entries=entries, expires_at=expires_at(entries))
            for reference, entries in profile.pages.items()
            if reference not in working.stored_pages
        ),
    )


def _build_forgetting(forgotten: Forgotten) -> list[Commit]:
    """In the order in which they must come about, each at most as large as a transaction may be."""
    steps: list[Claim | Grave] = [*forgotten.others.values(), *forgotten.graves.values(), *forgotten.named.values()]
    begin = len(steps) % MAX_ACTIONS
    parts = [steps[:begin], *(steps[start : start + MAX_ACTIONS] for start in range(begin, len(steps), MAX_ACTIONS))]
    return [
        Commit(
            items=tuple((one.version - 1, _tombstone(one)) for one in part if isinstance(one, Grave)),
            claims=tuple(one for one in part if isinstance(one, Claim)),
        )
        for part in parts
        if part
    ]


def _tombstone(grave: Grave) -> ProfileItem:
    return ProfileItem(
        profile_id=grave.profile_id,
        version=grave.version,
        erased_at=grave.erased_at,
        suppressed_at=grave.suppressed_at,
        released_at=grave.released_at,
        ledger_length=grave.ledger_length,
        ledger_head=grave.ledger_head,
        pages=grave.pages,
    )


def join_commits(commits: Sequence[Commit]) -> Commit:
    """All of them or none."""
    return Commit(
        items=tuple(item for commit in commits for item in commit.items),
        claims=tuple(claim for commit in commits for claim in commit.claims),
        ledger=tuple(entry for commit in commits for entry in commit.ledger),
        pages=tuple({page.reference: page for commit in commits for page in commit.pages}.values()),
    )


def _due_at(working: Working, due: int | None) -> int | None:
    """Re-armed only for an earlier time: a wake-up too early costs less than moving it with every event."""
    armed = working.due_at if working.due_at is not None and working.due_at > working.profile.as_of else None
    return min((at for at in (armed, due) if at is not None), default=None)


def _next_due(profile: Profile, compiled: Compiled) -> int | None:
    """Who is not folded apart yet has entries that wait although they are due; asking now and then is enough."""
    due = next_due(compiled, profile)
    return max(due, profile.as_of + SWEEP_EVERY) if due is not None and is_pending(profile) else due


def is_too_large(commit: Commit) -> bool:
    """Whether it needs more actions than one transaction should take."""
    return len(commit.items) + len(commit.claims) + len(commit.ledger) > MAX_ACTIONS
